"""The staff's group itself: a conversation of its own kind, which no turn, list or report knows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, update

from bot.clock import IdMaker
from bot.delivery import outbox as door
from bot.messages import ChatKind, File, Purpose, Topic
from bot.shop.port import Shop
from bot.store.insert import insert_once
from bot.store.tables import conversations, topics
from handoff.console.labels import Labels


@dataclass(frozen=True, slots=True)
class Group:
    """A staff's group and how it is spoken to.

    Attributes:
        chat: the platform's id of the group.
        see: the setting `[agents] see`.
        counting: the channels that count windows.
    """

    channel: str
    chat: str
    labels: Labels
    zone: ZoneInfo
    see: str
    counting: Collection[str]
    shop_of: Callable[[Connection], Shop]


def enlist(connection: Connection, groups: Mapping[str, str], new_id: IdMaker, now: datetime) -> None:
    """Make `groups` (chats by channel) the staff's, and those that were theirs before customers' groups again."""
    was = conversations.c.chat_kind == ChatKind.STAFF.value
    for row in connection.execute(select(conversations.c.id, conversations.c.channel, conversations.c.chat).where(was)):
        if groups.get(row.channel) != row.chat:
            again = {"chat_kind": ChatKind.GROUP.value, "done_seq": conversations.c.last_seq}
            connection.execute(update(conversations).where(conversations.c.id == row.id).values(again))
    for channel, chat in groups.items():
        times = {"created_at": now, "updated_at": now}
        insert_once(connection, conversations, {"id": new_id(), "channel": channel, "chat": chat, **times})
        of_chat = conversations.c.channel == channel, conversations.c.chat == chat
        connection.execute(update(conversations).where(*of_chat).values(chat_kind=ChatKind.STAFF.value))


def id_of(connection: Connection, group: Group) -> str:
    """Return the id of the group's conversation."""
    of_chat = conversations.c.channel == group.channel, conversations.c.chat == group.chat
    return str(connection.execute(select(conversations.c.id).where(*of_chat)).scalar_one())


def tell(
    connection: Connection, group_id: str, key: str, text: str, topic: Topic, now: datetime, picture: File | None = None
) -> bool:
    """Put a message for the group into the outbox. Return False if `key` is there already."""
    draft = door.Draft(key, group_id, Purpose.STAFF, text, topic=topic, picture=picture)
    return door.put(connection, draft, now)


def conversation_in(connection: Connection, group_id: str, thread: str) -> str | None:
    """Return the conversation whose topic this is, None if it is nobody's."""
    of_thread = topics.c.group_id == group_id, topics.c.thread == thread, topics.c.thread != ""
    return connection.execute(select(topics.c.conversation_id).where(*of_thread)).scalar()

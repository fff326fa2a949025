"""What the web chat shows: both sides of one conversation, in the order in which they became visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, exists, or_, select, update

from bot import showcase
from bot.clock import Clock
from bot.delivery.signal import Signal
from bot.messages import CUSTOMER_TYPES_FOR, Chat, Choice, Event, File
from bot.store.database import Database
from bot.store.tables import agents, conversations, inbox, media, outbox
from connectors.webchat.transcript import Author, SaleCard, ShownMessage, Typist


@dataclass(frozen=True, slots=True)
class StoredTranscript:
    """`connectors.webchat.transcript.Transcript` over the database."""

    database: Database
    changes: Signal
    clock: Clock

    async def after(self, chat: Chat, seen: int, limit: int) -> tuple[Sequence[ShownMessage], Typist]:
        now = self.clock.now()
        return await self.database.read(lambda c: (shown_after(c, chat, seen, limit), typist_of(c, chat, now)))

    async def picture(self, chat: Chat, shown_id: int) -> File | None:
        return await self.database.read(lambda connection: picture_of(connection, chat, shown_id))

    async def types(self, chat: Chat) -> None:
        now = self.clock.now()
        await self.database.write(lambda connection: customer_types(connection, chat, now))

    async def sales(self, channel: str) -> Sequence[SaleCard]:
        now = self.clock.now()
        return await self.database.read(lambda connection: showcase.cards(connection, channel, now))

    async def hears_offers(self, chat: Chat) -> bool:
        return await self.database.read(lambda connection: showcase.hears_offers(connection, chat))

    async def wait(self, timeout_s: float) -> None:
        await self.changes.wait(self.changes.count, timeout_s)


def shown_after(connection: Connection, chat: Chat, seen: int, limit: int) -> list[ShownMessage]:
    """Return at most `limit` messages that became visible after the `seen`th."""
    said = connection.execute(
        select(inbox, _has_picture(media.c.inbox_id, inbox.c.id))
        .join(conversations, inbox.c.conversation_id == conversations.c.id)
        .where(*_of(chat), inbox.c.shown > seen, or_(inbox.c.event.is_(None), inbox.c.event == Event.MEDIA.value))
        .order_by(inbox.c.shown)
        .limit(limit)
    )
    answered = connection.execute(
        select(outbox, agents.c.name.label("agent_name"), _has_picture(media.c.outbox_id, outbox.c.id))
        .join(conversations, outbox.c.conversation_id == conversations.c.id)
        .outerjoin(agents, outbox.c.author == "agent:" + agents.c.id)
        .where(*_of(chat), outbox.c.shown > seen)
        .order_by(outbox.c.shown)
        .limit(limit)
    )
    messages = [_said(row) for row in said] + [_answered(row) for row in answered]
    return sorted(messages, key=lambda message: message.id)[:limit]


def picture_of(connection: Connection, chat: Chat, shown_id: int) -> File | None:
    """Return the picture of the `shown_id`th message of `chat`, whichever side sent it."""
    row = connection.execute(
        select(media.c.body, media.c.mime, media.c.name)
        .join(conversations, media.c.conversation_id == conversations.c.id)
        .outerjoin(inbox, media.c.inbox_id == inbox.c.id)
        .outerjoin(outbox, media.c.outbox_id == outbox.c.id)
        .where(*_of(chat), *_is_picture(), or_(inbox.c.shown == shown_id, outbox.c.shown == shown_id))
    ).first()
    return File(row.body, row.mime, row.name) if row else None


def typist_of(connection: Connection, chat: Chat, now: datetime) -> Typist:
    """Return `agent` while one is writing, `bot` while it has the conversation and something waits for its turn."""
    columns = conversations.c.owner, conversations.c.last_seq, conversations.c.done_seq, conversations.c.typing_until
    row = connection.execute(select(*columns).where(*_of(chat))).first()
    if row is None:
        return ""
    if row.owner == "agent" and row.typing_until is not None and now < row.typing_until:
        return "agent"
    return "bot" if row.owner == "bot" and row.last_seq > row.done_seq else ""


def customer_types(connection: Connection, chat: Chat, now: datetime) -> None:
    """Note that the customer is writing, if a human has the conversation or is about to.

    Nobody is woken for it: an open console looks every second.
    """
    seen_by_people = conversations.c.owner.in_(("queue", "agent"))
    writing = update(conversations).where(*_of(chat), seen_by_people)
    connection.execute(writing.values(customer_typing_until=now + CUSTOMER_TYPES_FOR))


def _of(chat: Chat) -> tuple[ColumnElement[bool], ...]:
    return conversations.c.channel == chat.channel, conversations.c.chat == chat.id


def _is_picture() -> tuple[ColumnElement[bool], ...]:
    return media.c.kind == "image", media.c.body.is_not(None)


def _has_picture(of_message: Column[Any], message_id: Column[Any]) -> ColumnElement[bool]:
    return exists().where(of_message == message_id, *_is_picture()).label("picture")


def _said(row: Any) -> ShownMessage:
    return ShownMessage(
        row.shown, True, "customer", "", row.text, (), row.received_at, row.key, picture=bool(row.picture)
    )


def _answered(row: Any) -> ShownMessage:
    kind = row.author.partition(":")[0]
    author: Author = "agent" if kind == "agent" else "campaign" if kind == "campaign" else "bot"
    choices = tuple(Choice(**choice) for choice in row.choices)
    text = "\n".join([row.text, *(f"{number}. {option}" for number, option in enumerate(row.poll or (), 1))])
    return ShownMessage(
        row.shown, False, author, row.agent_name or "", text, choices, row.sent_at, picture=bool(row.picture)
    )

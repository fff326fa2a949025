"""In which chat a person is written to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, or_, select

from bot.delivery.standing import newest_answer
from bot.messages import ChatKind
from bot.store.tables import conversations, identities, persons

OWN_PAGES = frozenset({"web"})
"""Kinds of channels on which no consent is needed, see `bot.messages.Limits.own_page`."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A private chat that can be reached.

    Attributes:
        said: what was last answered about marketing there, by any account of the person; None: nothing.
        language, name: of the account; empty where they are not known.
    """

    id: str
    channel: str
    said: bool | None
    language: str
    name: str
    last_agent_id: str | None

    @property
    def kind(self) -> str:
        return self.channel.partition(":")[0]

    @property
    def may_hear(self) -> bool:
        """Return whether marketing may be said there."""
        return self.said if self.said is not None else self.kind in OWN_PAGES


def chats_of(connection: Connection, people: Collection[str], channels: Collection[str] = ()) -> dict[str, Chat]:
    """Return by person the chat they are best written to in: where they may be, then where they were seen last.

    Args:
        people: ids of persons; each stands for everybody who is the same customer.
        channels: only there; empty: anywhere.
    """
    one, same = persons.alias("one"), persons.alias("same")
    third = persons.alias("third")
    all_of_them = select(third.c.id).where(or_(third.c.id == one.c.id, third.c.customer_id == one.c.customer_id))
    here = conversations.c.channel
    query = (
        select(
            one.c.id.label("person"),
            conversations.c.id,
            here,
            newest_answer(one.c.id, here, all_of_them.correlate(one))
            .correlate(one, conversations)
            .scalar_subquery()
            .label("said"),
            same.c.language,
            same.c.name,
            conversations.c.last_agent_id,
        )
        .select_from(one)
        .join(same, or_(same.c.id == one.c.id, same.c.customer_id == one.c.customer_id))
        .join(identities, identities.c.person_id == same.c.id)
        .join(conversations, conversations.c.identity_id == identities.c.id)
        .where(one.c.id.in_(list(people)), conversations.c.unreachable.is_(False))
        .where(conversations.c.chat_kind == ChatKind.PRIVATE.value)
        .order_by(one.c.id, conversations.c.updated_at.desc(), conversations.c.id)
    )
    if channels:
        query = query.where(here.in_(sorted(channels)))
    found: dict[str, Chat] = {}
    for person, rows in groupby(connection.execute(query), attrgetter("person")):
        chats = [Chat(*row[1:]) for row in rows]
        found[person] = next((chat for chat in chats if chat.may_hear), chats[0])
    return found

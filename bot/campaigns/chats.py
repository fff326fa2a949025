"""In which chat a person is written to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from bot.delivery import ledger
from bot.delivery.complaints import KIND as COMPLAINT
from bot.delivery.gate import HUMAN_RESERVE
from bot.messages import WINDOW, ChatKind, Purpose
from bot.store.tables import consents, conversations, identities, persons, tasks

OWN_PAGES = frozenset({"web"})
"""Kinds of channels on which no consent is needed, see `bot.messages.Limits.own_page`."""
COUNTED = frozenset({"wechat", "miniprogram", "kf"})
"""Kinds of channels on which a send needs a right that the customer opened."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A private chat that can be reached.

    Attributes:
        said: what was last answered about marketing there, by any account of the person; None: nothing.
        language, name: of the account; empty where they are not known.
        road: on which marketing could leave now, `open`, `window` or `subscription`; empty if on none.
    """

    id: str
    channel: str
    said: bool | None
    language: str
    name: str
    last_agent_id: str | None
    road: str

    @property
    def kind(self) -> str:
        return self.channel.partition(":")[0]

    @property
    def may_hear(self) -> bool:
        """Return whether marketing may be said there."""
        return self.said if self.said is not None else self.kind in OWN_PAGES

    @property
    def rank(self) -> tuple[bool, bool]:
        return self.may_hear, bool(self.road)


def chats_of(
    connection: Connection, people: Collection[str], channels: Collection[str], now: datetime, notice: str = "recall"
) -> dict[str, Chat]:
    """Return by person the chat they are best written to in.

    That is where they may be, then where a road is open, then where they were seen last.

    Args:
        people: ids of persons; each stands for everybody who is the same customer.
        channels: only there; empty: anywhere.
        notice: what it would be as a notice that the customer asked for.
    """
    of = accounts_of(connection, people)
    said = _answers(connection, of)
    query = (
        select(
            identities.c.person_id,
            conversations.c.id,
            conversations.c.channel,
            conversations.c.last_agent_id,
            persons.c.language,
            persons.c.name,
        )
        .join(identities, conversations.c.identity_id == identities.c.id)
        .join(persons, identities.c.person_id == persons.c.id)
        .where(identities.c.person_id.in_(list(of)), conversations.c.unreachable.is_(False))
        .where(conversations.c.chat_kind == ChatKind.PRIVATE.value)
        .order_by(conversations.c.updated_at.desc(), conversations.c.id)
    )
    if channels:
        query = query.where(conversations.c.channel.in_(sorted(channels)))
    rows = connection.execute(query).all()
    counted = (row.id for row in rows if row.channel.partition(":")[0] in COUNTED)
    rights = ledger.rights_of(connection, counted, locked=False)
    found: dict[str, Chat] = {}
    for row in rows:
        road = _road(row.channel.partition(":")[0], rights[row.id], notice, now)
        for person in of[row.person_id]:
            answer = max((said[key] for key in ((person, row.channel), (person, "*")) if key in said), default=None)
            granted = None if answer is None else answer[-1]
            chat = Chat(row.id, row.channel, granted, row.language, row.name, row.last_agent_id, road)
            if person not in found or chat.rank > found[person].rank:
                found[person] = chat
    return found


def _road(kind: str, rights: ledger.Rights, notice: str, now: datetime) -> str:
    if kind not in COUNTED:
        return "open"
    if ledger.left(rights, WINDOW, Purpose.MARKETING, now) > HUMAN_RESERVE:
        return "window"
    return "subscription" if ledger.left(rights, f"credit:{notice}", Purpose.MARKETING, now) else ""


def accounts_of(connection: Connection, people: Collection[str]) -> dict[str, list[str]]:
    """Return for every account of these people whom it stands for: who is the same customer is the same person."""
    one, same = persons.alias("one"), persons.alias("same")
    query = (
        select(same.c.id, one.c.id.label("person"))
        .join(same, same.c.customer_id == one.c.customer_id)
        .where(one.c.id.in_(list(people)), same.c.id != one.c.id)
    )
    of = {person: [person] for person in people}
    for row in connection.execute(query):
        of.setdefault(row.id, []).append(row.person)
    return of


def _answers(
    connection: Connection, of: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], tuple[datetime, int, bool]]:
    """Return the newest answer about marketing by person and channel, with what tells which is the newest."""
    marketing = consents.c.purpose == Purpose.MARKETING.value, consents.c.person_id.in_(list(of))
    query = select(consents).where(*marketing).order_by(consents.c.at, consents.c.id)
    rows = connection.execute(query)
    return {(person, row.channel): (row.at, row.id, row.granted) for row in rows for person in of[row.person_id]}


def complaining(connection: Connection, people: Collection[str]) -> set[str]:
    """Return which of these people have a complaint that is not solved, in a chat of any of their accounts."""
    of = accounts_of(connection, people)
    query = (
        select(identities.c.person_id)
        .join(conversations, conversations.c.identity_id == identities.c.id)
        .join(tasks, tasks.c.conversation_id == conversations.c.id)
        .where(identities.c.person_id.in_(list(of)), tasks.c.kind == COMPLAINT, tasks.c.done.is_(False))
    )
    return {person for row in connection.execute(query) for person in of[row.person_id]}

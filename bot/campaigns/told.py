"""Who was told of a sale: each announcement with what became of it and why, and what waits for people of the staff."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from bot.campaigns.announcing import author_of, campaign_of
from bot.campaigns.moments import BY_HAND, PHRASES, START
from bot.store.tables import conversations, identities, outbox

STATUSES = ("waiting", "sending", "confirming", "sent", "unsure", "failed", "dropped", "task")


@dataclass(frozen=True, slots=True)
class Told:
    """One announcement to one chat.

    Attributes:
        id: rises with the time at which it was written.
        moment: see `bot.campaigns.moments`.
        name: of the person, or of the member of the staff; empty where the platform told none.
        reason: why it has this status, as the gate or the platform said.
        sent_at: when it was sent, or its task made.
    """

    id: int
    moment: str
    channel: str
    chat: str
    name: str
    status: str
    reason: str
    created_at: datetime
    sent_at: datetime | None


def told(
    connection: Connection,
    sale_id: str,
    *,
    find: str = "",
    reasons: Collection[str] = (),
    status: str = "",
    before_id: int | None = None,
    limit: int,
) -> tuple[Told, ...]:
    """Return announcements of a sale, the newest first.

    Args:
        find: only those whose person, chat, channel or reason has this in it, in any case.
        reasons: with `find`: and those with one of these reasons, which people know by other words.
        status: only those with it.
        before_id: only those before this one: the last of the page before.
        limit: how many at most.
    """
    query = _query(sale_id).order_by(outbox.c.id.desc()).limit(limit)
    if status:
        query = query.where(outbox.c.status == status)
    if before_id is not None:
        query = query.where(outbox.c.id < before_id)
    if find:
        query = query.where(_has(find) | outbox.c.reason.in_(reasons))
    return _read(connection, sale_id, query)


def by_hand(connection: Connection, sale_id: str, limit: int) -> tuple[Told, ...]:
    """Return the announcements that people of the staff send by hand: those that nobody has confirmed first."""
    kinds = or_(*(outbox.c.channel.startswith(f"{kind}:", autoescape=True) for kind in sorted(BY_HAND)))
    open_first = (outbox.c.status == "sent").asc()
    query = _query(sale_id).where(kinds).order_by(open_first, outbox.c.id).limit(limit)
    return _read(connection, sale_id, query)


def _query(sale_id: str) -> Select[tuple[object, ...]]:
    authors = [f"campaign:{campaign_of(sale_id, moment)}" for moment in PHRASES]
    name = func.coalesce(identities.c.name, "").label("name")
    columns = [outbox.c[name] for name in ("id", "channel", "status", "reason", "author", "created_at", "sent_at")]
    return (
        select(*columns, conversations.c.chat, name)
        .join(conversations, outbox.c.conversation_id == conversations.c.id)
        .outerjoin(identities, conversations.c.identity_id == identities.c.id)
        .where(outbox.c.author.in_(authors))
    )


def _has(find: str) -> ColumnElement[bool]:
    columns = (identities.c.name, conversations.c.chat, outbox.c.channel, outbox.c.reason)
    return or_(*(column.icontains(find, autoescape=True) for column in columns))


def _read(connection: Connection, sale_id: str, query: Select[tuple[object, ...]]) -> tuple[Told, ...]:
    own = f"{author_of(sale_id)}:"
    found = []
    for row in connection.execute(query).mappings():
        values = dict(row)
        author = values.pop("author")
        found.append(Told(moment=author.removeprefix(own) if author.startswith(own) else START, **values))
    return tuple(found)

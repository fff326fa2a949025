"""Who was told of a sale: each announcement with what became of it and why, and what waits for people of the staff."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, case, func, or_, select

from bot.campaigns.announcing import OF_CAMPAIGNS, author_of, authors_of
from bot.campaigns.moments import BY_HAND, START
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
    may_find: Callable[[str, str], bool] = operator.eq,
    status: str = "",
    before_id: int | None = None,
    limit: int,
) -> tuple[Told, ...]:
    """Return announcements of a sale, the newest first.

    Args:
        find: only those whose channel or reason has this in it, in any case, whose chat is this, or whose person
            (where there is no name, whose chat) may be found by it.
        reasons: with `find`: and those with one of these reasons, which people know by other words.
        may_find: whether what names somebody may be found by some words, given both.
        status: only those with it.
        before_id: only those before this one: the last of the page before.
        limit: how many at most.
    """
    query = _query(sale_id).order_by(outbox.c.id.desc()).limit(limit)
    if status:
        query = query.where(outbox.c.status == status)
    if find:
        query = query.where(_has(find) | outbox.c.reason.in_(reasons))
    kept: list[Told] = []
    while True:
        some = _read(connection, sale_id, query if before_id is None else query.where(outbox.c.id < before_id))
        kept += [one for one in some if not find or _is_found(one, find, reasons, may_find)]
        if len(some) < limit or len(kept) >= limit:
            return tuple(kept[:limit])
        before_id = some[-1].id


def _is_found(one: Told, find: str, reasons: Collection[str], may_find: Callable[[str, str], bool]) -> bool:
    if one.reason in reasons or one.chat == find:
        return True
    open_to_all = any(find.lower() in said.lower() for said in (one.channel, one.reason))
    return open_to_all or may_find(one.name or one.chat, find)


def by_hand(connection: Connection, sale_id: str, limit: int) -> tuple[Told, ...]:
    """Return the announcements that people of the staff send by hand: those that nobody has confirmed first."""
    kinds = or_(*(outbox.c.channel.startswith(f"{kind}:", autoescape=True) for kind in sorted(BY_HAND)))
    open_first = (outbox.c.status == "sent").asc()
    query = _query(sale_id).where(kinds).order_by(open_first, outbox.c.id).limit(limit)
    return _read(connection, sale_id, query)


def _query(sale_id: str) -> Select[tuple[object, ...]]:
    name = func.coalesce(identities.c.name, "").label("name")
    columns = [outbox.c[name] for name in ("id", "channel", "status", "reason", "author", "created_at", "sent_at")]
    return (
        select(*columns, conversations.c.chat, name)
        .join(conversations, outbox.c.conversation_id == conversations.c.id)
        .outerjoin(identities, conversations.c.identity_id == identities.c.id)
        .where(OF_CAMPAIGNS, outbox.c.author.in_(authors_of(sale_id)))
    )


def _has(find: str) -> ColumnElement[bool]:
    """Return what narrows a search down; what of it may be found is looked at afterwards."""
    shown = case((func.coalesce(identities.c.name, "") == "", conversations.c.chat), else_=identities.c.name)
    columns = (shown, outbox.c.channel, outbox.c.reason)
    return or_(conversations.c.chat == find, *(column.icontains(find, autoescape=True) for column in columns))


def _read(connection: Connection, sale_id: str, query: Select[tuple[object, ...]]) -> tuple[Told, ...]:
    own = f"{author_of(sale_id)}:"
    found = []
    for row in connection.execute(query).mappings():
        values = dict(row)
        author = values.pop("author")
        found.append(Told(moment=author.removeprefix(own) if author.startswith(own) else START, **values))
    return tuple(found)

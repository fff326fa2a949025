"""What came of a sale: its pieces, its line, and who was told, with the reason where they were not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from bot.campaigns.announcing import OF_CAMPAIGNS
from bot.campaigns.line import sale_of
from bot.store.tables import claims, outbox, sales


@dataclass(frozen=True, slots=True)
class Announced:
    """How many announcements on a channel have a status, and why."""

    channel: str
    status: str
    reason: str
    many: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sale as it stands.

    Attributes:
        revenue_minor: of what is paid.
        from_line: pieces that were offered to somebody in line.
        claims: how many stand at `waiting`, `held`, `paid`, `released`, `refunded` and `late`.
        announced: announcements by channel and what became of them, e.g. `telegram:bot sent`, with reasons.
    """

    id: str
    status: str
    total: int
    available: int
    revenue_minor: int
    currency: str
    from_line: int
    claims: Mapping[str, int]
    announced: Mapping[str, int]


def outcome(connection: Connection, sale_id: str, told: Sequence[Announced]) -> Outcome:
    """Return what came of a sale so far.

    Args:
        told: what became of its announcements, see `announced`.

    Raises:
        NotFound: there is no such sale.
    """
    sale = sale_of(connection, sale_id)
    of_sale = claims.c.sale_id == sale_id
    by_status = select(claims.c.status, func.count()).where(of_sale).group_by(claims.c.status)
    stand = {row[0]: row[1] for row in connection.execute(by_status)}
    offered = of_sale, claims.c.place > 0, claims.c.held_at.is_not(None)
    from_line = connection.execute(select(func.count()).select_from(claims).where(*offered)).scalar_one()
    return Outcome(
        id=sale_id,
        status=sale.status,
        total=sale.total,
        available=sale.available,
        revenue_minor=stand.get("paid", 0) * sale.price_minor,
        currency=sale.currency,
        from_line=from_line,
        claims=stand,
        announced=counts(told),
    )


def counts(told: Sequence[Announced]) -> dict[str, int]:
    """Return what became of the announcements of a campaign by channel and reason, in one line each."""
    found: dict[str, int] = {}
    for one in told:
        why = f": {one.reason}" if one.reason else ""
        name = f"{one.channel} {one.status}{why}"
        found[name] = found.get(name, 0) + one.many
    return found


def announced(connection: Connection, authors: Sequence[str]) -> list[Announced]:
    """Return what became of the announcements of a campaign, counted: of those by these authors.

    What was sent, or waits for the staff, needs no reason.
    """
    theirs = OF_CAMPAIGNS, outbox.c.author.in_(authors)
    reason = case((outbox.c.status.in_(("sent", "confirming")), ""), else_=outbox.c.reason).label("reason")
    rows = select(outbox.c.channel, outbox.c.status, reason).where(*theirs).subquery()
    counted = select(*rows.c, func.count()).group_by(*rows.c).order_by(*rows.c)
    return [Announced(*tuple(row)) for row in connection.execute(counted)]


def listed(connection: Connection) -> list[dict[str, Any]]:
    """Return all sales for a list, the newest first."""
    columns = [sales.c[name] for name in ("id", "sku", "status", "available", "total", "starts_at", "ends_at")]
    query = select(*columns).order_by(sales.c.starts_at.desc(), sales.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]

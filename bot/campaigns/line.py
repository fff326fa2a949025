"""The line of a sale: who comes too late is served in order, with a time of their own for each piece that is freed.

Whatever changes a claim has its sale's row locked, so that of a sale one thing happens after the other: while pieces
are free nobody waits, and `available` + held + paid = `total` whenever somebody looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, literal_column, select, update

from bot.delivery.timers import set_timer
from bot.errors import NotFound
from bot.store.database import AnyRow
from bot.store.tables import claims, sales

TELL = "sale_tell"
"""Kind of the timer that tells people what became of their claims; see `bot.campaigns.telling`."""
LOOK = "sale_expire"
"""Kind of the one timer of a sale that ends holds."""
AT_ONCE = 500
"""Holds that one transaction ends: others wait for the sale meanwhile."""
TOLD_AT_ONCE = 100
OVER = ("ended", "cancelled")
WAITING = literal_column("'waiting'", claims.c.status.type)
HELD = literal_column("'held'", claims.c.status.type)
"""Written out: PostgreSQL makes one plan for all values of a parameter, and that one could not use a partial index."""


_SALE = select(sales).where(sales.c.id == bindparam("sale"))
_LOCKED = _SALE.with_for_update()


def locked_sale(connection: Connection, sale_id: str) -> AnyRow:
    """Return a sale's row, locked until the transaction ends.

    Raises:
        NotFound: there is no such sale.
    """
    return _found(connection, sale_id, _LOCKED)


def sale_of(connection: Connection, sale_id: str) -> AnyRow:
    """Return a sale's row as it is now.

    Raises:
        NotFound: there is no such sale.
    """
    return _found(connection, sale_id, _SALE)


def _found(connection: Connection, sale_id: str, query: Select[Any]) -> AnyRow:
    row = connection.execute(query, {"sale": sale_id}).one_or_none()
    if row is None:
        raise NotFound(f"There is no sale {sale_id}. Look at `zhanggui sales list` for the ones there are.")
    return row


def is_open(sale: AnyRow, now: datetime) -> bool:
    """Return whether pieces are given out."""
    return bool(sale.status == "running" and sale.ends_at > now)


def give_back(connection: Connection, sale: AnyRow, count: int, now: datetime) -> None:
    """Give freed pieces (or, with 0, those that are there) to the first in line; what is left is for everybody.

    Args:
        sale: as `locked_sale` returned it.
    """
    free = sale.available + count
    served = _serve(connection, sale, free, now) if is_open(sale, now) else 0
    connection.execute(update(sales).where(sales.c.id == sale.id).values(available=sales.c.available + count - served))


def _serve(connection: Connection, sale: AnyRow, free: int, now: datetime) -> int:
    waiting = claims.c.sale_id == sale.id, claims.c.status == WAITING
    first = select(claims.c.id).where(*waiting).order_by(claims.c.place).limit(free)
    ids = connection.execute(first).scalars().all()
    if ids:
        offered = {"status": "held", "held_at": now, "expires_at": now + timedelta(seconds=sale.offer_s)}
        connection.execute(update(claims).where(claims.c.id.in_(ids)).values(offered))
        tell(connection, "offered", ids, now)
    return len(ids)


def tell(connection: Connection, what: str, claim_ids: Sequence[str], now: datetime) -> None:
    """Have people told what became of their claims, by a timer: here no conversation may be touched."""
    for begin_at in range(0, len(claim_ids), TOLD_AT_ONCE):
        some = list(claim_ids[begin_at : begin_at + TOLD_AT_ONCE])
        key = f"tell:{what}:{some[0]}:{now:%Y%m%d%H%M%S%f}"
        set_timer(connection, key, TELL, {"what": what, "claims": some}, now)


def begin(connection: Connection, sale: AnyRow, now: datetime) -> None:
    """Set the timer that ends the sale's holds. It sets itself again, so that no claim has to touch it.

    Who fires it has its row and wants the sale's; a claim has the sale's row and would want the timer's.
    """
    _look_at(connection, sale, now + _shortest(sale))


def _shortest(sale: AnyRow) -> timedelta:
    return timedelta(seconds=min(sale.hold_s, sale.offer_s))


def _look_at(connection: Connection, sale: AnyRow, at: datetime) -> None:
    set_timer(connection, f"sale:{sale.id}:expire", LOOK, {"sale_id": sale.id}, at)


def release_due(connection: Connection, sale_id: str, now: datetime) -> int:
    """End the holds that have run out, give their pieces on, and look again in time for the next.

    Returns:
        How many were ended.
    """
    sale = locked_sale(connection, sale_id)
    ended = release(connection, sale, now)
    earliest = (
        select(claims.c.expires_at)
        .where(claims.c.sale_id == sale_id, claims.c.status == HELD)
        .order_by(claims.c.expires_at)
        .limit(1)
    )
    next_at = connection.execute(earliest).scalar()
    # Whoever holds a piece from now on holds it for so long at least: nothing runs out before the next look.
    at_most = [now + _shortest(sale)] if sale.status not in OVER else []
    if times := [at for at in (next_at, *at_most) if at is not None]:
        _look_at(connection, sale, max(now, min(times)))
    return ended


def release(connection: Connection, sale: AnyRow, now: datetime) -> int:
    """End holds of a locked sale that have run out, those that ran out first first."""
    due = (
        select(claims.c.id)
        .where(claims.c.sale_id == sale.id, claims.c.status == HELD, claims.c.expires_at <= now)
        .order_by(claims.c.expires_at, claims.c.id)
        .limit(AT_ONCE)
    )
    ids = connection.execute(due).scalars().all()
    if ids:
        connection.execute(update(claims).where(claims.c.id.in_(ids)).values(status="released"))
        tell(connection, "released", ids, now)
        give_back(connection, sale, len(ids), now)
    return len(ids)

"""The course of a sale: how it stood from time to time, written down while it runs, for its chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, ScalarSelect, func, literal_column, select

from bot.campaigns.line import OVER
from bot.delivery.timers import set_timer
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import claims, sale_points, sales

TIMER = "sale_point"
SOONEST = timedelta(seconds=2)
SHARE = 60
"""The next point comes after a sixtieth of the time that the sale has run: a rush is seen in full, and a week of sale
has not 700 points."""


@dataclass(frozen=True, slots=True)
class Point:
    """How a sale stood at a time. `available` + `held` + `paid` is its total; `waiting` stand in line.

    Attributes:
        claims: that were made so far, whatever became of them.
    """

    at: datetime
    available: int
    held: int
    paid: int
    waiting: int
    claims: int


def begin(connection: Connection, sale: AnyRow, now: datetime) -> None:
    """Write down how a sale stands, from now on until the last hold after its end has run out."""
    set_timer(connection, f"sale:{sale.id}:point", TIMER, {"sale_id": sale.id, "since": now.isoformat()}, now)


def note(connection: Connection, sale_id: str, since: datetime, now: datetime) -> None:
    """Write down how a sale stands now, and set the timer for the next time.

    Args:
        since: when it began to be written down.
    """
    point = put(connection, sale_id, now)
    status = connection.execute(select(sales.c.status).where(sales.c.id == sale_id)).scalar()
    if point is not None and (status not in OVER or point.held):
        payload = {"sale_id": sale_id, "since": since.isoformat()}
        set_timer(connection, f"sale:{sale_id}:point", TIMER, payload, next_at(since, now))


def put(connection: Connection, sale_id: str, now: datetime) -> Point | None:
    """Write down how a sale stands now, and return it; None if there is no such sale."""
    point = stand(connection, sale_id, now)
    if point is not None:
        values = {name: getattr(point, name) for name in ("at", "available", "held", "paid", "waiting", "claims")}
        insert_once(connection, sale_points, {"sale_id": sale_id, **values})
    return point


def next_at(since: datetime, now: datetime) -> datetime:
    """Return when a sale is written down next that was written down now, and `since` then."""
    return now + max(SOONEST, (now - since) / SHARE)


def stand(connection: Connection, sale_id: str, now: datetime) -> Point | None:
    """Return how a sale stands, None if there is no such sale. One statement: its numbers fit each other."""
    counted = select(sales.c.available, _many("held"), _many("paid"), _many("waiting"), _many()).where(
        sales.c.id == sale_id
    )
    row = connection.execute(counted).one_or_none()
    return None if row is None else Point(now, *(int(number) for number in row))


def _many(status: str = "") -> ScalarSelect[int]:
    """Return the query for how many claims have a status, which stands in it: each has an index of its own."""
    of_sale = select(func.count()).select_from(claims).where(claims.c.sale_id == sales.c.id)
    return (of_sale.where(claims.c.status == literal_column(f"'{status}'")) if status else of_sale).scalar_subquery()


def course(connection: Connection, sale_id: str) -> tuple[Point, ...]:
    """Return what was written down of a sale, the earliest first."""
    columns = [column for column in sale_points.c if column.name != "sale_id"]
    query = select(*columns).where(sale_points.c.sale_id == sale_id).order_by(sale_points.c.at)
    return tuple(Point(*row) for row in connection.execute(query))

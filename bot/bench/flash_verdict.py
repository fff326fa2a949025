"""What must hold while a sale is rushed: asked of the database at every look, and once more in the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from bot.bench.flash_worker import SALE
from bot.campaigns.buyers import key_of
from bot.store.tables import claims, persons, sales

OF_SALE = claims.c.sale_id == SALE
HAVING = ("held", "paid")


@dataclass(frozen=True, slots=True)
class Instant:
    """The sale at one instant, counted by one statement.

    Attributes:
        overdue_s: how long the oldest hold has been over that was not ended.
    """

    available: int
    held: int
    paid: int
    waiting: int
    overdue_s: float

    def adds_up(self, total: int) -> bool:
        return self.available >= 0 and self.available + self.held + self.paid == total

    @property
    def is_over(self) -> bool:
        """Whether nothing can change any more: everything is paid, or nobody holds or wants a piece."""
        return self.held == 0 and (self.available == 0 or self.waiting == 0)


_INSTANT = (
    select(
        sales.c.available,
        func.count().filter(claims.c.status == "held").label("held"),
        func.count().filter(claims.c.status == "paid").label("paid"),
        func.count().filter(claims.c.status == "waiting").label("waiting"),
        func.min(claims.c.expires_at).filter(claims.c.status == "held").label("oldest"),
    )
    .select_from(sales)
    .outerjoin(claims, claims.c.sale_id == sales.c.id)
    .where(sales.c.id == SALE)
    .group_by(sales.c.id, sales.c.available)
)


def instant(connection: Connection, now: datetime) -> Instant:
    row = connection.execute(_INSTANT).one()
    overdue_s = 0.0 if row.oldest is None else max(0.0, (now - row.oldest).total_seconds())
    return Instant(row.available, row.held, row.paid, row.waiting, overdue_s)


@dataclass(slots=True)
class Watched:
    """What all looks at the sale came to."""

    instants: int = 0
    wrong: int = 0
    idle_pieces: int = 0
    """Instants at which a piece was free although somebody waited."""
    overdue_s: float = 0.0
    examples: list[Instant] = field(default_factory=list)

    def add(self, seen: Instant, total: int) -> None:
        self.instants += 1
        self.overdue_s = max(self.overdue_s, seen.overdue_s)
        wrong, idle = not seen.adds_up(total), bool(seen.available and seen.waiting)
        self.wrong += wrong
        self.idle_pieces += idle
        if wrong or idle:
            self.examples.append(seen)


@dataclass(frozen=True, slots=True)
class End:
    """What the tables show in the end; all must be 0.

    Attributes:
        above_limit: customers with more pieces than one.
        out_of_line: offers that came before one to somebody further ahead.
        not_kept: people who were told something that the tables do not know.
    """

    above_limit: int
    out_of_line: int
    not_kept: int


def judge(connection: Connection, told: Mapping[str, str]) -> End:
    """Return what is wrong in the end.

    Args:
        told: by person what a worker answered last, `held` or `paid`.
    """
    many = select(claims.c.buyer).where(OF_SALE, claims.c.status.in_(HAVING)).group_by(claims.c.buyer)
    above = connection.execute(many.having(func.count() > 1)).all()
    stands = defaultdict[str, set[str]](set)
    for row in connection.execute(select(claims.c.buyer, claims.c.status).where(OF_SALE)):
        stands[row.buyer].add(row.status)
    buyers = {row.id: key_of(row.id, row.customer_id) for row in connection.execute(select(persons))}
    lost = sum(_is_lost(stands[buyers[one]], what) for one, what in told.items())
    return End(len(above), _out_of_line(connection), lost)


def _is_lost(statuses: set[str], what: str) -> bool:
    """Return whether no row is there, or none is paid; one that was held may be anything by now."""
    return not statuses or (what == "paid" and "paid" not in statuses)


def _out_of_line(connection: Connection) -> int:
    """Count places that were served after, or are still waiting behind, one with a higher number."""
    from_line = select(claims.c.place).where(OF_SALE, claims.c.place > 0, claims.c.held_at.is_not(None))
    order = connection.execute(from_line.order_by(claims.c.held_at, claims.c.place)).scalars().all()
    ends = select(func.min(claims.c.place)).where(OF_SALE, claims.c.status == "waiting")
    first_waiting = connection.execute(ends).scalar()
    wrong, last = 0, 0
    for place in order:
        wrong += place < last
        last = max(last, place)
    return wrong + (first_waiting is not None and bool(order) and last > first_waiting)

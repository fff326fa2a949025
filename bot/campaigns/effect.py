"""What follow-ups and recalls do: who paid after one, compared with the people who were held out.

Each person counts once, by the first episode of the time that is looked at. Both groups had passed every other rule
when it was decided, so that they differ in nothing but the message.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from bot.delivery.touches import LEFT
from bot.store.database import AnyRow
from bot.store.tables import touches

Z_95 = 1.959964
"""The standard normal quantile of a 95 % interval."""
TOUCHED, HELD_OUT = frozenset({"sent", "task", "unsure"}), "withheld"


@dataclass(frozen=True, slots=True)
class Group:
    """How many people, and how many of them paid within seven days, after a recall within fourteen."""

    people: int
    paid: int

    @property
    def share(self) -> float:
        return self.paid / self.people if self.people else 0.0


@dataclass(frozen=True, slots=True)
class Lift:
    """How many more of a hundred pay, with the ends of its 95 % interval, in points."""

    points: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What a report says.

    Attributes:
        gross_minor: what the people who were written to paid afterwards, by currency. Many of them would have paid
            anyway: see `lift`.
        lift: None while one of the two groups is empty.
        stopped: first touches that were not made, by reason.
    """

    touched: Group
    held_out: Group
    gross_minor: Mapping[str, int]
    lift: Lift | None
    stopped: Mapping[str, int]


def wilson(group: Group) -> tuple[float, float]:
    """Return the 95 % score interval of a share (E. B. Wilson, JASA 22, 1927, 209-212)."""
    n, p, z2 = group.people, group.share, Z_95**2
    middle, half = p + z2 / (2 * n), Z_95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)


def lift(touched: Group, held_out: Group) -> Lift | None:
    """Return the difference of two shares by the hybrid score method.

    R. G. Newcombe, Statistics in Medicine 17, 1998, 873-890, method 10.
    """
    if not touched.people or not held_out.people:
        return None
    (low1, high1), (low2, high2) = wilson(touched), wilson(held_out)
    p1, p2 = touched.share, held_out.share
    low = p1 - p2 - math.hypot(p1 - low1, high2 - p2)
    high = p1 - p2 + math.hypot(high1 - p1, p2 - low2)
    return Lift(100 * (p1 - p2), 100 * low, 100 * high)


def effect(connection: Connection, since: datetime, until: datetime, campaigns: Collection[str] = LEFT) -> Effect:
    """Return what came of the first touches that were planned in a time.

    Args:
        campaigns: of which, as they stand in `touches`; those of carts and orders unless others are named.
    """
    within = touches.c.planned_at >= since, touches.c.planned_at < until
    planned = *within, touches.c.step == 1, touches.c.campaign.in_(list(campaigns))
    first: dict[str, AnyRow] = {}
    stopped: Counter[str] = Counter()
    for row in connection.execute(select(touches).where(*planned).order_by(touches.c.planned_at, touches.c.id)):
        if row.status in TOUCHED or row.status == HELD_OUT:
            first.setdefault(row.person_id, row)
        elif row.status != "planned":
            stopped[row.reason or row.status] += 1
    gross: defaultdict[str, int] = defaultdict(int)
    for row in first.values():
        if row.status in TOUCHED and row.paid_minor is not None:
            gross[row.currency] += row.paid_minor
    touched = _group(row for row in first.values() if row.status in TOUCHED)
    held_out = _group(row for row in first.values() if row.status == HELD_OUT)
    return Effect(touched, held_out, dict(gross), lift(touched, held_out), dict(stopped))


def _group(rows: Iterable[AnyRow]) -> Group:
    paid = [row.paid_at is not None for row in rows]
    return Group(len(paid), sum(paid))

"""After how long somebody who buys again has usually bought again: the shop's own repeat cycle.

Of each customer with two purchases or more the median gap between them counts, so that who buys every week counts no
more than others. Purchases of one day are one. Overdue is who has not bought for longer than three in four of these
gaps. Who bought once only is not in it: it is about those who come again.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from operator import attrgetter
from statistics import median, quantiles

from sqlalchemy import Connection, func, select

from bot.campaigns.segments import Segment, Span
from bot.delivery.sleep import NOT_BOUGHT
from bot.store.tables import order_lines, orders, variants

LOOKS_BACK = timedelta(days=730)
ENOUGH_BUYERS = 50
"""Customers who came again, below which chance says more than habit: of 50 the third quartile stands within about 12
percent of them (binomial, 95 %)."""
SHORTEST_DAYS, LONGEST_DAYS = 7, 365
QUARTER_LATEST = 2
"""Place of the third quartile."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """The repeat cycle in days: `median_days` in the middle, after `overdue_days` a customer is overdue.

    Attributes:
        buyers: customers who came again, on whom it rests.
    """

    buyers: int
    median_days: float
    overdue_days: int

    @property
    def is_known(self) -> bool:
        return self.buyers >= ENOUGH_BUYERS


def cycle_of(connection: Connection, products: Collection[str], now: datetime) -> Cycle:
    """Return the repeat cycle of orders of the last two years, or of those with one of `products`."""
    gaps = list(_median_gaps(connection, products, now - LOOKS_BACK))
    if len(gaps) < 2:
        return Cycle(len(gaps), gaps[0] if gaps else 0.0, 0)
    overdue = math.ceil(quantiles(gaps, n=4, method="inclusive")[QUARTER_LATEST])
    return Cycle(len(gaps), median(gaps), min(LONGEST_DAYS, max(SHORTEST_DAYS, overdue)))


def moved_to(segment: Segment, cycle: Cycle) -> Segment:
    """Return a segment whose days begin where the cycle ends, as wide as they were; the same while it is not known."""
    days = segment.bought_days
    if not cycle.is_known or days.least is None:
        return segment
    most = None if days.most is None else cycle.overdue_days + days.most - days.least
    return replace(segment, bought_days=Span(cycle.overdue_days, most))


def _median_gaps(connection: Connection, products: Collection[str], since: datetime) -> Iterator[float]:
    """Yield of each customer who came again the median gap between purchases, in days."""
    at = func.coalesce(orders.c.paid_at, orders.c.created_at).label("at")
    query = (
        select(orders.c.customer_id, at)
        .where(orders.c.status.not_in(NOT_BOUGHT), at >= since)
        .order_by(orders.c.customer_id, at)
    )
    if products:
        with_one = (
            select(order_lines.c.order_number)
            .join(variants, order_lines.c.sku == variants.c.sku)
            .where(variants.c.product_id.in_(sorted(products)))
        )
        query = query.where(orders.c.number.in_(with_one))
    for _, rows in groupby(connection.execute(query), attrgetter("customer_id")):
        apart = [(later.at - earlier.at) / timedelta(days=1) for earlier, later in pairwise(rows)]
        if gaps := [gap for gap in apart if gap >= 1]:
            yield median(gaps)

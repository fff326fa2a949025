"""Whether pieces may go back: the shop's rules as data, and which of them stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.shop.port import Line, Order, Product
from bot.skills.refunds import FAULTS


@dataclass(frozen=True, slots=True)
class ReturnPolicy:
    """The shop's rules of returns, see `[policy]` and `[returns]` in shop.toml.

    Attributes:
        return_days, exchange_days, fault_days: days after the day of delivery.
        send_days: in which the parcel has to be on its way once a case is open.
        custom_made, final_sale, hygiene: ids or categories of products.
        gift_from_minor: what goods that are kept have to come to for a gift to stay.
        shipping_back: whether shipping goes back with the last of the goods, whoever's fault it is.
    """

    return_days: int = 7
    exchange_days: int = 15
    fault_days: int = 30
    send_days: int = 7
    custom_made: frozenset[str] = frozenset()
    final_sale: frozenset[str] = frozenset()
    hygiene: frozenset[str] = frozenset()
    gift_from_minor: int = 0
    shipping_back: bool = False


class Rule(StrEnum):
    """What stands in the way; the name of the phrase that says so."""

    LATE = "late"
    EXCHANGE_LATE = "exchange_late"
    FAULT_LATE = "fault_late"
    GIFT = "gift"
    CUSTOM_MADE = "custom_made"
    FINAL_SALE = "final_sale"
    CROSS_BORDER = "cross_border"
    HYGIENE = "hygiene"
    NOT_RETURNABLE = "not_returnable"
    WORN = "worn"


EXCLUSIONS = "returns-exclusions"
ENTRIES: dict[Rule, str] = {
    Rule.LATE: "returns-late",
    Rule.EXCHANGE_LATE: "exchange-steps",
    Rule.FAULT_LATE: "aftersale-quality",
    Rule.WORN: "returns-condition",
    **dict.fromkeys(
        (Rule.GIFT, Rule.CUSTOM_MADE, Rule.FINAL_SALE, Rule.CROSS_BORDER, Rule.HYGIENE, Rule.NOT_RETURNABLE), EXCLUSIONS
    ),
}
"""The entry that each rule comes from."""
UNOPENED, OPENED, WORN, WASHED = "unopened", "opened", "worn", "washed"


def delivered_at(order: Order) -> datetime | None:
    """Return when the order was delivered, by its parcels where the shop does not say; None where nobody knows."""
    told = (event.at for parcel in order.shipments for event in parcel.events if event.status == "delivered")
    return order.delivered_at or max(told, default=None)


def last_moment(order: Order, days: int, zone: ZoneInfo) -> datetime | None:
    """Return the end of the last day on which a piece may be sent back, None where the delivery is not known.

    The day of delivery does not count: China's seven days begin on the day after it (Interim Measures for No-reason
    Return within Seven Days, 网络购买商品七日无理由退货暂行办法), and a day ends at midnight in the shop's zone.
    """
    delivered = delivered_at(order)
    if delivered is None:
        return None
    day = delivered.astimezone(zone).date() + timedelta(days=days + 1)
    return datetime.combine(day, time(), zone)


def is_over(order: Order, days: int, now: datetime, zone: ZoneInfo) -> bool:
    """Return whether the days are over. Where nobody knows when it was delivered they are not: staff see the case."""
    end = last_moment(order, days, zone)
    return end is not None and now >= end


def is_hygiene(line: Line, product: Product | None, policy: ReturnPolicy) -> bool:
    """Return whether the piece stays with the customer once it was opened."""
    return (product is not None and product.hygiene) or _among(line, product, policy.hygiene)


def refused_by(
    order: Order,
    line: Line,
    product: Product | None,
    policy: ReturnPolicy,
    now: datetime,
    zone: ZoneInfo,
    *,
    exchange: bool = False,
    reason: str = "",
    condition: str = "",
) -> Rule | None:
    """Return the rule by which this piece does not go back, None if it may.

    A fault of the shop's sets all rules aside but the time for faults.

    Args:
        reason: a code as in `OpenCase.reason`; empty: nobody asked yet, so it is taken as no fault.
        condition: unopened, opened, worn, washed; empty: nobody asked yet.
    """
    if reason in FAULTS:
        return Rule.FAULT_LATE if is_over(order, policy.fault_days, now, zone) else None
    if is_over(order, policy.exchange_days if exchange else policy.return_days, now, zone):
        return Rule.EXCHANGE_LATE if exchange else Rule.LATE
    hygiene = is_hygiene(line, product, policy)
    rules = {
        Rule.GIFT: line.gift,
        Rule.CUSTOM_MADE: _among(line, product, policy.custom_made),
        Rule.FINAL_SALE: _among(line, product, policy.final_sale),
        Rule.CROSS_BORDER: product is not None and product.cross_border,
        Rule.HYGIENE: hygiene and condition not in ("", UNOPENED),
        Rule.NOT_RETURNABLE: product is not None and not product.returnable and not hygiene,
        Rule.WORN: condition in (WORN, WASHED),
    }
    return next((rule for rule, holds in rules.items() if holds), None)


def _among(line: Line, product: Product | None, named: frozenset[str]) -> bool:
    return line.product_id in named or (product is not None and product.category in named)

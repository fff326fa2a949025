"""The orders of the demo shop: who bought what, and how far each order has come, all relative to now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from bot.shop.port import OrderStatus

SHOP_ZONE = timezone(timedelta(hours=8), "CST")  # a fixed offset: China has no summer time


@dataclass(frozen=True, slots=True)
class Course:
    """How far an order has come.

    Attributes:
        ordered_h: hours ago that it was placed.
        trail: tracking statuses with the hours ago each was reported, oldest first.
        return_status: status of the return case of its first line, empty if there is none.
    """

    status: OrderStatus
    ordered_h: int
    paid: bool = True
    trail: tuple[tuple[str, int], ...] = ()
    return_status: str = ""


def _delivered(hours_ago: int, status: OrderStatus = OrderStatus.DELIVERED, return_status: str = "") -> Course:
    steps = (("picked_up", 62), ("in_transit", 36), ("out_for_delivery", 5), ("delivered", 0))
    trail = tuple((name, hours_ago + before) for name, before in steps)
    return Course(status, hours_ago + 84, trail=trail, return_status=return_status)


COURSES: dict[str, Course] = {
    "unpaid": Course(OrderStatus.UNPAID, 3, paid=False),
    "paid": Course(OrderStatus.PAID, 20),
    "paid_overdue": Course(OrderStatus.PAID, 60),  # past the promised time of dispatch
    "packed": Course(OrderStatus.PACKED, 32),
    "shipped": Course(OrderStatus.SHIPPED, 70, trail=(("picked_up", 40), ("in_transit", 16))),
    "out_for_delivery": Course(
        OrderStatus.SHIPPED, 100, trail=(("picked_up", 72), ("in_transit", 30), ("out_for_delivery", 2))
    ),
    "delivered": _delivered(2 * 24),
    "delivered_long_ago": _delivered(12 * 24),  # the return window is over
    "return_open": _delivered(3 * 24, return_status="open"),
    "returned": _delivered(6 * 24, OrderStatus.RETURNED, "received"),
    "refunded": _delivered(10 * 24, OrderStatus.REFUNDED, "refunded"),
    "cancelled": Course(OrderStatus.CANCELLED, 6 * 24, paid=False),
    "stuck": Course(OrderStatus.SHIPPED, 180, trail=(("picked_up", 150), ("in_transit", 110))),  # not moved for 72 h
    "customs": Course(OrderStatus.SHIPPED, 120, trail=(("picked_up", 90), ("in_transit", 60), ("customs", 20))),
    "attempted": Course(
        OrderStatus.SHIPPED,
        100,
        trail=(("picked_up", 80), ("in_transit", 40), ("out_for_delivery", 9), ("attempted", 4)),
    ),
    "lost": Course(OrderStatus.SHIPPED, 340, trail=(("picked_up", 310), ("in_transit", 280), ("lost", 30))),
    "returning": Course(OrderStatus.SHIPPED, 260, trail=(("picked_up", 230), ("in_transit", 200), ("returning", 26))),
    "split": Course(OrderStatus.SHIPPED, 96, trail=(("picked_up", 60), ("in_transit", 18))),  # in two parcels
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One order to be: `lines` are (sku, pieces), `course` a key of COURSES."""

    index: int
    customer_id: str
    course: str
    lines: tuple[tuple[str, int], ...]

    def ordered_at(self, now: datetime) -> datetime:
        """Return when it was placed: minutes apart, so that no two orders of one course fall together."""
        return now - timedelta(hours=COURSES[self.course].ordered_h, minutes=self.index)

    def number(self, now: datetime) -> str:
        """Return `QH`, the day it was placed in the shop's time zone, and four digits that are the plan's own."""
        return f"QH{self.ordered_at(now).astimezone(SHOP_ZONE):%y%m%d}{self.suffix}"

    @property
    def suffix(self) -> str:
        return f"{(self.index * 37 + 12) % 10000:04d}"


_TABLE = """
lin   unpaid             silk-dress-sky-S
lin   paid               cable-sweater-cream-M
lin   shipped            linen-dress-blue-M, pleated-skirt-grey-M
lin   out_for_delivery   wool-coat-beige-M
lin   delivered          floral-dress-blue-M, crew-socks-white-35-38*2
lin   delivered_long_ago trench-coat-khaki-M
lin   refunded           loafers-black-37
wang  paid_overdue       hoodie-grey-XL
wang  shipped            trench-coat-navy-L
wang  delivered          chinos-khaki-L, oxford-shirt-blue-L
wang  return_open        sneakers-white-43
wang  cancelled          suit-trousers-navy-L
chen  unpaid             down-jacket-black-XL
chen  packed             polo-white-L*2
chen  out_for_delivery   straight-jeans-denim-L
chen  delivered          boxers-navy-L, basic-tee-black-L*3
chen  returned           wind-jacket-green-XL
chen  delivered_long_ago denim-jacket-denim-L
zhao  paid               kids-down-red-120, kids-hoodie-green-120
zhao  delivered          kids-dress-blue-110
zhao  refunded           kids-jeans-denim-130
zhao  return_open        cashmere-sweater-beige-S
liu   packed             linen-shirt-white-XL
liu   shipped            ankle-boots-brown-42
liu   delivered_long_ago joggers-grey-XL, stripe-tee-navy-XL
liu   cancelled          hoodie-black-XXL
huang unpaid             denim-dress-denim-S
huang out_for_delivery   knit-dress-navy-S
huang delivered          evening-dress-red-M
huang returned           shirt-dress-blue-M
emma  paid_overdue       linen-trousers-beige-M
emma  shipped            silk-blouse-cream-S
emma  delivered          sandals-beige-38, thermal-set-cream-S
emma  delivered_long_ago cardigan-cream-M
tan   paid               linen-shirt-sky-L*2
tan   delivered          canvas-shoes-navy-42
tan   cancelled          down-jacket-sky-L
tan   refunded           sweatshirt-navy-L
tan   stuck              cable-sweater-brown-L
emma  customs            wool-coat-black-S
huang attempted          pleated-skirt-grey-S
liu   lost               polo-navy-XL
zhao  returning          loafers-brown-38
tan   split              hoodie-grey-L, joggers-grey-L
"""


def _plan(index: int, line: str) -> Plan:
    customer_id, course, goods = line.split(maxsplit=2)
    pairs = (item.strip().partition("*") for item in goods.split(","))
    return Plan(index, customer_id, course, tuple((sku, int(pieces or 1)) for sku, _, pieces in pairs))


PLANS: tuple[Plan, ...] = tuple(_plan(index, line) for index, line in enumerate(_TABLE.strip().splitlines()))

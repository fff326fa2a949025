"""Which rule stands in the way: each number and list of the policy is followed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.shop.port import Line, Money, Order, OrderStatus, Product, Shipment, TrackingEvent
from bot.skills.eligibility import ENTRIES, ReturnPolicy, Rule, last_moment, refused_by

ZONE = ZoneInfo("Asia/Shanghai")
DELIVERED = datetime(2026, 11, 21, 15, 59, tzinfo=UTC)
"""23:59 in Shanghai on the 21st."""
DRESS = Line("1", "dress-M", "dress", {"en": "Dress"}, {"en": "blue"}, "M", 1, Money(29900, "CNY"))
PRODUCT = Product("dress", {"en": "Dress"}, "dresses", "dresses", {}, True, ())
ORDER = Order("QH1", "lin", OrderStatus.DELIVERED, Money(29900, "CNY"), (DRESS,), (), DELIVERED, DELIVERED, DELIVERED)
POLICY = ReturnPolicy()


def policy_with(field: str, value: Any) -> ReturnPolicy:
    changed: dict[str, Any] = {field: value}
    return replace(POLICY, **changed)


def rule(
    now: datetime, policy: ReturnPolicy = POLICY, line: Line = DRESS, product: Product = PRODUCT, **told: Any
) -> Rule | None:
    return refused_by(ORDER, line, product, policy, now, ZONE, **told)


@pytest.mark.parametrize(("told", "days"), [({}, 7), ({"exchange": True}, 15), ({"reason": "quality"}, 30)])
def test_the_days_count_from_the_day_after_delivery_to_midnight_in_the_shops_zone(
    told: dict[str, Any], days: int
) -> None:
    end = datetime(2026, 11, 21, 16, 0, tzinfo=UTC) + timedelta(days=days)
    assert rule(end - timedelta(seconds=1), **told) is None
    assert rule(end, **told) in (Rule.LATE, Rule.EXCHANGE_LATE, Rule.FAULT_LATE)


@pytest.mark.parametrize(
    ("field", "told"), [("return_days", {}), ("exchange_days", {"exchange": True}), ("fault_days", {"reason": "wrong"})]
)
def test_another_number_in_the_policy_moves_the_end(field: str, told: dict[str, Any]) -> None:
    now = DELIVERED + timedelta(days=40)
    assert rule(now, **told) is not None
    assert rule(now, policy_with(field, 41), **told) is None


@pytest.mark.parametrize("field", ["custom_made", "final_sale"])
@pytest.mark.parametrize("named", ["dress", "dresses"])
def test_what_the_policy_names_by_product_or_category_needs_a_fault(field: str, named: str) -> None:
    policy = policy_with(field, frozenset({named}))
    assert rule(DELIVERED, policy) == Rule[field.upper()]
    assert rule(DELIVERED, policy, exchange=True) == Rule[field.upper()]
    assert rule(DELIVERED, policy, reason="damaged") is None
    assert rule(DELIVERED, policy_with(field, frozenset({"shoes"}))) is None


def test_hygiene_goods_go_back_while_they_are_unopened() -> None:
    policy = replace(POLICY, hygiene=frozenset({"dresses"}))
    assert rule(DELIVERED, policy, condition="unopened") is None
    assert rule(DELIVERED, policy, condition="opened") is Rule.HYGIENE
    assert rule(DELIVERED, policy, product=replace(PRODUCT, returnable=False)) is None
    assert rule(DELIVERED, product=replace(PRODUCT, hygiene=True), condition="opened") is Rule.HYGIENE


def test_marks_of_the_product_and_the_line_count() -> None:
    assert rule(DELIVERED, product=replace(PRODUCT, cross_border=True)) is Rule.CROSS_BORDER
    assert rule(DELIVERED, product=replace(PRODUCT, returnable=False)) is Rule.NOT_RETURNABLE
    assert rule(DELIVERED, line=replace(DRESS, gift=True)) is Rule.GIFT


@pytest.mark.parametrize(("condition", "refused"), [("worn", True), ("washed", True), ("opened", False), ("", False)])
def test_worn_or_washed_pieces_stay(condition: str, refused: bool) -> None:
    assert (rule(DELIVERED, condition=condition) is Rule.WORN) == refused
    assert rule(DELIVERED, condition=condition, reason="quality") is None


def test_a_delivery_that_only_the_parcel_tells_counts_and_an_unknown_one_refuses_nobody() -> None:
    unknown = replace(ORDER, delivered_at=None)
    assert last_moment(unknown, 7, ZONE) is None
    event = TrackingEvent(DELIVERED, {"en": "door"}, "delivered")
    told = replace(unknown, shipments=(Shipment("SF", "1", None, (event,)),))
    assert last_moment(told, 7, ZONE) == last_moment(ORDER, 7, ZONE)


def test_every_rule_names_the_entry_that_it_comes_from() -> None:
    assert set(ENTRIES) == set(Rule)

"""What the Shopify adapter does for a turn, also when the answer to it is lost and it is sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from bot.shop.commands import (
    AskInvoice,
    CancelCase,
    CancelOrder,
    CaseLine,
    ChangeAddress,
    Command,
    OpenCase,
    Outcome,
    RefundDifference,
    WatchStock,
)
from bot.shop.platform import Answer, Kind, PlatformDown, PlatformRefuses
from bot.shop.port import CaseKind, CaseStatus, Money, OrderStatus
from tests.shops.shopify_stand import ShopifyStand, shopify_stand
from tests.shops.twins.shopify_world import Row, amount_of, bag
from tests.shops.woo_stand import of

MOVED = "5 Oak Ave, Portland, OR 97201"


@pytest.fixture
async def stand() -> AsyncIterator[ShopifyStand]:
    async with shopify_stand() as made:
        yield made


def number_of(order: Row) -> str:
    return str(order["name"].removeprefix("#"))


def sent_order(stand: ShopifyStand, pieces: int = 2, **fields: Any) -> Row:
    order: Row = stand.twin.world.add_order([(stand.shirt(), pieces)], **fields)
    stand.twin.world.ship(order)
    return order


def opening(order: Row, kind: CaseKind, pieces: int = 1, refund_minor: int = 1000, wanted: str = "") -> OpenCase:
    lines = (CaseLine("shirt-M", pieces, wanted),)
    return OpenCase(kind, number_of(order), lines, "small", "太小了" * 200, Money(refund_minor, "USD"))


def paid_back(order: Row) -> Decimal:
    return sum((amount_of(refund["totalRefundedSet"]) for refund in order["refunds"]), Decimal(0))


async def do_with_lost_answers(stand: ShopifyStand, command: Command, key: str = "k1") -> Answer:
    """Every answer to a change is lost once, however many changes the command takes."""
    for _ in range(10):
        stand.twin.faults.lost = 1
        try:
            answer = await stand.platform.do(command, key)
        except PlatformDown:
            continue
        stand.twin.faults.lost = 0
        return answer
    raise AssertionError("it never came to an end")


async def test_an_order_is_cancelled_once_paid_back_and_its_goods_are_on_sale_again(stand: ShopifyStand) -> None:
    shirt = stand.shirt(pieces=5)
    order = stand.twin.world.add_order([(shirt, 2)])
    answer = await do_with_lost_answers(stand, CancelOrder(number_of(order), "changed mind"))
    assert answer.outcome is Outcome.DONE
    assert shirt["inventoryQuantity"] == 5
    assert paid_back(order) == Decimal("20.00")
    assert (await stand.platform.do(CancelOrder(number_of(order), ""), "k2")).outcome is Outcome.DONE
    assert paid_back(order) == Decimal("20.00")
    assert of(Kind.ORDER, await stand.told())[number_of(order)].status is OrderStatus.CANCELLED


async def test_a_cancellation_that_takes_its_time_is_pending_and_then_done(stand: ShopifyStand) -> None:
    stand.twin.world.cancel_takes = 12
    order = stand.twin.world.add_order([(stand.shirt(), 2)])
    command = CancelOrder(number_of(order), "")
    assert (await stand.platform.do(command, "k1")).outcome is Outcome.PENDING
    for _ in range(3):
        await stand.told()
    assert (await stand.platform.do(command, "k1")).outcome is Outcome.DONE
    assert paid_back(order) == Decimal("20.00")


async def test_an_order_that_has_left_is_not_cancelled_nor_sent_elsewhere(stand: ShopifyStand) -> None:
    order = sent_order(stand)
    for command in (CancelOrder(number_of(order), ""), ChangeAddress(number_of(order), MOVED)):
        answer = await stand.platform.do(command, "k1")
        assert answer.outcome is Outcome.REFUSED
        assert "left" in answer.why
    assert (order["cancelledAt"], order["shippingAddress"]["city"]) == (None, "Springfield")


async def test_the_shops_own_words_say_why_it_does_not_cancel(stand: ShopifyStand) -> None:
    order = sent_order(stand)
    order["fulfillments"][0]["status"] = "CANCELLED"
    order["returns"].append({"status": "OPEN", "id": "gid://shopify/Return/1", "name": "#1-R1", "exchangeLineItems": [],
                             "refunds": [], "createdAt": order["createdAt"], "returnLineItems": []})  # fmt: skip
    with pytest.raises(PlatformRefuses, match="Cannot cancel an order with open returns"):
        await stand.platform.do(CancelOrder(number_of(order), ""), "k1")


async def test_an_address_is_changed_in_its_parts_and_still_goes_to_the_same_person(stand: ShopifyStand) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    answer = await do_with_lost_answers(stand, ChangeAddress(number_of(order), MOVED))
    assert answer.outcome is Outcome.DONE
    new = order["shippingAddress"]
    assert (new["address1"], new["city"], new["provinceCode"], new["zip"]) == ("5 Oak Ave", "Portland", "OR", "97201")
    assert (new["lastName"], new["phone"], new["countryCodeV2"]) == ("Yue", "+12125552002", "US")


async def test_an_address_of_the_mainland_gets_the_code_of_its_province(stand: ShopifyStand) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    order["shippingAddress"]["countryCodeV2"] = "CN"
    await stand.platform.do(ChangeAddress(number_of(order), "浙江省杭州市西湖区文三路1号 310012"), "k1")
    new = order["shippingAddress"]
    assert (new["address1"], new["city"], new["provinceCode"]) == ("西湖区文三路1号", "杭州市", "ZJ")


async def test_an_address_that_cannot_be_split_for_certain_is_left_to_people(stand: ShopifyStand) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    with pytest.raises(PlatformRefuses, match="not certain"):
        await stand.platform.do(ChangeAddress(number_of(order), "my mother's"), "k1")
    assert order["shippingAddress"]["address1"] == "1 Main St"


async def test_a_return_is_opened_once_and_told_back_as_a_case(stand: ShopifyStand) -> None:
    order = sent_order(stand)
    answer = await do_with_lost_answers(stand, opening(order, CaseKind.RETURN))
    assert answer == Answer(Outcome.DONE, f"{number_of(order)}-R1")
    (made,) = order["returns"]
    assert made["returnLineItems"][0]["returnReason"] == "SIZE_TOO_SMALL"
    body = of(Kind.CASE, await stand.told())[answer.reference]
    assert (body.kind, body.status, body.refund_minor) == (CaseKind.RETURN, CaseStatus.APPROVED, 1000)


async def test_pieces_of_several_parcels_go_into_one_return_and_none_into_two(stand: ShopifyStand) -> None:
    world, shirt = stand.twin.world, stand.shirt()
    order = world.add_order([(shirt, 1), (shirt, 1)])
    for line in order["lineItems"]:
        world.ship(order, "1Z", [line])
    first = await stand.platform.do(opening(order, CaseKind.RETURN, pieces=2), "k1")
    assert first.outcome is Outcome.DONE
    assert [line["quantity"] for line in order["returns"][0]["returnLineItems"]] == [1, 1]
    assert (await stand.platform.do(opening(order, CaseKind.RETURN), "k2")).outcome is Outcome.REFUSED
    await stand.platform.do(CancelCase(first.reference), "k3")
    assert (await stand.platform.do(opening(order, CaseKind.RETURN), "k4")).outcome is Outcome.DONE


async def test_what_has_not_left_cannot_come_back(stand: ShopifyStand) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    assert (await stand.platform.do(opening(order, CaseKind.RETURN), "k1")).outcome is Outcome.REFUSED


async def test_an_exchange_takes_the_new_piece_out_of_stock_once(stand: ShopifyStand) -> None:
    order, large = sent_order(stand), stand.shirt(pieces=1, sku="shirt-L")
    command = opening(order, CaseKind.EXCHANGE, refund_minor=0, wanted="shirt-L")
    answer = await do_with_lost_answers(stand, command)
    assert answer.outcome is Outcome.DONE
    assert large["inventoryQuantity"] == 0
    body = of(Kind.CASE, await stand.told())[answer.reference]
    assert (body.kind, body.parts[0].wanted_sku, body.refund_minor) == (CaseKind.EXCHANGE, "shirt-L", 0)


async def test_an_exchange_for_what_is_out_of_stock_or_not_there_is_refused(stand: ShopifyStand) -> None:
    order = sent_order(stand)
    stand.shirt(pieces=0, sku="shirt-L")
    for wanted in ("shirt-L", "hat-M"):
        answer = await stand.platform.do(opening(order, CaseKind.EXCHANGE, refund_minor=0, wanted=wanted), "k1")
        assert answer.outcome is Outcome.REFUSED
    assert order["returns"] == []


async def test_a_variant_without_a_sku_can_be_wanted_too(stand: ShopifyStand) -> None:
    order, large = sent_order(stand), stand.shirt(pieces=1, sku="")
    wanted = f"shopify-{large['legacyResourceId']}"
    answer = await stand.platform.do(opening(order, CaseKind.EXCHANGE, refund_minor=0, wanted=wanted), "k1")
    assert (answer.outcome, large["inventoryQuantity"]) == (Outcome.DONE, 0)


async def test_a_return_is_taken_back_once_and_not_when_it_is_in_work(stand: ShopifyStand) -> None:
    order = sent_order(stand)
    number = (await stand.platform.do(opening(order, CaseKind.RETURN), "k1")).reference
    assert (await do_with_lost_answers(stand, CancelCase(number), "k2")).outcome is Outcome.DONE
    assert of(Kind.CASE, await stand.told())[number].status is CaseStatus.CANCELLED
    again = (await stand.platform.do(opening(order, CaseKind.RETURN), "k3")).reference
    order["returns"][1]["status"] = "CLOSED"
    answer = await stand.platform.do(CancelCase(again), "k4")
    assert (answer.outcome, answer.why) == (Outcome.REFUSED, "Return is not cancelable")
    assert (await stand.platform.do(CancelCase(f"{number_of(order)}-R9"), "k5")).outcome is Outcome.REFUSED


async def test_a_refund_without_return_is_made_once(stand: ShopifyStand) -> None:
    order = sent_order(stand)
    answer = await do_with_lost_answers(stand, opening(order, CaseKind.REFUND, refund_minor=350))
    (refund,) = order["refunds"]
    assert amount_of(refund["totalRefundedSet"]) == Decimal("3.50")
    assert answer == Answer(Outcome.DONE, f"{number_of(order)}-{refund['legacyResourceId']}")
    case = of(Kind.CASE, await stand.told())[answer.reference]
    assert (case.kind, case.status, case.refund_minor) == (CaseKind.REFUND, CaseStatus.REFUNDED, 350)


async def test_the_key_of_a_refund_makes_it_one_even_where_it_cannot_be_seen_yet(stand: ShopifyStand) -> None:
    order = sent_order(stand)
    command = RefundDifference(number_of(order), "shirt-M", Money(200, "USD"))
    await stand.platform.do(command, "k1")
    hidden, order["refunds"] = order["refunds"], []  # as a replica that lags behind would answer
    answer = await stand.platform.do(command, "k1")
    assert answer.reference == f"{number_of(order)}-{hidden[0]['legacyResourceId']}"
    assert sum(one["kind"] == "REFUND" for one in order["transactions"]) == 1


async def test_the_difference_is_paid_back_over_several_payments_and_never_more_than_was_paid(
    stand: ShopifyStand,
) -> None:
    order = sent_order(stand)
    card = order["transactions"][0]
    card["amountSet"] = bag("8.00")
    gift_card = {**card, "id": "gid://shopify/OrderTransaction/2", "gateway": "gift_card", "amountSet": bag("12.00")}
    failed = {**card, "id": "gid://shopify/OrderTransaction/3", "status": "FAILURE", "amountSet": bag("90.00")}
    order["transactions"] += [gift_card, failed]
    command = RefundDifference(number_of(order), "shirt-M", Money(1500, "USD"))
    assert (await stand.platform.do(command, "k1")).outcome is Outcome.DONE
    backs = [one for one in order["transactions"] if one["kind"] == "REFUND"]
    assert [(one["gateway"], str(amount_of(one["amountSet"]))) for one in backs] == [
        ("visa", "8.00"),
        ("gift_card", "7.00"),
    ]
    assert (await stand.platform.do(command, "k2")).outcome is Outcome.REFUSED
    assert paid_back(order) == Decimal("15.00")


async def test_what_comes_too_late_is_refused_and_what_does_not_fit_the_order_is_left_to_people(
    stand: ShopifyStand,
) -> None:
    order, euros = sent_order(stand), Money(100, "EUR")
    number = number_of(order)
    for command in (
        CancelOrder("99999", ""),
        opening(order, CaseKind.RETURN, pieces=3),
        RefundDifference(number, "shirt-M", Money(9000, "USD")),
    ):
        answer = await stand.platform.do(command, "k1")
        assert answer.outcome is Outcome.REFUSED
        assert answer.why
    for odd in (
        RefundDifference(number, "hat", Money(100, "USD")),
        RefundDifference(number, "shirt-M", euros),
        OpenCase(CaseKind.RETURN, number, (CaseLine("shirt-M", 1),), "small", "", euros),
    ):
        with pytest.raises(PlatformRefuses):
            await stand.platform.do(odd, "k1")
    assert (order["refunds"], order["returns"]) == ([], [])


async def test_a_change_is_never_sent_again_by_itself(stand: ShopifyStand) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    stand.twin.faults.lost = 1
    with pytest.raises(PlatformDown):
        await stand.platform.do(ChangeAddress(number_of(order), MOVED), "k1")
    assert [name for name, _ in stand.twin.requests].count("Update") == 1


@pytest.mark.parametrize("command", [AskInvoice("1", "a", "", "b"), WatchStock("shirt")])
async def test_what_the_platform_has_no_call_for_is_not_in_can_and_refused(
    stand: ShopifyStand, command: Command
) -> None:
    assert type(command) not in stand.platform.can
    with pytest.raises(PlatformRefuses):
        await stand.platform.do(command, "k1")

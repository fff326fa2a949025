"""What the WooCommerce adapter does for a turn, also when the answer to it is lost and it is sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
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
from tests.shops.woo_stand import WooStand, of, woo_stand

MOVED = "5 Oak Ave, Portland, OR 97201"


@pytest.fixture
async def stand() -> AsyncIterator[WooStand]:
    async with woo_stand() as made:
        yield made


def paid_order(stand: WooStand, pieces: int = 2, **fields: Any) -> dict[str, Any]:
    shirt = stand.twin.world.add_product(sku="shirt", price="10.00", stock_quantity=5)
    return stand.twin.world.add_order([(shirt, pieces)], **fields)


def stock(stand: WooStand) -> int:
    return int(next(iter(stand.twin.world.products.values()))["stock_quantity"])


def opening(order: dict[str, Any], kind: CaseKind, pieces: int = 1, refund_minor: int = 1000) -> OpenCase:
    wanted = "shirt-L" if kind is CaseKind.EXCHANGE else ""
    lines = (CaseLine("shirt", pieces, wanted),)
    return OpenCase(kind, order["number"], lines, "small", "太小了", Money(refund_minor, "USD"), condition="unopened")


async def do_with_lost_answers(stand: WooStand, command: Command, key: str = "k1") -> Answer:
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


async def test_a_paid_order_is_cancelled_paid_back_once_and_its_goods_are_on_sale_again(stand: WooStand) -> None:
    order = paid_order(stand)
    answer = await do_with_lost_answers(stand, CancelOrder(order["number"], "changed mind"))
    assert answer.outcome is Outcome.DONE
    assert order["status"] == "cancelled"
    assert [refund["amount"] for refund in stand.twin.world.refunds[order["id"]]] == ["20.00"]
    assert stock(stand) == 5
    assert (await stand.platform.do(CancelOrder(order["number"], "again"), "k2")).outcome is Outcome.DONE
    assert stock(stand) == 5
    assert len(stand.twin.world.refunds[order["id"]]) == 1


async def test_of_an_order_that_was_paid_back_in_part_only_the_rest_goes_back(stand: WooStand) -> None:
    order = paid_order(stand)
    stand.twin.world.refund(order, {"amount": "5.00"})
    await stand.platform.do(CancelOrder(order["number"], ""), "k1")
    assert [refund["amount"] for refund in stand.twin.world.refunds[order["id"]]] == ["5.00", "15.00"]


async def test_an_unpaid_order_and_one_to_be_paid_on_delivery_are_cancelled_without_a_refund(stand: WooStand) -> None:
    for status in ("pending", "processing"):
        order = paid_order(stand, status=status, date_paid_gmt=None)
        assert (await stand.platform.do(CancelOrder(order["number"], ""), "k1")).outcome is Outcome.DONE
        assert order["status"] == "cancelled"
        assert order["id"] not in stand.twin.world.refunds


async def test_an_order_that_has_left_is_not_cancelled_nor_sent_elsewhere(stand: WooStand) -> None:
    parcel = {"key": "_wc_shipment_tracking_items", "value": [{"tracking_provider": "ups", "tracking_number": "1Z"}]}
    for order in (paid_order(stand, status="completed"), paid_order(stand, meta_data=[parcel])):
        before = order["status"]
        for command in (CancelOrder(order["number"], ""), ChangeAddress(order["number"], MOVED)):
            answer = await stand.platform.do(command, "k1")
            assert answer.outcome is Outcome.REFUSED
            assert "left" in answer.why
        assert (order["status"], order["shipping"]["city"]) == (before, "Springfield")


async def test_where_the_gateway_does_not_pay_back_nothing_is_changed_and_its_words_are_told(stand: WooStand) -> None:
    stand.twin.world.gateway_refuses = True
    order = paid_order(stand)
    with pytest.raises(PlatformRefuses, match="The payment gateway does not refund"):
        await stand.platform.do(CancelOrder(order["number"], ""), "k1")
    assert order["status"] == "processing"


async def test_an_address_is_changed_in_its_parts_once_and_the_staff_see_the_old_one(stand: WooStand) -> None:
    order = paid_order(stand)
    answer = await do_with_lost_answers(stand, ChangeAddress(order["number"], MOVED))
    assert answer.outcome is Outcome.DONE
    new = order["shipping"]
    assert (new["address_1"], new["city"], new["state"], new["postcode"]) == ("5 Oak Ave", "Portland", "OR", "97201")
    assert new["last_name"] == "Yue"
    (note,) = stand.twin.world.notes[order["id"]]
    assert "1 Main St" in note["note"]
    assert not note["customer_note"]


async def test_an_address_that_cannot_be_split_for_certain_is_left_to_people(stand: WooStand) -> None:
    order = paid_order(stand)
    with pytest.raises(PlatformRefuses, match="not certain"):
        await stand.platform.do(ChangeAddress(order["number"], "my mother's place"), "k1")
    assert order["shipping"]["address_1"] == "1 Main St"


async def test_a_return_is_kept_on_its_order_noted_once_and_told_back_as_a_case(stand: WooStand) -> None:
    order = paid_order(stand, status="completed")
    answer = await do_with_lost_answers(stand, opening(order, CaseKind.RETURN))
    assert answer.outcome is Outcome.DONE
    (note,) = stand.twin.world.notes[order["id"]]
    assert answer.reference in note["note"]
    assert "太小了" in note["note"]
    cases = of(Kind.CASE, await stand.told())
    assert list(cases) == [answer.reference]
    body = cases[answer.reference]
    assert (body.kind, body.status, body.reason) == (CaseKind.RETURN, CaseStatus.OPEN, "small")
    assert (body.refund_minor, body.order_number, body.opened_at) == (1000, order["number"], stand.clock.now())
    assert [(part.sku, part.quantity) for part in body.parts] == [("shirt", 1)]


async def test_a_refund_of_its_goods_by_the_staff_ends_a_return(stand: WooStand) -> None:
    order = paid_order(stand, status="completed")
    reference = (await stand.platform.do(opening(order, CaseKind.RETURN), "k1")).reference
    stand.clock.advance(days=2)
    line = order["line_items"][0]
    stand.twin.world.refund(order, {"amount": "9.50", "line_items": [{"id": line["id"], "quantity": 1}]})
    cases = of(Kind.CASE, await stand.told())
    assert list(cases) == [reference]
    assert (cases[reference].status, cases[reference].refund_minor) == (CaseStatus.REFUNDED, 950)


async def test_a_refund_before_a_return_was_opened_does_not_end_it(stand: WooStand) -> None:
    order = paid_order(stand, status="completed")
    line = order["line_items"][0]
    made = stand.twin.world.refund(order, {"amount": "10.00", "line_items": [{"id": line["id"], "quantity": 1}]})
    stand.clock.advance(days=2)
    reference = (await stand.platform.do(opening(order, CaseKind.RETURN), "k1")).reference
    cases = of(Kind.CASE, await stand.told())
    assert cases[reference].status is CaseStatus.OPEN
    assert cases[f"{order['number']}-{made['id']}"].status is CaseStatus.REFUNDED


async def test_an_exchange_is_noted_once_and_left_to_the_staff_who_have_to_set_the_piece_aside(
    stand: WooStand,
) -> None:
    order = paid_order(stand, status="completed")
    for _ in range(2):
        with pytest.raises(PlatformRefuses, match="set its new piece aside") as refused:
            await stand.platform.do(opening(order, CaseKind.EXCHANGE, refund_minor=0), "k1")
    ((number, body),) = of(Kind.CASE, await stand.told()).items()
    assert number in str(refused.value)
    assert (body.kind, body.parts[0].wanted_sku) == (CaseKind.EXCHANGE, "shirt-L")
    assert len(stand.twin.world.notes[order["id"]]) == 1


async def test_no_piece_is_in_two_cases(stand: WooStand) -> None:
    order = paid_order(stand, pieces=2, status="completed")
    first = await stand.platform.do(opening(order, CaseKind.RETURN, pieces=2), "k1")
    second = await stand.platform.do(opening(order, CaseKind.RETURN), "k2")
    assert (first.outcome, second.outcome) == (Outcome.DONE, Outcome.REFUSED)
    await stand.platform.do(CancelCase(first.reference), "k3")
    assert (await stand.platform.do(opening(order, CaseKind.RETURN), "k4")).outcome is Outcome.DONE


async def test_money_for_price_protection_takes_no_piece(stand: WooStand) -> None:
    order = paid_order(stand, pieces=1, status="completed")
    await stand.platform.do(RefundDifference(order["number"], "shirt", Money(200, "USD")), "k1")
    assert (await stand.platform.do(opening(order, CaseKind.RETURN, refund_minor=800), "k2")).outcome is Outcome.DONE


async def test_a_case_is_taken_back_once_and_not_when_it_is_paid(stand: WooStand) -> None:
    order = paid_order(stand, status="completed")
    number = (await stand.platform.do(opening(order, CaseKind.RETURN), "k1")).reference
    assert (await do_with_lost_answers(stand, CancelCase(number), "k2")).outcome is Outcome.DONE
    assert of(Kind.CASE, await stand.told())[number].status is CaseStatus.CANCELLED
    assert (await stand.platform.do(CancelCase(number), "k3")).outcome is Outcome.DONE
    assert (await stand.platform.do(CancelCase(f"{order['number']}-R000000"), "k4")).outcome is Outcome.REFUSED
    paid = (await stand.platform.do(opening(order, CaseKind.RETURN), "k5")).reference
    stand.clock.advance(hours=1)
    stand.twin.world.refund(order, {"amount": "10.00"})
    assert (await stand.platform.do(CancelCase(paid), "k6")).outcome is Outcome.REFUSED


async def test_a_refund_without_return_goes_through_the_gateway_once(stand: WooStand) -> None:
    order = paid_order(stand, status="completed")
    answer = await do_with_lost_answers(stand, opening(order, CaseKind.REFUND, refund_minor=350))
    (refund,) = stand.twin.world.refunds[order["id"]]
    assert (refund["amount"], refund["refunded_payment"]) == ("3.50", True)
    assert answer == Answer(Outcome.DONE, f"{order['number']}-{refund['id']}")
    case = of(Kind.CASE, await stand.told())[answer.reference]
    assert (case.kind, case.status, case.refund_minor) == (CaseKind.REFUND, CaseStatus.REFUNDED, 350)


async def test_the_difference_is_paid_back_once_for_each_key_and_never_more_than_was_paid(stand: WooStand) -> None:
    order = paid_order(stand, status="completed")
    command = RefundDifference(order["number"], "shirt", Money(1500, "USD"))
    assert (await do_with_lost_answers(stand, command)).outcome is Outcome.DONE
    assert (await stand.platform.do(command, "k1")).outcome is Outcome.DONE
    assert [refund["amount"] for refund in stand.twin.world.refunds[order["id"]]] == ["15.00"]
    with pytest.raises(PlatformRefuses, match="Invalid refund amount"):
        await stand.platform.do(command, "k2")


async def test_what_comes_too_late_is_refused_and_what_does_not_fit_the_order_is_left_to_people(
    stand: WooStand,
) -> None:
    order = paid_order(stand, status="completed")
    unpaid = paid_order(stand, status="pending", date_paid_gmt=None)
    euros = Money(100, "EUR")
    for command in (
        CancelOrder("99999", ""),
        RefundDifference(unpaid["number"], "shirt", Money(100, "USD")),
        opening(order, CaseKind.RETURN, pieces=3),
        opening(unpaid, CaseKind.RETURN),
    ):
        answer = await stand.platform.do(command, "k1")
        assert answer.outcome is Outcome.REFUSED
        assert answer.why
    for odd in (
        RefundDifference(order["number"], "hat", Money(100, "USD")),
        RefundDifference(order["number"], "shirt", euros),
        OpenCase(CaseKind.RETURN, order["number"], (CaseLine("shirt", 1),), "small", "", euros),
    ):
        with pytest.raises(PlatformRefuses):
            await stand.platform.do(odd, "k1")
    assert stand.twin.world.refunds == {}


async def test_a_key_that_may_only_read_is_told(stand: WooStand) -> None:
    stand.twin.may_write = False
    with pytest.raises(PlatformRefuses, match="Read/Write"):
        await stand.platform.do(CancelOrder(paid_order(stand)["number"], ""), "k1")


@pytest.mark.parametrize("command", [AskInvoice("1", "a", "", "b"), WatchStock("shirt")])
async def test_what_the_platform_has_no_call_for_is_not_in_can_and_refused(stand: WooStand, command: Command) -> None:
    assert type(command) not in stand.platform.can
    with pytest.raises(PlatformRefuses):
        await stand.platform.do(command, "k1")


async def test_a_cancelled_order_is_told_as_cancelled_not_as_refunded(stand: WooStand) -> None:
    order = paid_order(stand)
    await stand.platform.do(CancelOrder(order["number"], ""), "k1")
    assert of(Kind.ORDER, await stand.told())[order["number"]].status is OrderStatus.CANCELLED

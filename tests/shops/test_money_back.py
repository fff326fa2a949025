"""What went back of an order counts once, whoever tells of it and in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import Connection

from bot.delivery.signal import Signal
from bot.shop.bodies import CaseBody, OrderBody
from bot.shop.cases import cancel_case, open_case
from bot.shop.commands import CaseLine, Command, OpenCase, Outcome, RefundDifference
from bot.shop.embedded import Asked
from bot.shop.errands import Entrust, ErrandRunner
from bot.shop.mirror import copy
from bot.shop.platform import Answer, Kind, Told
from bot.shop.port import CaseKind, Line, Money
from bot.shop.refunds import refund_difference, went_back
from bot.shop.sql import SqlShop
from bot.skills.refunds import left, refund_of
from bot.store.database import Database
from bot.store.tables import errands, tasks
from tests.conftest import StandingClock
from tests.delivery.stand import rows
from tests.shops.small import NOW, counted, fill, order, read_order
from tests.shops.standin import RemoteShop
from tests.shops.test_hooks import event, tell

new_id = counted("money")


def two_lines() -> OrderBody:
    lines = [{"sku": sku, "quantity": 1, "price_minor": 5000} for sku in ("tee-S", "tee-M")]
    return order("delivered", total_minor=10000, lines=lines)


def line(connection: Connection, place: int = 0) -> Line:
    return read_order(connection, "A1").lines[place]


def promised(connection: Connection, quantity: int = 1, place: int = 0) -> int:
    """Return what the bot says that goes back for pieces of a line."""
    bought = read_order(connection, "A1")
    cases = SqlShop(connection).cases_of("A1")
    return refund_of(bought, {bought.lines[place].id: quantity}, cases, fault=False).total_minor


def goes_back(connection: Connection, quantity: int = 1, place: int = 0, minutes: float = 0) -> str:
    """Open the return that the bot promised."""
    amount = Money(promised(connection, quantity, place), "CNY")
    parts = (CaseLine(line(connection, place).id, quantity),)
    wish = OpenCase(CaseKind.RETURN, "A1", parts, "look", "x", amount)
    number = open_case(connection, wish, NOW + timedelta(minutes=minutes), new_id)
    assert number is not None, "what was promised can be had"
    return number


def falls(connection: Connection, minor: int, place: int = 0, minutes: float = 0) -> bool:
    now = NOW + timedelta(minutes=minutes)
    return refund_difference(connection, "A1", line(connection, place).id, Money(minor, "CNY"), now)


async def filled(database: Database, body: OrderBody) -> None:
    await database.write(lambda c: fill(c, A1=body))


@pytest.mark.parametrize("first", ["price", "piece"])
async def test_a_lower_price_and_a_return_come_to_what_was_paid_in_either_order(database: Database, first: str) -> None:
    await filled(database, order("delivered", pieces=2, total_minor=10000))
    steps: list[Callable[[Connection], object]] = [lambda c: falls(c, 1000), lambda c: goes_back(c, minutes=1)]
    if first == "piece":
        steps = [goes_back, lambda c: falls(c, 1000, minutes=1)]
    for step in steps:
        await database.write(step)
    await database.write(lambda c: goes_back(c, minutes=2))
    assert await database.read(lambda c: went_back(c, "A1")) == 10000


async def test_a_piece_that_went_back_whole_does_not_lower_what_the_next_is_worth(database: Database) -> None:
    body = order("delivered", total_minor=15000, lines=[
        {"sku": "tee-S", "quantity": 2, "price_minor": 5000}, {"sku": "tee-M", "quantity": 1, "price_minor": 5000},
    ])  # fmt: skip
    await filled(database, body)
    await database.write(goes_back)
    await database.write(lambda c: falls(c, 1000, minutes=1))
    assert await database.read(promised) == 4000


async def test_no_difference_is_paid_of_pieces_that_are_on_their_way_back(database: Database) -> None:
    await filled(database, two_lines())
    number = await database.write(goes_back)
    assert not await database.write(lambda c: falls(c, 3000))
    assert await database.read(lambda c: went_back(c, "A1")) == 5000
    assert await database.write(lambda c: cancel_case(c, number, NOW))
    assert await database.write(lambda c: falls(c, 3000)), "the piece is kept after all"


async def test_an_amount_that_is_for_no_goods_leaves_all_pieces_to_be_sent_back(database: Database) -> None:
    await filled(database, order("delivered", pieces=3))
    body = CaseBody.model_validate(
        {"order_number": "A1", "kind": "refund", "status": "refunded", "parts": [], "refund_minor": 300,
         "currency": "CNY", "opened_at": NOW}
    )  # fmt: skip
    await database.write(lambda c: copy(c, [Told(Kind.CASE, "A1-77", body, NOW)], NOW))
    assert await database.read(lambda c: left(line(c), SqlShop(c).cases_of("A1"))) == 3
    assert await database.read(lambda c: promised(c, 3)) == 15000 - 300
    with pytest.raises(ValidationError, match="parts are needed"):
        CaseBody.model_validate({**body.model_dump(), "kind": "return"})


# --- what the shop tells of payments ---------------------------------------------------------------------------------


async def told(database: Database, payment: str, minor: int, case: str | None = None) -> bool:
    fields = {"payment": payment, "order_number": "A1", "case_number": case, "amount_minor": minor, "currency": "CNY"}
    return await tell(database, event("refund.paid", 5, **fields))


async def status_of_case(database: Database) -> str:
    (case,) = await database.read(lambda c: SqlShop(c).cases_of("A1"))
    return case.status


async def test_a_case_that_is_paid_in_two_parts_ends_with_the_second(database: Database) -> None:
    await filled(database, two_lines())
    number = await database.write(goes_back)
    assert await told(database, "re_1", 3000, number)
    assert (await status_of_case(database), await database.read(lambda c: went_back(c, "A1"))) == ("open", 5000)
    assert [await told(database, "re_2", 2000, number) for _ in range(2)] == [True, False]
    assert (await status_of_case(database), await database.read(lambda c: went_back(c, "A1"))) == ("refunded", 5000)


async def test_a_payment_that_does_not_name_its_case_counts_once(database: Database) -> None:
    await filled(database, two_lines())
    await database.write(goes_back)
    assert [await told(database, "re_1", 5000) for _ in range(2)] == [True, False]
    assert (await status_of_case(database), await database.read(lambda c: went_back(c, "A1"))) == ("refunded", 5000)
    await database.write(lambda c: goes_back(c, place=1))


async def test_what_the_shop_paid_back_by_itself_is_not_promised_once_more(database: Database) -> None:
    await filled(database, order("delivered"))
    assert await told(database, "re_1", 700)
    assert await database.read(promised) == 4300
    await database.write(goes_back)


# --- a payment and a cancellation ------------------------------------------------------------------------------------


async def test_a_payment_that_is_told_after_the_later_cancellation_is_taken(database: Database) -> None:
    await filled(database, order("unpaid"))
    cancelled = event("order.cancelled", 3, order_number="A1")
    paid = event("order.paid", 2, order_number="A1", cart_id=None)
    assert [await tell(database, one) for one in (cancelled, paid, paid)] == [True, True, False]
    found = await database.read(lambda c: read_order(c, "A1"))
    assert (found.status, found.paid_at) == ("cancelled", NOW + timedelta(minutes=2))
    with pytest.raises(Exception, match="Refund the payment"):
        await tell(database, event("order.paid", 4, order_number="A1", cart_id=None))


# --- a remote shop ---------------------------------------------------------------------------------------------------


async def test_a_remote_shop_is_asked_once_for_the_difference_of_a_line(
    database: Database, clock: StandingClock
) -> None:
    remote = RemoteShop(clock, can=frozenset({RefundDifference}))
    await filled(database, two_lines())
    wish = RefundDifference("A1", await database.read(lambda c: line(c).id), Money(300, "CNY"))
    runner = ErrandRunner(database, clock, remote, lambda: pytest.fail("nobody waits"), "zh", Signal(), Signal())

    def ask(command: Command) -> Callable[[Connection], Outcome]:
        return lambda c: Entrust(remote)(c, command, Asked(None, clock.now(), new_id)).outcome

    assert [await database.write(ask(wish)) for _ in range(2)] == [Outcome.PENDING, Outcome.PENDING]
    more = RefundDifference("A1", wish.line_id, Money(900, "CNY"))
    assert await database.write(ask(more)) is Outcome.REFUSED, "another is under way"
    while await runner.run_next():
        pass
    assert list(remote.done.values()) == [RefundDifference("A1", "tee-S", Money(300, "CNY"))]
    assert await database.write(ask(wish)) is Outcome.REFUSED, "it was paid"
    assert await database.read(lambda c: (line(c).lowered_minor, line(c).lowered_at is not None)) == (300, True)

    body = CaseBody.model_validate(
        {"order_number": "A1", "kind": "refund", "status": "refunded", "parts": [], "refund_minor": 300,
         "currency": "CNY", "opened_at": NOW}
    )  # fmt: skip
    await database.write(lambda c: copy(c, [Told(Kind.CASE, "R-1", body, clock.now())], clock.now()))
    assert await database.read(lambda c: went_back(c, "A1")) == 300, "the shop's own word of it is not a second one"
    assert await database.read(promised) == 4700


async def test_what_a_shop_never_decides_is_left_to_the_staff_after_a_day(
    database: Database, clock: StandingClock
) -> None:
    remote = RemoteShop(clock, can=frozenset({RefundDifference}))
    remote.decides = lambda _: Answer(Outcome.PENDING)
    await filled(database, two_lines())
    wish = RefundDifference("A1", await database.read(lambda c: line(c).id), Money(300, "CNY"))
    runner = ErrandRunner(database, clock, remote, lambda: pytest.fail("nobody waits"), "zh", Signal(), Signal())
    await database.write(lambda c: Entrust(remote)(c, wish, Asked(None, clock.now(), new_id)))
    for _ in range(40):
        while await runner.run_next():
            pass
        clock.advance(timedelta(hours=1))
    (errand,) = await rows(database, errands)
    (task,) = await rows(database, tasks)
    assert (errand.status, 24 <= errand.attempts <= 26, task.kind) == ("unsure", True, "errand")

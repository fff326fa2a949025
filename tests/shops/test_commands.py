"""What a turn can have the embedded shop do: done once, refused when it is too late, never oversold."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from bot.shop.aftersale import put_case
from bot.shop.bodies import CaseBody
from bot.shop.changes import put_cart
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
from bot.shop.embedded import Asked, Carried, carry_out
from bot.shop.port import Case, CaseKind, CaseStatus, Money
from bot.shop.sql import SqlShop
from bot.store.database import Database
from bot.store.tables import case_parts, cases, customers, orders, refunds, tasks
from tests.shops.small import NOW, STOCK, counted, fill, order, product, read_order, stock, stock_of

new_id = counted()
NOTHING = Money(0, "CNY")
DONE, REFUSED = Outcome.DONE, Outcome.REFUSED


async def do(database: Database, command: Command, after: timedelta = timedelta()) -> Carried:
    return await database.write(lambda c: carry_out(c, command, Asked(None, NOW + after, new_id)))


async def outcome(database: Database, command: Command) -> Outcome:
    return (await do(database, command)).outcome


async def filled(database: Database, **bodies: Any) -> Database:
    await database.write(lambda c: fill(c, **bodies))
    return database


async def line_of(database: Database, number: str) -> str:
    return (await database.read(lambda c: read_order(c, number))).lines[0].id


async def cases_of(database: Database, number: str) -> Sequence[Case]:
    return await database.read(lambda c: SqlShop(c).cases_of(number))


async def opening(
    database: Database, number: str, quantity: int = 1, wanted: str = "", kind: str = "return", refund: int = 0
) -> OpenCase:
    line = CaseLine(await line_of(database, number), quantity, wanted)
    return OpenCase(CaseKind(kind), number, (line,), "small", "太小了", Money(refund, "CNY"), ("m1",), "unopened")


async def open_tasks(database: Database) -> list[tuple[str, str]]:
    found = await database.read(lambda c: c.execute(select(tasks.c.kind, tasks.c.text).order_by(tasks.c.id)).all())
    return [(row.kind, row.text) for row in found]


# --- orders that have not left -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["unpaid", "paid", "packed"])
async def test_an_order_that_has_not_left_is_cancelled_once_and_its_pieces_can_be_sold_again(
    database: Database, status: str
) -> None:
    await filled(database, A1=order(status, pieces=2))
    for _ in range(2):
        assert await outcome(database, CancelOrder("A1", "changed my mind")) is DONE
    assert (await database.read(lambda c: read_order(c, "A1"))).status == "cancelled"
    assert await stock(database) == {**STOCK, "tee-S": STOCK["tee-S"] + 2}
    owed = await database.read(lambda c: c.execute(select(refunds.c.amount_minor, refunds.c.paid_at)).all())
    assert [tuple(row) for row in owed] == ([] if status == "unpaid" else [(10000, None)])
    assert len(await open_tasks(database)) == len(owed), "somebody has to send the money"
    customer = await database.read(lambda c: SqlShop(c).customer("mia"))
    assert customer is not None and customer.spent.amount_minor == 0


@pytest.mark.parametrize("status", ["shipped", "delivered", "returned", "refunded"])
async def test_an_order_that_has_left_is_neither_cancelled_nor_sent_elsewhere(database: Database, status: str) -> None:
    await filled(database, A1=order(status))
    assert await outcome(database, CancelOrder("A1", "")) is REFUSED
    assert await outcome(database, ChangeAddress("A1", "Rosenweg 2")) is REFUSED
    kept = await database.read(lambda c: read_order(c, "A1"))
    assert (kept.status, kept.address) == (status, "Lindenweg 1")
    assert await stock(database) == STOCK
    assert await open_tasks(database) == []


async def test_what_was_paid_back_already_is_not_paid_back_again_when_the_order_is_cancelled(
    database: Database,
) -> None:
    await filled(database, A1=order("paid", pieces=2))
    difference = RefundDifference("A1", await line_of(database, "A1"), Money(1500, "CNY"))
    assert await outcome(database, difference) is DONE
    assert await outcome(database, CancelOrder("A1", "")) is DONE
    owed = await database.read(lambda c: c.execute(select(refunds.c.amount_minor)).scalars().all())
    assert sorted(owed) == [1500, 8500]


async def test_an_order_with_goods_under_way_back_is_not_cancelled_and_an_untouched_case_goes_with_it(
    database: Database,
) -> None:
    await filled(database, A1=order("paid"))
    opened = await do(database, await opening(database, "A1", wanted="tee-M", kind="exchange"))
    number = opened.fields["case.number"]
    await database.write(lambda c: c.execute(update(cases).values(status="sent")))
    assert await outcome(database, CancelOrder("A1", "")) is REFUSED
    await database.write(lambda c: c.execute(update(cases).values(status="approved")))
    assert await outcome(database, CancelOrder("A1", "")) is DONE
    assert await stock(database) == {**STOCK, "tee-S": STOCK["tee-S"] + 1}, "the held piece is free again too"
    assert [(c.number, c.status) for c in await cases_of(database, "A1")] == [(number, CaseStatus.CANCELLED)]


async def test_an_order_is_sent_to_another_address_before_it_left(database: Database) -> None:
    await filled(database, A1=order("packed"))
    for _ in range(2):
        assert await outcome(database, ChangeAddress("A1", "Rosenweg 2")) is DONE
    assert (await database.read(lambda c: read_order(c, "A1"))).address == "Rosenweg 2"
    assert await outcome(database, ChangeAddress("A9", "Rosenweg 2")) is REFUSED


# --- cases -------------------------------------------------------------------------------------------------------


async def test_a_return_is_opened_once_and_read_with_its_parts(database: Database) -> None:
    await filled(database, A1=order("delivered"))
    wish = await opening(database, "A1", refund=5000)
    first, again = await do(database, wish), await do(database, wish, timedelta(minutes=1))
    number = first.fields["case.number"]
    assert (first.outcome, again.outcome, again.fields["case.number"]) == (DONE, DONE, number)
    assert number.startswith("RT2611") and number[2:].isdecimal()
    (case,) = await cases_of(database, "A1")
    assert (case.number, case.kind, case.status, case.refund) == (number, "return", "open", Money(5000, "CNY"))
    assert [(p.line_id, p.quantity, p.wanted_sku) for p in case.parts] == [(wish.lines[0].line_id, 1, "")]
    assert (await database.read(lambda c: read_order(c, "A1"))).lines[0].returned == 1
    assert [kind for kind, _ in await open_tasks(database)] == ["case"]


async def test_a_piece_is_in_one_case_at_a_time_and_free_when_the_case_came_to_nothing(database: Database) -> None:
    await filled(database, A1=order("delivered", pieces=3))
    two = await opening(database, "A1", quantity=2)
    first = await do(database, two)
    assert await outcome(database, await opening(database, "A1", quantity=2, kind="refund")) is REFUSED
    third = await do(database, await opening(database, "A1", quantity=1, kind="refund", refund=100))
    assert third.outcome is DONE
    assert await outcome(database, await opening(database, "A1", quantity=1)) is REFUSED
    assert await outcome(database, CancelCase(first.fields["case.number"])) is DONE
    assert (await do(database, two)).fields != first.fields
    assert (await database.read(lambda c: read_order(c, "A1"))).lines[0].returned == 2, "a refund keeps its goods"


async def test_what_an_order_cannot_have_in_a_case_is_refused(database: Database) -> None:
    await filled(database, A1=order("delivered"), A2=order("unpaid"), A3=order("cancelled"), A4=order("delivered"))
    line = CaseLine(await line_of(database, "A1"), 1)
    of_another = CaseLine(await line_of(database, "A4"), 1)

    def wish(number: str = "A1", lines: tuple[CaseLine, ...] = (line,), refund: Money = NOTHING) -> OpenCase:
        return OpenCase(CaseKind.RETURN, number, lines, "other", "", refund)

    refused = [
        wish("A2", (CaseLine(await line_of(database, "A2"), 1),)),
        wish("A3", (CaseLine(await line_of(database, "A3"), 1),)),
        wish("A9"),
        wish(lines=()),
        wish(lines=(of_another,)),
        wish(lines=(CaseLine("x", 1),)),
        wish(lines=(CaseLine(line.line_id, 0),)),
        wish(lines=(CaseLine(line.line_id, 2),)),
        wish(lines=(line, line)),
        wish(refund=Money(5001, "CNY")),
        wish(refund=Money(-1, "CNY")),
        wish(refund=Money(1, "EUR")),
    ]
    for one in refused:
        assert await outcome(database, one) is REFUSED, one
    assert [await cases_of(database, number) for number in ("A1", "A2", "A3", "A4")] == [(), (), (), ()]
    assert await outcome(database, wish(refund=Money(5000, "CNY"))) is DONE


async def test_an_exchange_holds_its_piece_until_it_is_cancelled_and_is_refused_when_none_is_left(
    database: Database,
) -> None:
    await filled(database, A1=order("delivered"), A2=order("delivered"))
    wish = await opening(database, "A1", wanted="tee-M", kind="exchange")
    held = await do(database, wish)
    assert (held.outcome, (await stock(database))["tee-M"]) == (DONE, 0)
    assert (await do(database, wish)).fields == held.fields, "asked again, nothing more is held"
    for sku in ("tee-M", "tee-L", "tee-XXL"):
        assert await outcome(database, await opening(database, "A2", wanted=sku, kind="exchange")) is REFUSED
    assert await cases_of(database, "A2") == ()
    for _ in range(2):
        assert await outcome(database, CancelCase(held.fields["case.number"])) is DONE
    assert await stock(database) == STOCK


async def test_of_an_exchange_of_two_things_none_is_held_if_one_is_gone(database: Database) -> None:
    lines = [{"sku": "tee-S", "quantity": 1, "price_minor": 5000}, {"sku": "tee-M", "quantity": 1, "price_minor": 5000}]
    await filled(database, A1=order("delivered", total_minor=10000, lines=lines))
    small, medium = (await database.read(lambda c: read_order(c, "A1"))).lines
    for_both = (CaseLine(small.id, 1, "tee-M"), CaseLine(medium.id, 1, "tee-L"))
    wish = OpenCase(CaseKind.EXCHANGE, "A1", for_both, "small", "", Money(0, "CNY"))
    assert await outcome(database, wish) is REFUSED
    assert await stock(database) == STOCK


@pytest.mark.parametrize(
    ("status", "back"), [("exchanged", 0), ("rejected", 1), ("cancelled", 1), ("sent", 0), ("refunded", 1)]
)
async def test_a_hold_ends_as_the_shop_says_the_case_ended(database: Database, status: str, back: int) -> None:
    await filled(database, A1=order("delivered"))
    held = await do(database, await opening(database, "A1", wanted="tee-M", kind="exchange"))
    number = held.fields["case.number"]
    told = CaseBody.model_validate(
        {"order_number": "A1", "kind": "exchange", "status": status, "currency": "CNY", "opened_at": NOW,
         "parts": [{"sku": "tee-S", "wanted_sku": "tee-M"}], "reason": "small"}
    )  # fmt: skip
    for _ in range(2):
        await database.write(lambda c: put_case(c, number, told, NOW))
    assert (await stock(database))["tee-M"] == back
    assert await outcome(database, CancelCase(number)) is (DONE if status == "cancelled" else REFUSED)


async def test_a_part_that_the_shop_takes_out_of_a_case_is_held_no_more(database: Database) -> None:
    await filled(database, A1=order("delivered", pieces=2))
    held = await do(database, await opening(database, "A1", wanted="tee-M", kind="exchange"))
    told = CaseBody.model_validate(
        {"order_number": "A1", "kind": "exchange", "status": "open", "currency": "CNY", "opened_at": NOW,
         "parts": [{"sku": "tee-S", "quantity": 2}]}
    )  # fmt: skip
    await database.write(lambda c: put_case(c, held.fields["case.number"], told, NOW))
    assert await stock(database) == STOCK


async def test_two_workers_that_want_the_last_piece_in_exchange_get_one_and_one_no(database: Database) -> None:
    await filled(database, **{f"A{n}": order("delivered") for n in range(8)})
    wishes = [await opening(database, f"A{n}", wanted="tee-M", kind="exchange") for n in range(8)]
    random.shuffle(wishes)
    with closing(Database(database.url)) as other:
        hands = [database, other] * 4
        came = await asyncio.gather(*(outcome(hand, wish) for hand, wish in zip(hands, wishes, strict=True)))
    assert sorted(came) == sorted([DONE] + [REFUSED] * 7)
    assert (await stock(database))["tee-M"] == 0
    held = await database.read(lambda c: c.execute(select(case_parts.c.quantity).where(case_parts.c.held)).all())
    assert [row.quantity for row in held] == [1]


async def test_two_workers_that_open_a_case_over_the_same_piece_open_one(database: Database) -> None:
    await filled(database, A1=order("delivered"))
    ways = [await opening(database, "A1", kind=kind) for kind in ("return", "refund")] * 3
    with closing(Database(database.url)) as other:
        came = await asyncio.gather(*(do(hand, wish) for hand, wish in zip([database, other] * 3, ways, strict=True)))
    assert len(await cases_of(database, "A1")) == 1
    assert len({one.fields["case.number"] for one in came if one.outcome is DONE}) == 1


async def test_whatever_is_opened_and_cancelled_in_whatever_order_no_piece_appears_or_is_lost(
    database: Database,
) -> None:
    rng = random.Random(7)
    await filled(database, **{f"A{n}": order("delivered", pieces=2) for n in range(4)})
    everything = sum(STOCK.values())

    def holds(connection: Connection) -> tuple[int, int]:
        held = connection.execute(select(case_parts.c.quantity).where(case_parts.c.held)).scalars().all()
        return sum(stock_of(connection).values()), sum(held)

    for _ in range(60):
        number = f"A{rng.randrange(4)}"
        known = await cases_of(database, number)
        if known and rng.random() < 0.5:
            await do(database, CancelCase(rng.choice(known).number))
        else:
            wanted = rng.choice(list(STOCK))
            await do(database, await opening(database, number, rng.choice((1, 2)), wanted, kind="exchange"))
        free, held = await database.read(holds)
        assert free + held == everything
        assert min((await stock(database)).values()) >= 0


# --- invoices, differences, what is back -------------------------------------------------------------------------


async def test_an_invoice_is_asked_for_once_and_again_with_a_corrected_title(database: Database) -> None:
    await filled(database, A1=order("paid"), A2=order("unpaid"))
    wish = AskInvoice("A1", "青禾科技", "91310000MA1FL1AB3X", "mia@example.com")
    for _ in range(2):
        assert await outcome(database, wish) is DONE
    assert [kind for kind, _ in await open_tasks(database)] == ["invoice"]
    other = AskInvoice("A1", "青禾服饰", "91310000MA1FL1AB3X", "mia@example.com")
    assert await outcome(database, other) is DONE
    assert len(await open_tasks(database)) == 2
    invoice = await database.read(lambda c: SqlShop(c).invoice_of("A1"))
    assert invoice is not None and (invoice.title, invoice.status) == ("青禾服饰", "wanted")
    assert await outcome(database, AskInvoice("A2", "x", "", "")) is REFUSED
    assert await outcome(database, AskInvoice("A9", "x", "", "")) is REFUSED
    assert await database.read(lambda c: SqlShop(c).invoice_of("A2")) is None


async def test_a_difference_is_paid_back_once_a_line_and_never_more_than_was_paid(database: Database) -> None:
    await filled(database, A1=order("delivered"), A2=order("unpaid"))
    line = await line_of(database, "A1")
    of_unpaid = RefundDifference("A2", await line_of(database, "A2"), Money(100, "CNY"))
    for wrong in (Money(5000, "CNY"), Money(0, "CNY"), Money(100, "EUR")):
        assert await outcome(database, RefundDifference("A1", line, wrong)) is REFUSED
    assert await outcome(database, of_unpaid) is REFUSED
    assert await outcome(database, RefundDifference("A2", line, Money(100, "CNY"))) is REFUSED
    for _ in range(2):
        assert await outcome(database, RefundDifference("A1", line, Money(700, "CNY"))) is DONE
    assert await outcome(database, RefundDifference("A1", line, Money(900, "CNY"))) is REFUSED
    (task,) = await open_tasks(database)
    assert task[0] == "refund" and "7.00 CNY" in task[1]


async def test_nobody_waits_for_what_does_not_exist(database: Database) -> None:
    await filled(database)
    assert await outcome(database, WatchStock("tee-L")) is REFUSED, "nobody could be told"
    unknown = await database.write(lambda c: carry_out(c, WatchStock("cup"), Asked("c1", NOW, new_id)))
    assert unknown.outcome is REFUSED


async def test_members_pay_their_price_in_the_cart(database: Database) -> None:
    def job(connection: Connection) -> tuple[int, int]:
        fill(connection)
        put_cart(connection, "mia", {"tee-S": 2}, NOW, new_id)
        port = SqlShop(connection)
        before = port.open_cart("mia")
        connection.execute(update(customers).values(tier="gold"))
        after = port.open_cart("mia")
        assert before is not None and after is not None
        return before.total.amount_minor, after.total.amount_minor

    assert await database.write(job) == (10000, 9000)
    found = await database.read(lambda c: SqlShop(c).product("tee"))
    assert found is not None and found.variants[0].price_for("gold") == Money(4500, "CNY")
    assert found.care["en"] == product().care.en


async def test_a_case_that_is_opened_while_its_order_is_cancelled_goes_with_it_or_is_refused(
    database: Database,
) -> None:
    await filled(database, A1=order("paid"))
    wish = await opening(database, "A1", wanted="tee-M", kind="exchange")
    with closing(Database(database.url)) as other:
        await asyncio.gather(outcome(database, wish), outcome(other, CancelOrder("A1", "")))
    status = await database.read(lambda c: c.execute(select(orders.c.status)).scalar_one())
    assert status == "cancelled"
    assert await stock(database) == {**STOCK, "tee-S": STOCK["tee-S"] + 1}

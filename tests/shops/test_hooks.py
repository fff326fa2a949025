"""Signed events: whose they are, that they count once, and that their order does not matter."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, select

from bot.campaigns import claiming, line
from bot.clock import IdMaker
from bot.shop.cases import cancel_case, open_case
from bot.shop.commands import CaseLine, OpenCase
from bot.shop.event_bodies import Event, RefundPaid
from bot.shop.events import record
from bot.shop.hook_api import event_of, hook_routes
from bot.shop.load import put_customer, put_product
from bot.shop.port import CaseKind, Money, Order
from bot.shop.sql import SqlShop
from bot.store.database import Database
from bot.store.tables import deliveries, identities, refunds, sales
from tests.conftest import StandingClock
from tests.shops.small import NOW, counted, customer, fill, order, product, read_order, stock

SECRET = "whsec_" + base64.b64encode(b"not a real secret, only a test's").decode()
STOCK_IS_TWO = {"type": "stock.changed", "sku": "tee-L", "stock": 2, "changed_at": NOW.isoformat()}


def at(minutes: float) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat()


def event(type_: str, minutes: float = 0, **fields: Any) -> Event:
    return event_of(json.dumps({"type": type_, "changed_at": at(minutes), **fields}).encode())


async def tell(database: Database, one: Event) -> bool:
    return await database.write(lambda c: record(c, one, NOW, counted()))


class Sender:
    """The shop's server, which signs what it tells."""

    def __init__(self, http: httpx.AsyncClient, clock: StandingClock) -> None:
        self._http, self._clock = http, clock

    async def post(self, body: Any, ident: str = "msg_1", **changes: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        stamp = changes.pop("stamp", str(int(self._clock.now().timestamp())))
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        mac = hmac.new(key, b".".join((ident.encode(), stamp.encode(), content)), hashlib.sha256).digest()
        headers = {"webhook-id": ident, "webhook-timestamp": stamp}
        headers["webhook-signature"] = f"v1,c3RyYW5nZXI= v1,{base64.b64encode(mac).decode()}"
        sent = {name: value for name, value in {**headers, **changes}.items() if value != "-"}
        return await self._http.post("/api/shop/hooks", content=content, headers=sent)


@pytest.fixture
async def sender(database: Database, clock: StandingClock, new_id: IdMaker) -> AsyncIterator[Sender]:
    await database.write(lambda c: fill(c, A1=order("paid")))
    app = FastAPI()
    app.include_router(hook_routes(database, clock, SECRET, new_id))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as http:
        yield Sender(http, clock)


async def test_a_signed_event_is_acted_on_once(sender: Sender, database: Database) -> None:
    answers = [(await sender.post(STOCK_IS_TWO)).json() for _ in range(2)]
    assert answers == [{"changed": True}, {"changed": False}]
    assert (await stock(database))["tee-L"] == 2
    later = {**STOCK_IS_TWO, "stock": 0, "changed_at": at(1)}
    assert (await sender.post(later, ident="msg_1")).json() == {"changed": False}, "the delivery was taken already"
    assert (await sender.post(later, ident="msg_2")).json() == {"changed": True}


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "-"},
        {"webhook-signature": "v1a,AAAA"},
        {"webhook-id": "-"},
        {"webhook-id": "msg_9"},
        {"webhook-timestamp": "-"},
        {"webhook-timestamp": "soon"},
        {"stamp": str(int((NOW - timedelta(minutes=5, seconds=1)).timestamp()))},
        {"stamp": str(int((NOW + timedelta(minutes=5, seconds=1)).timestamp()))},
    ],
)
async def test_what_is_not_signed_right_or_too_old_changes_nothing(
    sender: Sender, database: Database, changes: dict[str, str]
) -> None:
    answer = await sender.post(STOCK_IS_TWO, **changes)
    assert (answer.status_code, "\n" in answer.json()["message"]) == (401, False)
    assert (await stock(database))["tee-L"] == 0


async def test_a_body_that_was_changed_on_the_way_is_refused(sender: Sender, database: Database) -> None:
    signed = await sender.post(STOCK_IS_TWO)
    content = json.dumps({**STOCK_IS_TWO, "stock": 99}).encode()
    headers = dict(signed.request.headers) | {"webhook-id": "msg_1"}
    headers.pop("content-length")
    answer = await sender._http.post("/api/shop/hooks", content=content, headers=headers)
    assert answer.status_code == 401
    assert (await stock(database))["tee-L"] == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{", {"type": "moon.rose"}, {**STOCK_IS_TWO, "stock": -1}])
async def test_what_says_no_event_is_one_line_and_may_be_sent_again(sender: Sender, body: Any) -> None:
    answer = await sender.post(body)
    assert (answer.status_code, set(answer.json())) == (422, {"error", "message"})
    assert (await sender.post(STOCK_IS_TWO)).json() == {"changed": True}, "the id was not used up"


async def test_an_event_of_something_that_is_not_there_yet_is_taken_when_it_comes_again(
    sender: Sender, database: Database
) -> None:
    shipped = {"type": "order.shipped", "order_number": "A2", "changed_at": at(0)}
    assert (await sender.post(shipped)).status_code == 404
    assert await database.read(lambda c: c.execute(select(deliveries)).all()) == []
    body = order("paid").model_dump(mode="json")
    created = {"type": "order.created", "order_number": "A2", "order": body, "changed_at": at(-5)}
    assert (await sender.post(created, ident="msg_2")).json() == {"changed": True}
    assert (await sender.post(shipped)).json() == {"changed": True}


async def test_a_payment_that_came_too_late_is_refused_each_time_it_is_told_until_it_is_given_back(
    sender: Sender, database: Database, clock: StandingClock
) -> None:
    users = ("first", "next")
    for user in users:
        linked = {"type": "customer.linked", "customer_id": user, "channel": "web:shop", "user": user}
        await database.write(lambda c, user=user: put_customer(c, user, customer(), NOW))  # type: ignore[misc]
        assert (await sender.post(linked, ident=user)).status_code == 200
    now = clock.now()

    def rush(connection: Connection) -> None:
        goods = {"sku": "tee-L", "price_minor": 500, "currency": "EUR", "total": 1, "available": 1, "audiences": []}
        running = {"status": "running", "starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(hours=1)}
        connection.execute(sales.insert().values(id="s1", **goods, **running))
        people = {row.user: row.person_id for row in connection.execute(select(identities))}
        for user in users:
            claiming.claim(connection, "s1", people[user], now - timedelta(hours=1), lambda user=user: user)  # type: ignore[misc]
        line.release_due(connection, "s1", now)

    await database.write(rush)
    paid = {"type": "claim.paid", "sale_id": "s1", "channel": "web:shop", "user": "first"}
    assert [(await sender.post(paid)).status_code for _ in range(2)] == [409, 409]
    assert (await sender.post({**paid, "type": "claim.refunded"}, ident="back")).json() == {"changed": True}
    assert (await sender.post(paid)).json() == {"changed": False}


async def test_a_shop_without_a_secret_takes_no_signed_events(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    app = FastAPI()
    app.include_router(hook_routes(database, clock, "", new_id))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as http:
        assert (await Sender(http, clock).post(STOCK_IS_TWO)).status_code == 401


# --- in whatever order -------------------------------------------------------------------------------------------
PARCEL = {"carrier": "DHL", "tracking_number": "JJD1"}
SEEN = {"at": at(2), "place": {"zh": "柏林", "en": "Berlin"}, "status": "in_transit"}
LIFE = [
    event("order.paid", 1, order_number="A1", cart_id=None),
    event("order.shipped", 2, order_number="A1", shipment=PARCEL),
    event("shipment.updated", 3, order_number="A1", shipment={**PARCEL, "events": [SEEN]}),
    event("order.delivered", 4, order_number="A1"),
]


async def told(database: Database, told_in_order: tuple[Event, ...]) -> Order:
    await database.write(lambda c: fill(c, A1=order("unpaid")))
    for one in told_in_order:
        await tell(database, one)
    return await database.read(lambda c: read_order(c, "A1"))


@pytest.mark.parametrize("turn", range(0, 24, 5))
async def test_an_order_ends_up_the_same_in_whatever_order_its_events_come(database: Database, turn: int) -> None:
    found = await told(database, list(permutations(LIFE))[turn])
    assert found.status == "delivered"
    assert (found.paid_at, found.delivered_at) == (NOW + timedelta(minutes=1), NOW + timedelta(minutes=4))
    (parcel,) = found.shipments
    assert [e.status for e in parcel.events] == ["in_transit"]
    for one in LIFE:
        assert not await tell(database, one), "a repeat changes nothing"


async def test_an_older_word_about_stock_or_a_parcel_never_undoes_a_newer_one(database: Database) -> None:
    await database.write(lambda c: fill(c, A1=order("shipped")))
    for minutes, pieces, changes in ((5, 7, True), (4, 0, False), (5, 3, False), (6, 2, True)):
        assert await tell(database, event("stock.changed", minutes, sku="tee-L", stock=pieces)) is changes
    assert (await stock(database))["tee-L"] == 2
    for minutes, trail, changes in ((5, [SEEN], True), (4, [], False)):
        parcel = {**PARCEL, "events": trail}
        assert await tell(database, event("shipment.updated", minutes, order_number="A1", shipment=parcel)) is changes
    second = {"carrier": "DHL", "tracking_number": "JJD2", "skus": ["tee-S"]}
    assert await tell(database, event("shipment.updated", 1, order_number="A1", shipment=second))
    parcels = (await database.read(lambda c: read_order(c, "A1"))).shipments
    assert [(p.tracking_number, len(p.events), p.skus) for p in parcels] == [("JJD1", 1, ()), ("JJD2", 0, ("tee-S",))]


async def test_a_cancelled_order_stays_cancelled_and_a_shipped_one_is_not_cancelled(database: Database) -> None:
    await database.write(lambda c: fill(c, A1=order("paid"), A2=order("shipped")))
    assert await tell(database, event("order.cancelled", 1, order_number="A1"))
    assert not await tell(database, event("order.cancelled", 2, order_number="A1"))
    with pytest.raises(Exception, match="cancelled"):
        await tell(database, event("order.shipped", 0, order_number="A1"))
    with pytest.raises(Exception, match="shipped"):
        await tell(database, event("order.cancelled", 1, order_number="A2"))


async def test_an_order_that_is_created_late_does_not_undo_what_is_known_of_it(database: Database) -> None:
    await database.write(lambda c: put_customer(c, "mia", customer(), NOW))
    await database.write(lambda c: fill(c, A1=order("shipped")))
    body = order("unpaid").model_dump(mode="json")
    assert not await tell(database, event("order.created", -9, order_number="A1", order=body))
    assert (await database.read(lambda c: read_order(c, "A1"))).status == "shipped"


# --- cases and money ---------------------------------------------------------------------------------------------


async def with_case(database: Database) -> str:
    def job(connection: Connection) -> str:
        fill(connection, A1=order("delivered"))
        line = read_order(connection, "A1").lines[0].id
        wish = OpenCase(CaseKind.RETURN, "A1", (CaseLine(line, 1),), "small", "too small", Money(5000, "CNY"))
        number = open_case(connection, wish, NOW, counted("case"))
        assert number is not None
        return number

    return await database.write(job)


async def test_a_case_moves_with_the_shops_word_and_not_back(database: Database) -> None:
    number = await with_case(database)
    for minutes, status, changes in ((2, "received", True), (1, "approved", False), (2, "received", False)):
        assert await tell(database, event("return.updated", minutes, case_number=number, status=status)) is changes
    sent = event("return.updated", 3, case_number=number, status="received", label="https://x.test/l", refund_minor=99)
    assert await tell(database, sent)
    (case,) = await database.read(lambda c: SqlShop(c).cases_of("A1"))
    assert (case.status, case.label, case.refund) == ("received", "https://x.test/l", Money(99, "CNY"))
    with pytest.raises(Exception, match="no case"):
        await tell(database, event("return.updated", 1, case_number="RT0", status="approved"))


async def test_a_refund_is_noted_once_and_ends_its_case(database: Database) -> None:
    number = await with_case(database)
    paid = event(
        "refund.paid", 5, payment="re_1", order_number="A1", case_number=number, amount_minor=5000, currency="CNY"
    )
    assert isinstance(paid, RefundPaid)
    assert [await tell(database, paid), await tell(database, paid)] == [True, False]
    (case,) = await database.read(lambda c: SqlShop(c).cases_of("A1"))
    assert (case.status, case.changed_at) == ("refunded", NOW + timedelta(minutes=5))
    other = paid.model_copy(update={"payment": "re_2", "case_number": None, "amount_minor": 100})
    assert await tell(database, other)

    def noted(connection: Connection) -> list[tuple[int, datetime | None]]:
        found = connection.execute(select(refunds.c.amount_minor, refunds.c.paid_at).order_by(refunds.c.amount_minor))
        return [(row.amount_minor, row.paid_at) for row in found]

    assert await database.read(noted) == [(100, NOW + timedelta(minutes=5)), (5000, NOW + timedelta(minutes=5))]


async def test_of_two_words_about_a_parcel_in_one_second_the_longer_trail_stands(database: Database) -> None:
    await database.write(lambda c: fill(c, A1=order("paid")))
    assert await tell(database, event("order.shipped", 2, order_number="A1", shipment=PARCEL))
    longer = event("shipment.updated", 2, order_number="A1", shipment={**PARCEL, "events": [SEEN]})
    assert [await tell(database, one) for one in (longer, longer)] == [True, False]
    (parcel,) = (await database.read(lambda c: read_order(c, "A1"))).shipments
    assert len(parcel.events) == 1


async def test_a_rejected_exchange_that_is_approved_after_all_holds_its_piece_again(database: Database) -> None:
    def opened(connection: Connection, name: str) -> str:
        line = read_order(connection, "A1").lines[0].id
        parts = (CaseLine(line, 1, "tee-M"),)
        wish = OpenCase(CaseKind.EXCHANGE, "A1", parts, "small", "too small", Money(0, "CNY"))
        number = open_case(connection, wish, NOW, counted(name))
        assert number is not None
        return number

    await database.write(lambda c: fill(c, A1=order("delivered")))
    number = await database.write(lambda c: opened(c, "case"))
    seen = []
    for minutes, status in ((1, "rejected"), (2, "approved"), (3, "exchanged")):
        await tell(database, event("return.updated", minutes, case_number=number, status=status))
        seen.append((await stock(database))["tee-M"])
    assert seen == [1, 0, 0]


async def test_a_rejected_exchange_is_not_taken_up_when_its_piece_is_gone(database: Database) -> None:
    await database.write(lambda c: fill(c, A1=order("delivered"), A2=order("delivered")))

    def opened(connection: Connection, order_number: str) -> str | None:
        parts = (CaseLine(read_order(connection, order_number).lines[0].id, 1, "tee-M"),)
        wish = OpenCase(CaseKind.EXCHANGE, order_number, parts, "small", "too small", Money(0, "CNY"))
        return open_case(connection, wish, NOW, counted(order_number))

    first = await database.write(lambda c: opened(c, "A1"))
    await tell(database, event("return.updated", 1, case_number=first, status="rejected"))
    assert await database.write(lambda c: opened(c, "A2")), "the last piece goes to somebody else"
    with pytest.raises(Exception, match="is gone"):
        await tell(database, event("return.updated", 2, case_number=first, status="approved"))


async def test_a_hold_outlasts_a_put_of_its_product_and_a_count_of_its_stock(database: Database) -> None:
    def opened(connection: Connection) -> str:
        fill(connection, A1=order("delivered"))
        parts = (CaseLine(read_order(connection, "A1").lines[0].id, 1, "tee-M"),)
        wish = OpenCase(CaseKind.EXCHANGE, "A1", parts, "small", "too small", Money(0, "CNY"))
        number = open_case(connection, wish, NOW, counted("case"))
        assert number is not None
        return number

    number = await database.write(opened)
    await database.write(lambda c: put_product(c, "tee", product(), NOW))
    assert (await stock(database))["tee-M"] == 0, "put as it was: one piece, and that is held"
    await tell(database, event("stock.changed", 1, sku="tee-M", stock=3))
    assert (await stock(database))["tee-M"] == 2
    await database.write(lambda c: cancel_case(c, number, NOW))
    assert (await stock(database))["tee-M"] == 3

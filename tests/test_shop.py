"""The embedded shop: what it answers, what its events change, and its HTTP door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, event, select, update

from bot.campaigns import claiming, line
from bot.clock import SystemClock
from bot.delivery.facts import guard_holds
from bot.delivery.inbox import store
from bot.delivery.outbox import Draft, put
from bot.delivery.people import known_people
from bot.delivery.standing import consent
from bot.demo.orders import PLANS
from bot.demo.seed import demo_orders, seed
from bot.effects import set_consent
from bot.errors import Conflict, NotFound
from bot.messages import Chat, Inbound, Purpose
from bot.shop.api import shop_routes
from bot.shop.cases import open_case
from bot.shop.changes import pay_cart, pay_order, touch_cart
from bot.shop.commands import CaseLine, OpenCase
from bot.shop.event_bodies import OrderPaid
from bot.shop.events import record
from bot.shop.port import CaseKind, Money, OrderStatus, Shop
from bot.shop.sql import SqlShop
from bot.skills.turn import SetConsent
from bot.store.database import Database
from bot.store.tables import carts, consents, conversations, identities, outbox, products, sales, tasks, timers
from tests.conftest import StandingClock

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
KEY = "k-tests-only"


@pytest.fixture
async def shop(database: Database) -> Database:
    """A database with the demo shop in it."""
    await database.write(lambda connection: seed(connection, NOW))
    return database


def counted(prefix: str = "id") -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{prefix}-{next(numbers)}"


def number_of(connection: Connection, state: str, customer_id: str) -> str:
    return next(o.number for o in demo_orders(connection) if (o.state, o.customer_id) == (state, customer_id))


class Statements:
    """Counts the statements that a connection executes."""

    def __init__(self, connection: Connection) -> None:
        self.count = 0
        event.listen(connection, "before_cursor_execute", self._seen)

    def _seen(self, *_args: Any) -> None:
        self.count += 1


def timer_keys(connection: Connection) -> dict[str, datetime]:
    return {row.key: row.due_at for row in connection.execute(select(timers))}


def cart_timers(connection: Connection) -> int:
    return sum(key.startswith("cart:") for key in timer_keys(connection))


# --- reading -----------------------------------------------------------------------------------------------------


async def test_an_order_is_read_whole_with_its_lines_and_trail_oldest_first(shop: Database) -> None:
    def job(connection: Connection) -> None:
        port: Shop = SqlShop(connection)
        order = port.order(number_of(connection, "out_for_delivery", "lin"))
        assert order is not None
        assert order.status is OrderStatus.SHIPPED
        assert [line.sku for line in order.lines] == ["wool-coat-beige-M"]
        assert order.lines[0].name == {"zh": "双面羊毛大衣", "en": "Double-faced Wool Coat"}
        assert [e.status for e in order.shipments[0].events] == ["picked_up", "in_transit", "out_for_delivery"]
        assert order.shipments[0].events[0].at < order.shipments[0].events[1].at < NOW

    await shop.read(job)


async def test_what_is_not_there_is_none_or_empty(shop: Database) -> None:
    def job(connection: Connection) -> list[Any]:
        port = SqlShop(connection)
        return [
            port.order("QH0000000000"),
            port.orders_of("nobody"),
            port.customer("nobody"),
            port.open_cart("wang"),
            port.cases_of("QH0000000000"),
        ]

    assert await shop.read(job) == [None, (), None, None, ()]


async def test_orders_of_a_customer_come_newest_first_in_a_fixed_number_of_queries(shop: Database) -> None:
    def job(connection: Connection) -> None:
        statements = Statements(connection)
        orders = SqlShop(connection).orders_of("lin")
        assert statements.count == 3
        assert len(orders) == sum(plan.customer_id == "lin" for plan in PLANS)
        assert list(orders) == sorted(orders, key=lambda o: o.created_at, reverse=True)
        assert all(sum(x.price.amount_minor * x.quantity for x in o.lines) == o.total.amount_minor for o in orders)

    await shop.read(job)


async def test_products_on_sale_come_in_two_queries_with_sizes_from_small_to_large(shop: Database) -> None:
    def job(connection: Connection) -> None:
        connection.execute(update(products).where(products.c.id == "polo").values(active=False))
        statements = Statements(connection)
        found = {product.id: product for product in SqlShop(connection).products()}
        assert statements.count == 2
        assert "polo" not in found
        blue = [v.size for v in found["linen-dress"].variants if v.colour["en"] == "blue"]
        assert blue == ["XS", "S", "M", "L", "XL"]
        assert not found["briefs"].returnable

    await shop.write(job)


async def test_an_open_cart_is_read_at_todays_prices(shop: Database) -> None:
    cart = await shop.read(lambda connection: SqlShop(connection).open_cart("lin"))
    assert cart is not None
    assert (cart.id, cart.total.amount_minor, {line.id for line in cart.lines}) == ("c-lin", 35900 + 19900, {""})


# --- paying --------------------------------------------------------------------------------------------------------


async def test_paying_an_order_twice_counts_once(shop: Database) -> None:
    def job(connection: Connection) -> None:
        number = number_of(connection, "unpaid", "lin")
        before = SqlShop(connection).customer("lin")
        assert [pay_order(connection, number, NOW), pay_order(connection, number, NOW)] == [True, False]
        order, after = SqlShop(connection).order(number), SqlShop(connection).customer("lin")
        assert order is not None and before is not None and after is not None
        assert (order.status, order.paid_at) == (OrderStatus.PAID, NOW)
        assert after.spent.amount_minor == before.spent.amount_minor + order.total.amount_minor

    await shop.write(job)


async def test_paying_a_cancelled_or_unknown_order_is_refused_aloud(shop: Database) -> None:
    def job(connection: Connection) -> None:
        with pytest.raises(Conflict, match="Refund"):
            pay_order(connection, number_of(connection, "cancelled", "wang"), NOW)
        with pytest.raises(NotFound):
            pay_order(connection, "QH0000000000", NOW)

    await shop.write(job)


def follow_up(connection: Connection, cart_id: str, key: str) -> None:
    draft = Draft(key, "talk-lin", Purpose.MARKETING, "still there?", guard={"cart_open": cart_id})
    assert put(connection, draft, NOW)


async def test_paying_a_cart_withdraws_its_follow_ups_and_no_others(shop: Database) -> None:
    def job(connection: Connection) -> None:
        for key in ("cart:c-lin:2", "cart:C-LIN:1", "cart:c-lin2:1", "cart:c_lin:1"):
            connection.execute(timers.insert().values(key=key, kind="cart_followup", payload={}, due_at=NOW))
        follow_up(connection, "c-lin", "mine")
        follow_up(connection, "c-lin", "gone out")
        connection.execute(update(outbox).where(outbox.c.key == "gone out").values(status="sent"))
        follow_up(connection, "c-chen", "of another cart")
        put(connection, Draft("no guard", "talk-lin", Purpose.REPLY, "hello"), NOW)

        assert [pay_cart(connection, "c-lin", NOW), pay_cart(connection, "c-lin", NOW)] == [True, False]

        assert set(timer_keys(connection)) == {"cart:C-LIN:1", "cart:c-chen:1", "cart:c-lin2:1", "cart:c_lin:1"}
        assert {row.key: (row.status, row.reason) for row in connection.execute(select(outbox))} == {
            "mine": ("dropped", "paid"),
            "gone out": ("sent", ""),
            "of another cart": ("waiting", ""),
            "no guard": ("waiting", ""),
        }
        assert SqlShop(connection).open_cart("lin") is None

    await shop.write(job)


async def test_a_payment_that_is_rolled_back_withdraws_nothing(shop: Database) -> None:
    def job(connection: Connection) -> None:
        pay_cart(connection, "c-lin", NOW)
        raise Conflict

    with pytest.raises(Conflict):
        await shop.write(job)
    assert "cart:c-lin:1" in await shop.read(timer_keys)


async def test_a_touched_cart_has_one_timer_that_moves(shop: Database) -> None:
    def job(connection: Connection) -> None:
        later = NOW + timedelta(minutes=25)
        assert timer_keys(connection)["cart:c-lin:1"] == NOW + timedelta(minutes=60)
        assert touch_cart(connection, "c-lin", later)
        mine = {key: due for key, due in timer_keys(connection).items() if key.startswith("cart:c-lin:")}
        assert mine == {"cart:c-lin:1": later + timedelta(minutes=60)}
        row = connection.execute(select(timers).where(timers.c.key == "cart:c-lin:1")).one()
        assert (row.kind, row.payload) == ("cart_followup", {"cart_id": "c-lin", "step": 1})

    await shop.write(job)


async def test_a_paid_cart_that_is_touched_late_gets_no_timer(shop: Database) -> None:
    def job(connection: Connection) -> None:
        pay_cart(connection, "c-lin", NOW)
        assert not touch_cart(connection, "c-lin", NOW)
        assert "cart:c-lin:1" not in timer_keys(connection)
        with pytest.raises(NotFound):
            touch_cart(connection, "c-nobody", NOW)

    await shop.write(job)


# --- returns -------------------------------------------------------------------------------------------------------


def back(order_number: str, line_id: str, currency: str = "CNY") -> OpenCase:
    """Return the wish to send one piece of a line back."""
    lines = (CaseLine(line_id, 1),)
    return OpenCase(CaseKind.RETURN, order_number, lines, "large", "too big", Money(100, currency))


async def test_one_line_has_one_return_case_whoever_asks_again(shop: Database) -> None:
    def job(connection: Connection) -> None:
        order = SqlShop(connection).order(number_of(connection, "delivered", "lin"))
        assert order is not None
        new_id = counted()
        wishes = [back(order.number, line.id) for line in order.lines if line.quantity == 1]
        first, *others = [open_case(connection, wish, NOW, new_id) for wish in wishes]
        again = open_case(connection, wishes[0], NOW, new_id)
        assert first and first.startswith("RT2611") and len(first) == 10 and first[2:].isdecimal()
        assert first == again and first not in others
        assert [case.number for case in SqlShop(connection).cases_of(order.number)].count(first) == 1

    await shop.write(job)


async def test_a_case_number_that_is_taken_is_not_given_twice(shop: Database) -> None:
    def job(connection: Connection) -> None:
        orders = [o for o in SqlShop(connection).orders_of("tan") if o.status is OrderStatus.DELIVERED]
        orders += [o for o in SqlShop(connection).orders_of("lin") if o.status is OrderStatus.DELIVERED]
        wishes = [back(order.number, line.id) for order in orders for line in order.lines if not line.returned]
        cases = [open_case(connection, wish, NOW, lambda: "always the same") for wish in wishes]
        assert None not in cases
        assert len(set(cases)) == len(wishes) >= 3

    await shop.write(job)


async def test_a_line_of_someone_elses_order_opens_no_case(shop: Database) -> None:
    def job(connection: Connection) -> None:
        mine = next(o for o in SqlShop(connection).orders_of("lin") if o.status is OrderStatus.DELIVERED)
        theirs = SqlShop(connection).orders_of("wang")[0]
        assert open_case(connection, back(mine.number, mine.lines[0].id), NOW, counted())
        for line_id in (theirs.lines[0].id, "", "one", "-1"):
            assert open_case(connection, back(mine.number, line_id), NOW, counted("other")) is None

    await shop.write(job)


# --- over HTTP -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def http(shop: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(shop_routes(shop, SystemClock(), KEY))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        yield client


@pytest.fixture
def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {KEY}"}


async def test_the_catalogue_is_public_and_bilingual(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/shop/products")
    dress = next(product for product in answer.json() if product["id"] == "linen-dress")
    assert dress["name"] == {"zh": "亚麻连衣裙", "en": "Linen Dress"}
    assert dress["variants"][0]["price"] == {"amount_minor": 35900, "currency": "CNY"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/customers/lin/cart"),
        ("PUT", "/customers/lin/cart"),
        ("POST", "/events"),
        ("PUT", "/products/p1"),
        ("PUT", "/customers/c1"),
        ("PUT", "/orders/1"),
        ("PUT", "/sales/s1"),
        ("GET", "/sales/s1/claims"),
    ],
)
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {KEY}"}])
async def test_all_but_the_catalogue_needs_the_key(
    http: httpx.AsyncClient, method: str, path: str, header: dict[str, str]
) -> None:
    answer = await http.request(method, f"/api/shop{path}", headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer.json()["message"]
    assert "\n" not in answer.text


async def test_a_shop_without_a_key_takes_no_events(shop: Database) -> None:
    app = FastAPI()
    app.include_router(shop_routes(shop, SystemClock(), ""))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        for header in ({"Authorization": "Bearer "}, {"Authorization": "Bearer"}, {}):
            answer = await client.get("/api/shop/customers/lin/cart", headers=header)
            assert answer.status_code == 401


async def test_a_cart_is_replaced_and_its_follow_up_set(
    http: httpx.AsyncClient, shop: Database, bearer: dict[str, str]
) -> None:
    path = "/api/shop/customers/wang/cart"
    assert (await http.get(path, headers=bearer)).status_code == 404
    lines = [{"sku": "chinos-khaki-L", "quantity": 1}, {"sku": "chinos-khaki-L", "quantity": 1}]
    assert (await http.put(path, headers=bearer, json={"lines": lines})).json() == {"changed": True}
    cart = (await http.get(path, headers=bearer)).json()
    assert [(line["sku"], line["quantity"]) for line in cart["lines"]] == [("chinos-khaki-L", 2)]
    assert f"cart:{cart['id']}:1" in await shop.read(timer_keys)

    assert (await http.put(path, headers=bearer, json={"lines": []})).status_code == 200
    assert f"cart:{cart['id']}:1" not in await shop.read(timer_keys)
    assert (await http.get(path, headers=bearer)).status_code == 404


async def test_two_carts_put_at_once_are_one_cart(
    http: httpx.AsyncClient, shop: Database, bearer: dict[str, str]
) -> None:
    lines = {"lines": [{"sku": "polo-white-M", "quantity": 1}]}
    puts = [http.put("/api/shop/customers/liu/cart", headers=bearer, json=lines) for _ in range(8)]
    assert {answer.status_code for answer in await asyncio.gather(*puts)} == {200}
    assert len(await shop.read(timer_keys)) == 2 + 1  # lin's and chen's of the seed, and liu's one


async def test_events_are_recorded_once_and_repeats_are_harmless(
    http: httpx.AsyncClient, shop: Database, bearer: dict[str, str]
) -> None:
    number = await shop.read(lambda connection: number_of(connection, "unpaid", "lin"))
    order_paid = {"type": "order.paid", "order_number": number, "cart_id": "c-lin"}
    for event_, changed in [
        ({"type": "cart.updated", "cart_id": "c-lin"}, True),
        (order_paid, True),
        (order_paid, False),
        ({"type": "cart.updated", "cart_id": "c-lin"}, False),
        ({"type": "cart.paid", "cart_id": "c-chen"}, True),
        ({"type": "cart.paid", "cart_id": "c-chen"}, False),
    ]:
        answer = await http.post("/api/shop/events", headers=bearer, json=event_)
        assert (answer.status_code, answer.json()) == (200, {"changed": changed})
    assert await shop.read(timer_keys) == {}


@pytest.mark.parametrize(
    ("event_", "status", "says"),
    [
        ({"type": "cart.paid", "cart_id": "c-none"}, 404, "c-none"),
        ({"type": "order.paid", "order_number": "QH0", "cart_id": None}, 404, "QH0"),
        ({"type": "order.paid", "order_number": "QH0"}, 422, "cart_id"),
        ({"type": "cart.paid"}, 422, "cart_id"),
        ({"type": "cart.burnt", "cart_id": "c-lin"}, 422, "cart.updated"),
        ({"type": "cart.paid", "cart_id": "c-lin", "extra": 1}, 422, "extra"),
    ],
)
async def test_a_wrong_event_gets_one_line_that_says_what_to_do(
    http: httpx.AsyncClient, bearer: dict[str, str], event_: dict[str, Any], status: int, says: str
) -> None:
    answer = await http.post("/api/shop/events", headers=bearer, json=event_)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "message"}
    assert says in answer.json()["message"] and "\n" not in answer.text


async def test_three_letters_that_are_no_currency_are_refused(http: httpx.AsyncClient, bearer: dict[str, str]) -> None:
    wrong = {**PRODUCT, "variants": [{**PRODUCT["variants"][0], "currency": "XYZ"}]}
    answer = await http.put("/api/shop/products/teapot", headers=bearer, json=wrong)
    assert answer.status_code == 422
    assert "ISO 4217" in answer.json()["message"]


# --- filling an empty shop ------------------------------------------------------------------------------------------


PRODUCT: dict[str, Any] = {
    "name": {"zh": "茶壶", "en": "Teapot"},
    "category": "home",
    "variants": [
        {"sku": f"pot-{size}", "colour": {"zh": "白", "en": "white"}, "size": size, "price_minor": 8800,
         "currency": "EUR", "stock": 3}
        for size in ("S", "L")
    ],
}  # fmt: skip
CUSTOMER = {"name": "Mia", "phone": "+4915112345678", "tier": "gold"}
EVENT = {"at": "2026-11-20T10:00:00+01:00", "place": {"zh": "柏林", "en": "Berlin"}, "status": "in_transit"}
ORDER: dict[str, Any] = {
    "customer_id": "mia",
    "status": "shipped",
    "total_minor": 17100,
    "currency": "EUR",
    "created_at": "2026-11-19T09:00:00Z",
    "paid_at": "2026-11-19T09:05:00Z",
    "lines": [
        {"sku": "pot-S", "quantity": 1, "price_minor": 8800},
        {"sku": "pot-L", "quantity": 1, "price_minor": 8300},
    ],
    "shipments": [{"carrier": "DHL", "tracking_number": "JJD1", "events": [EVENT]}],
}
SALE = {
    "sku": "pot-S",
    "price_minor": 4900,
    "currency": "EUR",
    "total": 2,
    "audiences": [{"channel": "telegram:shop", "chat": "-1", "language": "en"}, {"channel": "web:shop"}],
}


class ShopServer:
    """The shop's own server, talking to an empty Zhanggui."""

    def __init__(self, http: httpx.AsyncClient, database: Database) -> None:
        self._http = http
        self.database = database

    async def put(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return await self._http.put(f"/api/shop{path}", json=body)

    async def fill(self) -> None:
        for path, body in (("/products/pot", PRODUCT), ("/customers/mia", CUSTOMER)):
            assert (await self.put(path, body)).status_code == 204

    async def tell(self, **event_: Any) -> httpx.Response:
        return await self._http.post("/api/shop/events", json=event_)

    async def get(self, path: str) -> Any:
        return (await self._http.get(f"/api/shop{path}")).json()


@pytest.fixture
async def server(database: Database, bearer: dict[str, str]) -> AsyncIterator[ShopServer]:
    app = FastAPI()
    app.include_router(shop_routes(database, StandingClock(NOW), KEY, counted()))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop", headers=bearer) as client:
        yield ShopServer(client, database)


async def test_an_empty_shop_is_filled_and_filled_again_with_the_same_outcome(server: ShopServer) -> None:
    def seen(connection: Connection) -> Any:
        port = SqlShop(connection)
        return port.products(), port.customer("mia"), port.orders_of("mia")

    outcomes = []
    for _ in range(2):
        await server.fill()
        assert (await server.put("/orders/A-1", ORDER)).status_code == 204
        outcomes.append(await server.database.read(seen))
    assert outcomes[0] == outcomes[1]
    (product,), customer, (order,) = outcomes[0]
    assert [(v.sku, v.price.amount_minor, v.stock) for v in product.variants] == [
        ("pot-S", 8800, 3),
        ("pot-L", 8800, 3),
    ]
    assert (customer.tier, customer.phone[-4:], customer.spent.amount_minor) == ("gold", "5678", 17100)
    assert (order.status, order.total.amount_minor, len(order.lines)) == (OrderStatus.SHIPPED, 17100, 2)
    assert order.shipments[0].events[0].at == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


async def test_what_is_left_out_is_gone_but_a_line_keeps_its_id_for_its_return(server: ShopServer) -> None:
    await server.fill()
    await server.put("/orders/A-1", ORDER)
    before = await server.database.read(lambda c: SqlShop(c).order("A-1"))
    assert before is not None
    small, large = ORDER["lines"]
    await server.put("/orders/A-1", {**ORDER, "status": "refunded", "lines": [large], "shipments": []})
    after = await server.database.read(lambda c: SqlShop(c).order("A-1"))
    assert after is not None
    assert [line.id for line in after.lines] == [before.lines[1].id]
    assert after.shipments == ()
    customer = await server.database.read(lambda c: SqlShop(c).customer("mia"))
    assert customer is not None and customer.spent.amount_minor == 0
    await server.put("/orders/A-1", {**ORDER, "lines": [large], "shipments": []})
    await server.database.write(lambda c: open_case(c, back("A-1", after.lines[0].id, "EUR"), NOW, counted()))
    refused = await server.put("/orders/A-1", {**ORDER, "lines": [small]})
    assert (refused.status_code, "the case RT" in refused.json()["message"]) == (409, True)

    await server.put("/products/pot", {**PRODUCT, "variants": PRODUCT["variants"][:1]})
    stock = {v["sku"]: v["stock"] for v in (await server.get("/products"))[0]["variants"]}
    assert stock == {"pot-S": 3, "pot-L": 0}


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/products/pot", {**PRODUCT, "name": {"zh": "茶壶"}}, 422, "name.en"),
        ("/products/pot", {**PRODUCT, "variants": [{"sku": "x"}]}, 422, "variants.0"),
        ("/products/other", PRODUCT, 409, "pot-L"),
        ("/customers/mia", {"name": "Mia", "fone": "1"}, 422, "fone"),
        ("/customers/mia", {"name": "Mia\x00"}, 422, "name"),
        ("/orders/A-1", {**ORDER, "customer_id": "nobody"}, 404, "customer_id"),
        ("/orders/A-1", {**ORDER, "lines": [{"sku": "cup", "quantity": 1, "price_minor": 1}]}, 404, "cup"),
        ("/orders/A-1", {**ORDER, "lines": ORDER["lines"][:1] * 2}, 422, "pot-S"),
        ("/orders/A-1", {**ORDER, "status": "lost"}, 422, "status"),
        ("/orders/A-1", {**ORDER, "paid_at": None}, 422, "paid_at"),
        ("/orders/A-1", {**ORDER, "status": "delivered"}, 422, "delivered_at"),
        ("/orders/A-1", {**ORDER, "created_at": "2026-11-19T09:00:00"}, 422, "created_at"),
        ("/sales/s1", {**SALE, "sku": "cup"}, 404, "cup"),
        ("/sales/s1", {**SALE, "audiences": [{"channel": "telegram"}]}, 422, "audiences.0.channel"),
    ],
)
async def test_what_cannot_be_put_is_one_line_that_names_the_field(
    server: ShopServer, path: str, body: dict[str, Any], status: int, says: str
) -> None:
    await server.fill()
    answer = await server.put(path, body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "message"}
    assert says in answer.json()["message"] and "\n" not in answer.json()["message"]


async def test_a_sale_is_a_draft_until_it_is_started_and_its_claims_are_paid_by_event(server: ShopServer) -> None:
    await server.fill()
    for total in (5, 2):
        assert (await server.put("/sales/s1", {**SALE, "total": total})).status_code == 204
    await server.tell(type="customer.linked", customer_id="mia", channel="web:shop", user="v1")
    await server.tell(type="customer.linked", customer_id="mia", channel="web:shop", user="v2")

    def begin(connection: Connection) -> None:
        row = connection.execute(select(sales)).one()
        assert (row.status, row.total, row.available, row.audiences) == ("draft", 2, 2, SALE["audiences"])
        connection.execute(update(sales).values(status="running", starts_at=NOW, ends_at=NOW + timedelta(hours=1)))
        person = connection.execute(select(identities.c.person_id).where(identities.c.user == "v1")).scalar_one()
        assert claiming.claim(connection, "s1", person, NOW, lambda: "claim-1").outcome == "held"

    await server.database.write(begin)
    assert (await server.put("/sales/s1", SALE)).status_code == 409
    (held,) = await server.get("/sales/s1/claims")
    assert (held["channel"], held["user"], held["customer_id"], held["status"]) == ("web:shop", "v1", "mia", "held")

    paid = {"type": "claim.paid", "sale_id": "s1", "channel": "web:shop", "user": "v1"}
    assert [(await server.tell(**paid)).json() for _ in range(2)] == [{"changed": True}, {"changed": False}]
    assert [claim["status"] for claim in await server.get("/sales/s1/claims")] == ["paid"]
    assert (await server.tell(**{**paid, "user": "v2"})).json() == {"changed": False}  # another account of mia
    assert (await server.tell(**{**paid, "user": "v3"})).status_code == 404
    back = {**paid, "type": "claim.refunded"}
    assert [(await server.tell(**back)).json() for _ in range(2)] == [{"changed": True}, {"changed": False}]
    assert await server.get("/sales/s1/claims") == []


async def test_a_payment_of_a_claim_that_is_gone_is_to_be_refunded_and_people_know_of_it(server: ShopServer) -> None:
    await server.fill()
    await server.put("/sales/s1", {**SALE, "total": 1})
    await server.put("/customers/ann", {"name": "Ann"})
    for customer in ("mia", "ann"):
        await server.tell(type="customer.linked", customer_id=customer, channel="web:shop", user=customer)
    an_hour_ago = NOW - timedelta(hours=1)

    def rush(connection: Connection) -> None:
        opened = {"status": "running", "starts_at": an_hour_ago, "ends_at": NOW + timedelta(hours=1)}
        connection.execute(update(sales).values(opened))
        people = {row.user: row.person_id for row in connection.execute(select(identities))}
        claiming.claim(connection, "s1", people["mia"], an_hour_ago, lambda: "claim-1")
        claiming.claim(connection, "s1", people["ann"], an_hour_ago, lambda: "claim-2")
        line.release_due(connection, "s1", NOW)

    await server.database.write(rush)
    for _ in range(2):
        answer = await server.tell(type="claim.paid", sale_id="s1", channel="web:shop", user="mia")
        assert (answer.status_code, "Refund" in answer.json()["message"]) == (409, True)
    claims = {one["customer_id"]: one["status"] for one in await server.get("/sales/s1/claims")}
    assert claims == {"mia": "late", "ann": "held"}
    work = await server.database.read(lambda c: c.execute(select(tasks.c.kind, tasks.c.done)).all())
    assert [tuple(one) for one in work] == [("sale_late", False)]


async def test_a_hold_goes_on_while_the_shop_says_that_it_is_being_paid(server: ShopServer) -> None:
    await server.fill()
    await server.put("/sales/s1", SALE)
    await server.tell(type="customer.linked", customer_id="mia", channel="web:shop", user="v1")

    def begin(connection: Connection) -> None:
        connection.execute(update(sales).values(status="running", starts_at=NOW, ends_at=NOW + timedelta(hours=1)))
        person = connection.execute(select(identities.c.person_id).where(identities.c.user == "v1")).scalar_one()
        claiming.claim(connection, "s1", person, NOW, lambda: "claim-1")

    await server.database.write(begin)
    paying = {"type": "claim.paying", "sale_id": "s1", "channel": "web:shop", "user": "v1"}
    assert [(await server.tell(**paying)).json() for _ in range(2)] == [{"changed": True}, {"changed": False}]


# --- whose account is whose ----------------------------------------------------------------------------------------


async def test_a_linked_account_is_the_customers_from_the_first_word_on(server: ShopServer) -> None:
    await server.fill()
    wish = {"granted": True, "proof": "ticked the box at the checkout, 2026-11-22"}
    linked = {"type": "customer.linked", "customer_id": "mia", "channel": "telegram:shop", "user": "42"}
    assert (await server.tell(**linked, marketing=wish)).json() == {"changed": True}
    assert (await server.tell(**linked, marketing=wish)).json() == {"changed": False}

    def speaks(connection: Connection) -> None:
        hello = Inbound("tg:1", Chat("telegram:shop", "42"), "42", NOW, text="hello")
        assert store(connection, [hello], NOW, counted("first")) == 1
        identity_id = connection.execute(select(conversations.c.identity_id)).scalar_one()
        view = known_people(connection, [identity_id], SqlShop(connection), NOW).person(identity_id)
        assert (view.customer_id, view.tier) == ("mia", "gold")
        assert consent(connection, view.person_id, "telegram:shop") is True
        later = NOW + timedelta(minutes=1)
        set_consent(connection, view.person_id, "telegram:shop", SetConsent(False, "unsubscribe"), later)

    await server.database.write(speaks)
    assert (await server.tell(**linked, marketing=wish)).json() == {"changed": False}
    answers = await server.database.read(lambda c: c.execute(select(consents.c.granted).order_by(consents.c.id)).all())
    assert [row.granted for row in answers] == [True, False], "a repeated event must not undo the no"


async def test_an_account_of_a_customer_nobody_knows_is_not_linked(server: ShopServer) -> None:
    answer = await server.tell(type="customer.linked", customer_id="mia", channel="telegram:shop", user="42")
    assert (answer.status_code, "customer_id" in answer.json()["message"]) == (404, True)
    assert await server.database.read(lambda c: c.execute(select(identities)).all()) == []


# --- never after payment, even if nobody says which cart -------------------------------------------------------------


async def test_an_order_paid_without_a_cart_withdraws_what_waits_about_any_cart_of_its_customer(
    http: httpx.AsyncClient, shop: Database, bearer: dict[str, str]
) -> None:
    number = await shop.read(lambda connection: number_of(connection, "unpaid", "lin"))
    await shop.write(lambda connection: follow_up(connection, "c-lin", "mine"))
    await shop.write(lambda connection: follow_up(connection, "c-chen", "of another customer"))
    paid = {"type": "order.paid", "order_number": number, "cart_id": None}
    answers = [(await http.post("/api/shop/events", headers=bearer, json=paid)).json() for _ in range(2)]
    assert answers == [{"changed": True}, {"changed": False}]
    assert set(await shop.read(timer_keys)) == {"cart:c-chen:1"}
    rows = await shop.read(lambda c: c.execute(select(outbox.c.key, outbox.c.status)).all())
    assert dict(map(tuple, rows)) == {"mine": "dropped", "of another customer": "waiting"}

    await shop.write(lambda c: touch_cart(c, "c-lin", datetime.now(UTC) + timedelta(minutes=1)))  # changed afterwards
    await http.post("/api/shop/events", headers=bearer, json=paid)
    assert "cart:c-lin:1" in await shop.read(timer_keys), "a repeat is harmless"


async def test_a_follow_up_in_the_air_does_not_hold_any_more_after_the_payment(shop: Database) -> None:
    def job(connection: Connection) -> None:
        as_of = connection.execute(select(carts.c.updated_at).where(carts.c.id == "c-lin")).scalar_one()
        guard = {"cart_open": "c-lin", "as_of": as_of.isoformat()}
        assert guard_holds(connection, guard)
        paid = OrderPaid(type="order.paid", order_number=number_of(connection, "unpaid", "lin"), cart_id=None)
        record(connection, paid, NOW + timedelta(minutes=5), counted())
        assert not guard_holds(connection, guard)

    await shop.write(job)


async def test_an_order_that_is_put_as_paid_withdraws_the_follow_up_and_an_old_one_does_not(server: ShopServer) -> None:
    await server.fill()
    await server.put("/customers/mia/cart", {"lines": [{"sku": "pot-S", "quantity": 1}]})
    await server.put("/orders/A-1", ORDER)  # of last week: history
    assert await server.database.read(cart_timers) == 1
    await server.put("/orders/A-2", {**ORDER, "status": "unpaid", "paid_at": None})
    assert await server.database.read(cart_timers) == 1
    await server.put("/orders/A-2", {**ORDER, "status": "paid", "paid_at": NOW.isoformat()})
    assert await server.database.read(cart_timers) == 0


async def test_the_routes_are_described_with_their_key(http: httpx.AsyncClient) -> None:
    described = (await http.get("/openapi.json")).json()
    assert "security" not in described["paths"]["/api/shop/products"]["get"]
    assert described["paths"]["/api/shop/events"]["post"]["security"] == [{"HTTPBearer": []}]

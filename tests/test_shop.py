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

from bot.clock import SystemClock
from bot.delivery.outbox import Draft, put
from bot.demo.orders import PLANS
from bot.demo.seed import demo_orders, seed
from bot.errors import Conflict, NotFound
from bot.messages import Purpose
from bot.shop.api import shop_routes
from bot.shop.changes import open_return, pay_cart, pay_order, touch_cart
from bot.shop.port import OrderStatus, Shop
from bot.shop.sql import SqlShop
from bot.store.database import Database
from bot.store.tables import outbox, products, timers

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
            port.open_return("x"),
            port.open_return("99999"),
        ]

    assert await shop.read(job) == [None, (), None, None, None, None]


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
        assert (row.kind, row.payload) == ("cart_followup", {"cart_id": "c-lin"})

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


async def test_one_line_has_one_return_case_whoever_asks_again(shop: Database) -> None:
    def job(connection: Connection) -> None:
        order = SqlShop(connection).order(number_of(connection, "delivered", "lin"))
        assert order is not None
        new_id = counted()
        first, second = (open_return(connection, order.number, x.id, "too big", NOW, new_id) for x in order.lines)
        again = open_return(connection, order.number, order.lines[0].id, "still too big", NOW, new_id)
        assert first.startswith("RT2611") and len(first) == 10 and first[2:].isdecimal()
        assert first == again != second
        assert SqlShop(connection).open_return(order.lines[0].id) == first

    await shop.write(job)


async def test_a_case_number_that_is_taken_is_not_given_twice(shop: Database) -> None:
    def job(connection: Connection) -> None:
        orders = [o for o in SqlShop(connection).orders_of("tan") if o.status is OrderStatus.DELIVERED]
        orders += [o for o in SqlShop(connection).orders_of("lin") if o.status is OrderStatus.DELIVERED]
        lines = [(order.number, line.id) for order in orders for line in order.lines]
        cases = [open_return(connection, order, line, "x", NOW, lambda: "always the same") for order, line in lines]
        assert len(set(cases)) == len(lines) >= 3

    await shop.write(job)


async def test_a_line_of_someone_elses_order_opens_no_case(shop: Database) -> None:
    def job(connection: Connection) -> None:
        mine, theirs = (SqlShop(connection).orders_of(name)[0] for name in ("lin", "wang"))
        for line_id in (theirs.lines[0].id, "", "one", "-1"):
            with pytest.raises(NotFound):
                open_return(connection, mine.number, line_id, "x", NOW, counted())

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
    [("GET", "/customers/lin/cart"), ("PUT", "/customers/lin/cart"), ("POST", "/events")],
)
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {KEY}"}])
async def test_carts_and_events_need_the_key(
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
        ({"type": "order.paid", "order_number": "QH0"}, 404, "QH0"),
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


async def test_the_routes_are_described_with_their_key(http: httpx.AsyncClient) -> None:
    described = (await http.get("/openapi.json")).json()
    assert "security" not in described["paths"]["/api/shop/products"]["get"]
    assert described["paths"]["/api/shop/events"]["post"]["security"] == [{"HTTPBearer": []}]

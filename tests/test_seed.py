"""The demo shop: as rich as promised, the same every time, and whole."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from bot.demo.orders import COURSES
from bot.demo.seed import DEMO_GROUP, DEMO_SALE, DEMO_USERS, TELEGRAM, demo_orders, seed
from bot.shop.port import OrderStatus
from bot.shop.sql import SqlShop
from bot.store import tables as t
from bot.store.database import Database

CHARTS = Path(__file__).parents[1] / "knowledge" / "size-charts"
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.fixture
async def shop(database: Database) -> Database:
    assert await database.write(lambda connection: seed(connection, NOW))
    return database


def everything(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {
        name: [tuple(map(str, row)) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
        for name, table in t.metadata.tables.items()
    }


async def test_seeding_twice_changes_nothing(shop: Database) -> None:
    before = await shop.read(everything)
    assert not await shop.write(lambda connection: seed(connection, NOW + timedelta(days=3)))
    assert await shop.read(everything) == before


async def test_two_seeds_of_one_moment_are_equal(shop: Database, tmp_path: Path) -> None:
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        await other.write(t.metadata.create_all)
        await other.write(lambda connection: seed(connection, NOW))
        assert await other.read(everything) == await shop.read(everything)
    finally:
        other.close()


async def test_the_catalogue_is_wide_and_bilingual(shop: Database) -> None:
    products = await shop.read(lambda connection: SqlShop(connection).products())
    assert len(products) >= 42
    kinds = Counter(product.category for product in products)
    assert set(kinds) == {"tops", "trousers", "dresses", "outerwear", "shoes", "children", "underwear"}
    assert min(kinds.values()) >= 5
    for product in products:
        colours = {variant.colour["zh"] for variant in product.variants}
        sizes = {variant.size for variant in product.variants}
        assert len(product.variants) == len(colours) * len(sizes)
        assert len(sizes) >= 3
        assert all(product.name.values()) and all(product.material.values())
        assert product.name["zh"] != product.name["en"]
        assert product.returnable == (product.category != "underwear")
        assert all(v.price.amount_minor > 0 and v.price.currency == "CNY" and v.stock >= 0 for v in product.variants)


async def test_there_are_several_blue_dresses_and_some_things_are_sold_out(shop: Database) -> None:
    products = await shop.read(lambda connection: SqlShop(connection).products())
    blue = [p.id for p in products if "连衣裙" in p.name["zh"] and any(v.colour["zh"] == "蓝色" for v in p.variants)]
    assert len(blue) >= 3
    stock = [variant.stock for product in products for variant in product.variants]
    assert 0.05 < stock.count(0) / len(stock) < 0.25


async def test_sizes_are_those_of_the_size_charts(shop: Database) -> None:
    charts = {path.stem: path.read_text("utf-8") for path in CHARTS.glob("*.yml")}
    known = {name: set(re.findall(r'- size: "?([^"\s]+)"?', text)) for name, text in charts.items()}
    for product in await shop.read(lambda connection: SqlShop(connection).products()):
        if product.size_chart:
            assert {variant.size for variant in product.variants} <= known[product.size_chart], product.id


async def test_every_state_of_an_order_is_there(shop: Database) -> None:
    def job(connection: Connection) -> None:
        rows = demo_orders(connection)
        assert len(rows) >= 32
        assert {row.state for row in rows} == set(COURSES)
        statuses = set(connection.execute(select(t.orders.c.status)).scalars())
        assert statuses == {status.value for status in OrderStatus}
        assert len({row.number for row in rows}) == len(rows)

    await shop.read(job)


async def test_dates_count_from_now_and_numbers_tell_the_day(shop: Database) -> None:
    def job(connection: Connection) -> None:
        port = SqlShop(connection)
        for row in demo_orders(connection):
            order = port.order(row.number)
            assert order is not None
            created = order.created_at.astimezone(timezone(timedelta(hours=8)))
            assert re.fullmatch(rf"QH{created:%y%m%d}\d{{4}}", order.number)
            moments = [order.created_at, order.paid_at, *(e.at for s in order.shipments for e in s.events)]
            known = [moment for moment in moments if moment is not None]
            assert known == sorted(known) and known[-1] <= NOW
            assert (order.paid_at is None) == (row.state in {"unpaid", "cancelled"})
            trail = [e.status for s in order.shipments for e in s.events]
            assert (order.delivered_at is not None) == ("delivered" in trail)
            if row.state == "delivered":
                assert order.delivered_at is not None and (NOW - order.delivered_at).days == 2
            if row.state == "delivered_long_ago":
                assert order.delivered_at is not None and (NOW - order.delivered_at).days == 12
            if row.state == "out_for_delivery":
                assert trail[-1] == "out_for_delivery"
                assert order.shipments[0].expected_at is not None and order.shipments[0].expected_at > NOW
            if row.state == "unpaid":
                assert NOW - order.created_at < timedelta(hours=24)

    await shop.read(job)


async def test_the_dates_move_with_now(database: Database) -> None:
    later = NOW + timedelta(days=200)
    await database.write(lambda connection: seed(connection, later))
    newest = await database.read(
        lambda connection: connection.execute(select(func.max(t.orders.c.created_at))).scalar()
    )
    assert newest is not None and timedelta() < later - newest < timedelta(hours=24)


async def test_sums_agree_and_every_order_ships_free(shop: Database) -> None:
    def job(connection: Connection) -> None:
        port = SqlShop(connection)
        people = connection.execute(select(t.customers)).all()
        assert len(people) >= 8
        assert len({row.phone for row in people}) == len({row.phone[-4:] for row in people}) == len(people)
        assert {row.tier for row in people} == {"regular", "silver", "gold"}
        for person in people:
            orders = port.orders_of(person.id)
            assert orders
            for order in orders:
                assert sum(x.price.amount_minor * x.quantity for x in order.lines) == order.total.amount_minor >= 9900
            paid = [o for o in orders if o.paid_at is not None and o.status is not OrderStatus.REFUNDED]
            assert person.spent_minor == sum(o.total.amount_minor for o in paid)

    await shop.read(job)


async def test_every_reference_points_at_a_row(shop: Database) -> None:
    def job(connection: Connection) -> None:
        for table in t.metadata.tables.values():
            for key in table.foreign_keys:
                other = key.column
                orphans = select(func.count()).where(key.parent.isnot(None), key.parent.notin_(select(other)))
                assert connection.execute(orphans).scalar() == 0, f"{table.name}.{key.parent.name}"

    await shop.read(job)


async def test_hard_parcels_are_there_to_try(shop: Database) -> None:
    def job(connection: Connection) -> None:
        port = SqlShop(connection)
        last: dict[str, list[tuple[str, datetime] | None]] = {}
        for row in demo_orders(connection):
            order = port.order(row.number)
            assert order is not None
            last[row.state] = [(p.events[-1].status, p.events[-1].at) if p.events else None for p in order.shipments]
            if row.state == "split":
                assert [parcel.skus for parcel in order.shipments] == [(line.sku,) for line in order.lines]
        ends = {state: event for state, events in last.items() if events and (event := events[0]) is not None}
        for state in ("customs", "attempted", "lost", "returning"):
            assert ends[state][0] == state
        assert NOW - ends["stuck"][1] > timedelta(hours=72)
        assert [event is None for event in last["split"]] == [False, True]

    await shop.read(job)


async def test_customers_have_coupons_good_ended_and_used(shop: Database) -> None:
    def job(connection: Connection) -> None:
        lin, chen = (SqlShop(connection).coupons_of(name) for name in ("lin", "chen"))
        assert [(c.code, c.ends_at is not None and c.ends_at > NOW) for c in lin] == [
            ("AUTUMN20", False),
            ("GOLD50", True),
        ]
        assert [(c.code, c.used) for c in chen] == [("WELCOME10", False), ("SPRING15", True)]

    await shop.read(job)


async def test_every_garment_says_how_it_is_washed_and_underwear_is_a_matter_of_hygiene(shop: Database) -> None:
    for product in await shop.read(lambda connection: SqlShop(connection).products()):
        assert all(product.care.values()), product.id
        assert product.hygiene == (product.category == "underwear")


async def test_return_cases_fit_their_orders(shop: Database) -> None:
    def job(connection: Connection) -> set[tuple[str, str]]:
        pairs = select(t.orders.c.status, t.cases.c.status).join(t.cases, t.cases.c.order_number == t.orders.c.number)
        numbers = connection.execute(select(t.cases.c.number)).scalars().all()
        assert all(re.fullmatch(r"RT2611\d{4}", number) for number in numbers)
        return {(order, case) for order, case in connection.execute(pairs)}

    assert await shop.read(job) == {("delivered", "open"), ("returned", "received"), ("refunded", "refunded")}


async def test_the_demo_users_are_who_the_tour_says(shop: Database) -> None:
    def job(connection: Connection) -> None:
        linked = {(u.channel, u.user): u.customer_id for u in DEMO_USERS if u.customer_id}
        rows = connection.execute(
            select(t.identities.c.channel, t.identities.c.user, t.persons.c.customer_id, t.conversations.c.chat)
            .join(t.persons, t.identities.c.person_id == t.persons.c.id)
            .join(t.conversations, t.conversations.c.identity_id == t.identities.c.id)
        ).all()
        assert {(row.channel, row.user): row.customer_id for row in rows} == linked
        assert all(row.chat == row.user for row in rows)
        consented = {(row.person_id, row.channel, row.purpose) for row in connection.execute(select(t.consents))}
        assert consented == {
            ("person-lin", "telegram:shopbot", "marketing"),
            ("person-chen", "wechat:gh_qinghe", "marketing"),
        }
        group = connection.execute(select(t.conversations).where(t.conversations.c.chat == DEMO_GROUP)).one()
        assert (group.channel, group.chat_kind, group.identity_id) == (TELEGRAM, "group", None)

    await shop.read(job)


async def test_three_carts_are_open_and_one_sale_is_drafted(shop: Database) -> None:
    def job(connection: Connection) -> None:
        carts = {row.id: row for row in connection.execute(select(t.carts).where(t.carts.c.status == "open"))}
        assert {"c-lin", "c-chen"} < set(carts) and len(carts) == 3
        assert carts["c-lin"].updated_at == NOW
        due = connection.execute(select(t.timers.c.due_at).where(t.timers.c.key == "cart:c-lin:1")).scalar_one()
        assert due == NOW + timedelta(minutes=60)
        sale = connection.execute(select(t.sales)).one()
        assert (sale.id, sale.status, sale.total, sale.available) == (DEMO_SALE, "draft", 3, 3)

    await shop.read(job)

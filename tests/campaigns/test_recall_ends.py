"""What ends a recall, and what does not: the shop's other words about the same purchase, and who is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from bot.clock import Clock
from bot.shop import changes
from bot.shop.bodies import CouponBody
from bot.shop.event_bodies import OrderPaid
from bot.shop.events import record
from bot.shop.load import put_coupon
from bot.store.database import Database
from bot.store.tables import coupons, customers, touches
from tests.campaigns.people import customer, goods, order, person
from tests.campaigns.test_recall import DAY, HOUR, Later, begin, book, later, on_sqlite, shop, timer
from tests.conftest import StandingClock
from tests.delivery.stand import rows

__all__ = ["later", "shop", "timer"]


def leaves(connection: Connection, clock: Clock, cart_id: str = "cart-1", pieces: int = 2) -> None:
    """Have Lin leave shirts in a cart."""
    changes.put_cart(connection, "lin", {"shirt-1": pieces}, clock.now(), lambda: cart_id)


@on_sqlite
async def test_the_cart_of_the_purchase_that_began_the_sleep_is_no_later_one(
    database: Database, clock: StandingClock, later: Later
) -> None:
    """Regression: it was paid a moment after the order, when the shop told, and nobody was ever called back."""

    def buys(connection: Connection) -> None:
        goods(connection)
        customer(connection, "lin")
        person(connection, "p-lin", customer="lin")
        leaves(connection, clock)
        number = order(connection, "lin", 0, status="unpaid", now=clock.now())
        told = {"type": "order.paid", "order_number": number, "cart_id": "cart-1"}
        event = OrderPaid.model_validate({**told, "changed_at": clock.now() - timedelta(seconds=2)})
        record(connection, event, clock.now(), lambda: "x")

    await database.write(buys)
    clock.advance(40 * DAY)
    await begin(database, clock)
    assert len(await later.moment()) == 1

    await database.write(lambda c: leaves(c, clock, "cart-2"))
    await database.write(lambda c: changes.pay_cart(c, "cart-2", clock.now()))
    assert await later(20 * DAY) == [], "a cart of which no order was told is a purchase"


@on_sqlite
async def test_what_waits_for_who_is_erased_meanwhile_is_stopped_at_the_gate(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    """A wave may be planned in the very moment in which the customer goes."""
    clock.advance(12 * HOUR)
    await begin(shop, clock)
    await later.moment()
    await shop.write(lambda c: c.execute(customers.update().values(erased_at=clock.now())))
    assert await later(DAY) == []
    assert await book(shop) == [("p-lin", 1, "dropped", "no_longer_true")]


@on_sqlite
async def test_of_a_payment_that_only_a_cart_tells_the_cart_is_what_a_recall_brought(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    """Regression: it counted as 0, and the amount of the order that came behind it was refused."""
    await begin(shop, clock)
    await later.moment()
    await shop.write(lambda c: leaves(c, clock, pieces=2))
    await shop.write(lambda c: changes.pay_cart(c, "cart-1", clock.now()))
    (row,) = await rows(shop, touches)
    assert row.paid_minor == 2 * 9900


@on_sqlite
@pytest.mark.parametrize("limit", [{"product_ids": ["dress"]}, {"tiers": ["gold"]}])
async def test_a_coupon_that_is_for_some_goods_or_tiers_only_is_not_told_of_as_one_for_all(
    shop: Database, clock: StandingClock, later: Later, limit: dict[str, list[str]]
) -> None:
    body = CouponBody.model_validate({"amount_minor": 2000, "currency": "CNY", "ends_at": clock.now() + DAY, **limit})
    await shop.write(lambda c: put_coupon(c, "lin", "BACK20", body))
    await begin(shop, clock)
    texts = [*await later.moment(), *await later(8 * DAY)]
    assert len(texts) == 3
    assert not any("BACK20" in text for text in texts)
    (row,) = await rows(shop, coupons)
    assert (row.product_ids, row.tiers) == (limit.get("product_ids", []), limit.get("tiers", []))
    assert row.ends_at == clock.now() - 7 * DAY

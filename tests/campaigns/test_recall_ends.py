"""What ends a recall, and what does not: the shop's other words about the same purchase, and who is gone."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from bot.clock import Clock
from bot.shop import changes
from bot.shop.erasing import erase
from bot.shop.event_bodies import OrderPaid
from bot.shop.events import record
from bot.store.database import Database
from bot.store.tables import coupons, customers, outbox, touches
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

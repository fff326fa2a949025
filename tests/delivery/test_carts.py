"""The follow-up of a cart, from the timer to the platform: never after the payment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from bot.campaigns.carts import FollowUps
from bot.clock import IdMaker
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.messages import Limits
from bot.shop.changes import pay_cart, put_cart
from bot.shop.event_bodies import CartUpdated
from bot.shop.events import record
from bot.shop.sql import SqlShop
from bot.store.database import Database
from bot.store.tables import carts, customers, outbox, persons, products, tasks, variants
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, a_sender, arrive, conversation_of, rows, said, send_all

WEB = Limits(own_page=True)


@pytest.fixture
async def cart_id(database: Database, clock: StandingClock, new_id: IdMaker) -> str:
    """A customer who has written to us, with one shirt in the cart."""
    await arrive(database, clock, new_id, said(1, name="小林", language="zh"))

    def fill(connection: Connection) -> str:
        now = clock.now()
        connection.execute(customers.insert().values(id="lin", name="林", created_at=now))
        connection.execute(persons.update().values(customer_id="lin"))
        connection.execute(products.insert().values(id="shirt", name_zh="衬衫", name_en="Shirt", category="tops"))
        variant = {"sku": "s1", "product_id": "shirt", "colour_zh": "白", "colour_en": "White", "size": "M"}
        connection.execute(variants.insert().values(**variant, price_minor=9900, currency="CNY", stock=3))
        return put_cart(connection, "lin", {"s1": 2}, now, new_id)

    return await database.write(fill)


@pytest.fixture
def timer(database: Database, clock: StandingClock, thinker: Thinker) -> TimerRunner:
    fire = FollowUps(SqlShop, lambda: thinker.brain.mind.voice, thinker.settings).fire
    return TimerRunner(database, clock, {"cart_followup": fire, "order_followup": fire}, wake=Signal(), fired=Signal())


async def an_hour_passes(clock: StandingClock, timer: TimerRunner) -> None:
    clock.advance(timedelta(minutes=60))
    while await timer.fire_next():
        pass


async def test_an_open_cart_is_followed_up_once(
    database: Database, clock: StandingClock, timer: TimerRunner, cart_id: str
) -> None:
    platform = Platform(limits=WEB)
    clock.advance(timedelta(minutes=59))
    assert not await timer.fire_next()
    clock.advance(timedelta(minutes=1))
    assert await timer.fire_next()
    await send_all(a_sender(database, clock, platform))

    (message,) = platform.asked
    assert "衬衫" in message.text
    assert "198" in message.text
    assert message.author == "campaign:cart"
    assert {source.id for source in message.sources} >= {f"cart:{cart_id}"}
    assert [choice.token for choice in message.choices] == [
        "label:size_advice",
        "label:shipping-fee",
        "label:returns-seven-days",
        "human",
        "label:unsubscribe",
    ]
    assert "优惠" not in message.text, "no coupon before anybody has asked for help"
    await an_hour_passes(clock, timer)
    await send_all(a_sender(database, clock, platform))
    assert len(platform.asked) == 1


async def test_a_cart_that_is_told_of_a_day_late_is_not_followed_up(
    database: Database, clock: StandingClock, timer: TimerRunner, new_id: IdMaker, cart_id: str
) -> None:
    async def follow_ups(cart: str, late: timedelta) -> int:
        changed_at = clock.now() - late
        await database.write(lambda c: pay_cart(c, cart, clock.now()))
        await database.write(lambda c: put_cart(c, "lin", {"s1": 1}, clock.now(), new_id, changed_at=changed_at))
        await an_hour_passes(clock, timer)
        return len(await rows(database, outbox))

    assert await follow_ups(cart_id, timedelta(days=1)) == 0
    (late,) = await rows(database, carts, carts.c.status == "open")
    event = {"type": "cart.updated", "cart_id": late.id}
    for hours, expected in ((24, 0), (23, 1)):
        told = CartUpdated.model_validate({**event, "changed_at": clock.now() - timedelta(hours=hours)})
        await database.write(lambda c, told=told: record(c, told, clock.now(), new_id))  # type: ignore[misc]
        await an_hour_passes(clock, timer)
        assert len(await rows(database, outbox)) == expected


def pay(connection: Connection, cart_id: str, clock: StandingClock) -> None:
    pay_cart(connection, cart_id, clock.now())


def pay_behind_our_back(connection: Connection, cart_id: str, clock: StandingClock) -> None:
    connection.execute(carts.update().where(carts.c.id == cart_id).values(status="paid"))


@pytest.mark.parametrize(("how", "reason"), [(pay, "paid"), (pay_behind_our_back, "no_longer_true")])
async def test_no_follow_up_leaves_when_the_cart_was_paid_after_it_was_written(
    database: Database,
    clock: StandingClock,
    timer: TimerRunner,
    cart_id: str,
    how: Callable[[Connection, str, StandingClock], None],
    reason: str,
) -> None:
    platform = Platform(limits=WEB)
    await an_hour_passes(clock, timer)
    await database.write(lambda c: how(c, cart_id, clock))

    await send_all(a_sender(database, clock, platform))

    assert platform.asked == []
    (row,) = await rows(database, outbox)
    assert (row.status, row.reason) == ("dropped", reason)


@pytest.mark.parametrize("how", [pay, pay_behind_our_back])
async def test_no_follow_up_is_written_when_the_cart_was_paid_before(
    database: Database,
    clock: StandingClock,
    timer: TimerRunner,
    cart_id: str,
    how: Callable[[Connection, str, StandingClock], None],
) -> None:
    await database.write(lambda c: how(c, cart_id, clock))
    await an_hour_passes(clock, timer)
    assert await rows(database, outbox) == []


async def test_a_follow_up_that_waited_while_the_cart_changed_does_not_tell_old_prices(
    database: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner, cart_id: str
) -> None:
    platform = Platform(limits=WEB)
    await an_hour_passes(clock, timer)
    await database.write(lambda c: put_cart(c, "lin", {"s1": 1}, clock.now(), new_id))

    await send_all(a_sender(database, clock, platform))
    assert platform.asked == []
    await an_hour_passes(clock, timer)
    await send_all(a_sender(database, clock, platform))

    (message,) = platform.asked
    assert "99" in message.text
    assert "198" not in message.text


async def test_nothing_is_said_and_no_task_made_of_a_cart_whose_customer_nobody_has_met(
    database: Database, clock: StandingClock, timer: TimerRunner, cart_id: str
) -> None:
    await database.write(lambda c: c.execute(persons.update().values(customer_id=None)))
    await an_hour_passes(clock, timer)

    assert await rows(database, tasks) == []
    assert await rows(database, outbox) == []


async def test_the_follow_up_goes_to_the_chat_in_which_the_customer_was_seen_last(
    database: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner, cart_id: str
) -> None:
    clock.advance(timedelta(minutes=1))
    await arrive(database, clock, new_id, said(1, channel="telegram:bot"))
    await database.write(lambda c: c.execute(persons.update().values(customer_id="lin")))
    await an_hour_passes(clock, timer)

    (row,) = await rows(database, outbox)
    assert row.conversation_id == (await conversation_of(database, channel="telegram:bot")).id

"""From "tell me when it is back" to the one message that tells it."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, update

from bot import effects
from bot.clock import IdMaker
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.shop.back_in_stock import BackInStock
from bot.shop.commands import CancelOrder, Command, Outcome, WatchStock
from bot.shop.embedded import Asked, carry_out
from bot.shop.load import put_product
from bot.shop.sql import SqlShop
from bot.shop.stock import BACK_IN_STOCK
from bot.skills.turn import Do, PersonView, Say
from bot.store.database import Database
from bot.store.tables import identities, variants, watches
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, a_sender, arrive, mute, rows, said, send_all
from tests.shops.small import fill, order, product

SAID = {outcome: Say(f"said.{outcome.value}") for outcome in Outcome}


@pytest.fixture
async def shop(database: Database, clock: StandingClock, new_id: IdMaker) -> Database:
    """The tee's shop, and a customer who has written to us."""
    await arrive(database, clock, new_id, said(1, name="小林", language="zh"))
    await database.write(lambda c: fill(c, A1=order("paid", sku="tee-L")))
    return database


@pytest.fixture
def timer(database: Database, clock: StandingClock, thinker: Thinker) -> TimerRunner:
    back = BackInStock(SqlShop, lambda: thinker.brain.mind.voice, "zh")
    return TimerRunner(database, clock, {BACK_IN_STOCK: back.fire}, wake=Signal(), fired=Signal())


async def wish(database: Database, clock: StandingClock, new_id: IdMaker, command: Command) -> list[Say]:
    (row,) = await rows(database, identities)
    person = PersonView(row.id, row.person_id)
    effect = Do(command, SAID)
    return await database.write(lambda c: effects.apply(c, [effect], person, row.channel, clock.now(), new_id, mute))


async def told(database: Database, clock: StandingClock, timer: TimerRunner, platform: Platform) -> list[str]:
    while await timer.fire_next():
        pass
    await send_all(a_sender(database, clock, platform))
    return [message.text for message in platform.asked]


def restock(connection: Connection, clock: StandingClock, pieces: int) -> None:
    body = product()
    back = [v.model_copy(update={"stock": pieces}) if v.sku == "tee-L" else v for v in body.variants]
    put_product(connection, "tee", body.model_copy(update={"variants": back}), clock.now())


async def test_who_waits_hears_once_when_it_is_back(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    for _ in range(2):
        assert await wish(shop, clock, new_id, WatchStock("tee-L")) == [SAID[Outcome.DONE]]
    assert await told(shop, clock, timer, platform) == []
    for _ in range(2):
        await shop.write(lambda c: restock(c, clock, 4))
    (text,) = await told(shop, clock, timer, platform)
    assert "白T恤" in text and "L" in text
    assert {source.id for source in platform.asked[0].sources} == {"shop.back_in_stock", "product:tee"}
    assert await rows(shop, watches) == []
    await shop.write(lambda c: restock(c, clock, 0))
    await shop.write(lambda c: restock(c, clock, 4))
    assert len(await told(shop, clock, timer, platform)) == 1, "they waited once"


async def test_an_order_that_is_cancelled_brings_its_piece_to_who_waits_for_it(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    await wish(shop, clock, new_id, WatchStock("tee-L"))
    assert await wish(shop, clock, new_id, CancelOrder("A1", "")) == [SAID[Outcome.DONE]]
    assert len(await told(shop, clock, timer, Platform())) == 1


async def test_what_is_sold_out_again_is_not_announced_and_who_waits_waits_on(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await wish(shop, clock, new_id, WatchStock("tee-L"))
    await shop.write(lambda c: restock(c, clock, 1))
    await shop.write(lambda c: restock(c, clock, 0))
    assert await told(shop, clock, timer, platform) == []
    assert len(await rows(shop, watches)) == 1

    await shop.write(lambda c: restock(c, clock, 1))
    while await timer.fire_next():
        pass
    await shop.write(lambda c: c.execute(update(variants).values(stock=0)))  # sold before the message left
    await send_all(a_sender(shop, clock, platform))
    assert platform.asked == []


async def test_what_can_be_bought_already_is_told_at_once(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    await wish(shop, clock, new_id, WatchStock("tee-S"))
    assert len(await told(shop, clock, timer, Platform())) == 1


async def test_what_the_shop_refuses_is_said_as_refused(shop: Database, clock: StandingClock, new_id: IdMaker) -> None:
    assert await wish(shop, clock, new_id, CancelOrder("A9", "")) == [SAID[Outcome.REFUSED]]
    unheard = await shop.write(lambda c: carry_out(c, WatchStock("tee-L"), Asked(None, clock.now(), new_id)))
    assert unheard.outcome is Outcome.REFUSED

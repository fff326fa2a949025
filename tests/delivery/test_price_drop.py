"""From "tell me when it gets cheaper" to the one message that tells it."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, update

from bot import effects
from bot.clock import IdMaker
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.shop import price_watch
from bot.shop.bodies import CustomerBody
from bot.shop.commands import Command, Outcome, UnwatchPrices, WatchPrice, WatchStock
from bot.shop.erasing import erase
from bot.shop.load import put_customer, put_product
from bot.shop.price_drops import PriceDrops
from bot.shop.price_watch import PRICE_DROP
from bot.shop.sql import SqlShop
from bot.shop.stock import set_stock
from bot.skills.turn import Do, PersonView, Say, SetConsent
from bot.store.database import Database
from bot.store.tables import conversations, identities, persons, price_watches, variants, watches
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, a_sender, arrive, mute, rows, said, send_all
from tests.shops.small import fill, product

SAID = {outcome: Say(f"said.{outcome.value}") for outcome in Outcome}
TEE = WatchPrice("tee", "regular")


@pytest.fixture
async def shop(database: Database, clock: StandingClock, new_id: IdMaker) -> Database:
    """The tee's shop, ¥50.00 and ¥45.00 for gold members, and a customer who has written to us."""
    await arrive(database, clock, new_id, said(1, name="小林", language="zh"))
    await database.write(fill)
    return database


@pytest.fixture
def timer(database: Database, clock: StandingClock, thinker: Thinker) -> TimerRunner:
    drops = PriceDrops(SqlShop, lambda: thinker.brain.mind.voice, "zh")
    return TimerRunner(database, clock, {PRICE_DROP: drops.fire}, wake=Signal(), fired=Signal())


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


def priced(
    connection: Connection, clock: StandingClock, minor: int, skus: tuple[str, ...] = (), **changes: Any
) -> None:
    """Have the shop put the tee with another price, of all variants unless some are named."""
    body = product()
    values = {"price_minor": minor, **changes}
    new = [v.model_copy(update=values) if not skus or v.sku in skus else v for v in body.variants]
    put_product(connection, "tee", body.model_copy(update={"variants": new}), clock.now())


async def test_who_watches_hears_once_when_it_costs_less_than_when_they_asked(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    for _ in range(2):
        assert await wish(shop, clock, new_id, TEE) == [SAID[Outcome.DONE]]
    for minor in (5000, 5500, 5000):
        await shop.write(partial(priced, clock=clock, minor=minor))
        assert await told(shop, clock, timer, platform) == [], "no less than it was"
    await shop.write(lambda c: priced(c, clock, 3900))
    (text,) = await told(shop, clock, timer, platform)
    assert text == "您等的白T恤降价了：现在 ¥39.00，您问的时候是 ¥50.00。"
    assert {source.id for source in platform.asked[0].sources} == {"shop.price_drop", "product:tee"}
    assert await rows(shop, price_watches) == []
    await shop.write(lambda c: priced(c, clock, 2900))
    assert len(await told(shop, clock, timer, platform)) == 1, "they asked once"


async def test_of_one_variant_that_falls_just_that_one_is_told(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    await wish(shop, clock, new_id, TEE)
    await shop.write(lambda c: priced(c, clock, 3900, ("tee-M",)))
    (text,) = await told(shop, clock, timer, Platform())
    assert "M" in text
    assert "¥39.00" in text


async def test_the_prices_of_their_own_tier_count(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await is_now(shop, clock, "gold")
    await wish(shop, clock, new_id, WatchPrice("tee", "gold"))
    await shop.write(lambda c: priced(c, clock, 4600, tier_prices_minor={"gold": 4500}))
    assert await told(shop, clock, timer, platform) == []
    await shop.write(lambda c: priced(c, clock, 4600, tier_prices_minor={"gold": 4000}))
    (text,) = await told(shop, clock, timer, platform)
    assert "现在 ¥40.00，您问的时候是 ¥45.00" in text


async def is_now(shop: Database, clock: StandingClock, tier: str) -> None:
    """Have the customer of the conversation known to the shop, with this tier."""

    def job(connection: Connection) -> None:
        put_customer(connection, "lin", CustomerBody(name="小林", tier=tier), clock.now())
        connection.execute(update(persons).values(customer_id="lin"))

    await shop.write(job)


async def test_who_has_lost_their_tier_is_told_no_price_of_it(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await is_now(shop, clock, "gold")
    await wish(shop, clock, new_id, WatchPrice("tee", "gold"))
    await is_now(shop, clock, "regular")
    for minor in (5000, 4700):
        await shop.write(partial(priced, clock=clock, minor=minor, tier_prices_minor={"gold": 4000}))
        assert await told(shop, clock, timer, platform) == [], "they saw ¥45.00, and pay no less"
    await shop.write(lambda c: priced(c, clock, 4400, tier_prices_minor={"gold": 4000}))
    (text,) = await told(shop, clock, timer, platform)
    assert "现在 ¥44.00，您问的时候是 ¥45.00" in text


async def test_who_has_a_better_tier_since_they_asked_hears_of_a_fall_of_its_price(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await wish(shop, clock, new_id, TEE)
    await is_now(shop, clock, "gold")
    await shop.write(lambda c: priced(c, clock, 5000, tier_prices_minor={"gold": 4500}))
    assert await told(shop, clock, timer, platform) == [], "it costs its members what it did"
    await shop.write(lambda c: priced(c, clock, 5000, tier_prices_minor={"gold": 4000}))
    (text,) = await told(shop, clock, timer, platform)
    assert "现在 ¥40.00，您问的时候是 ¥45.00" in text


async def test_a_price_of_a_tier_that_they_lose_before_the_message_left_is_not_told(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await is_now(shop, clock, "gold")
    await wish(shop, clock, new_id, WatchPrice("tee", "gold"))
    await shop.write(lambda c: priced(c, clock, 5000, tier_prices_minor={"gold": 4000}))
    while await timer.fire_next():
        pass
    await is_now(shop, clock, "regular")
    await send_all(a_sender(shop, clock, platform))
    assert platform.asked == []


async def test_who_asks_while_the_price_is_being_put_hears_of_it_or_has_seen_it(
    shop: Database, clock: StandingClock, timer: TimerRunner
) -> None:
    (talk,) = await rows(shop, conversations)
    is_put, may_end = threading.Event(), threading.Event()

    def put_it(connection: Connection) -> None:
        priced(connection, clock, 3900)
        is_put.set()
        assert may_end.wait(30)

    putting = asyncio.create_task(shop.write(put_it))
    assert await asyncio.to_thread(is_put.wait, 30)
    asking = asyncio.create_task(shop.write(lambda c: price_watch.watch(c, talk.id, "tee", "regular", clock.now())))
    await asyncio.wait({asking}, timeout=1)  # where nothing makes it wait it is done by then, with the price of before
    may_end.set()
    await asyncio.gather(putting, asking)
    (kept,) = await rows(shop, price_watches)
    heard = await told(shop, clock, timer, Platform())
    assert heard or {minor for minor, *_ in kept.prices_minor.values()} == {3900}


async def test_what_is_cheaper_and_sold_out_is_told_when_it_is_back(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await wish(shop, clock, new_id, TEE)
    await shop.write(lambda c: priced(c, clock, 3900, stock=0))
    assert await told(shop, clock, timer, platform) == []
    await shop.write(lambda c: set_stock(c, "tee-S", 2, clock.now(), clock.now()))
    assert len(await told(shop, clock, timer, platform)) == 1


async def test_a_new_variant_and_another_currency_are_no_fall(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    await wish(shop, clock, new_id, TEE)
    body = product()
    cheap = body.variants[0].model_copy(update={"sku": "tee-XS", "price_minor": 100})
    await shop.write(lambda c: put_product(c, "tee", body.model_copy(update={"variants": [cheap]}), clock.now()))
    await shop.write(lambda c: priced(c, clock, 700, currency="EUR"))
    assert await told(shop, clock, timer, Platform()) == []
    assert len(await rows(shop, price_watches)) == 1


async def test_what_costs_more_again_before_the_message_left_is_not_told(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await wish(shop, clock, new_id, TEE)
    await shop.write(lambda c: priced(c, clock, 3900))
    while await timer.fire_next():
        pass
    await shop.write(lambda c: priced(c, clock, 5000))
    await send_all(a_sender(shop, clock, platform))
    assert platform.asked == []
    await shop.write(lambda c: priced(c, clock, 3000))
    (text,) = await told(shop, clock, timer, platform)
    assert "现在 ¥30.00，您问的时候是 ¥50.00" in text, "they wait until they have heard"
    assert await rows(shop, price_watches) == []


async def test_what_costs_even_less_before_the_message_left_is_told_at_its_newest_price(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await wish(shop, clock, new_id, TEE)
    await shop.write(lambda c: priced(c, clock, 3900))
    while await timer.fire_next():
        pass
    await shop.write(lambda c: c.execute(update(variants).values(price_minor=3500)))
    assert await told(shop, clock, timer, platform) == []
    (text,) = await told(shop, clock, timer, platform)
    assert "现在 ¥35.00" in text


async def test_a_price_in_another_currency_is_not_the_one_that_was_to_be_told(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await wish(shop, clock, new_id, TEE)
    await shop.write(lambda c: priced(c, clock, 3900))
    while await timer.fire_next():
        pass
    await shop.write(lambda c: priced(c, clock, 3900, currency="EUR"))
    for _ in range(2):
        assert await told(shop, clock, timer, platform) == []


@pytest.mark.parametrize("is_erased", [False, True])
async def test_who_says_stop_or_is_erased_does_not_hear_what_was_about_to_leave(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner, *, is_erased: bool
) -> None:
    await is_now(shop, clock, "regular")
    await wish(shop, clock, new_id, TEE)
    await shop.write(lambda c: priced(c, clock, 3900))
    while await timer.fire_next():
        pass
    if is_erased:
        await shop.write(lambda c: erase(c, "lin", clock.now()))
    else:
        assert await wish(shop, clock, new_id, UnwatchPrices()) == [SAID[Outcome.DONE]]
    assert await told(shop, clock, timer, Platform()) == []


async def test_whoever_says_no_hears_nothing(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    await wish(shop, clock, new_id, TEE)
    assert await wish(shop, clock, new_id, UnwatchPrices()) == [SAID[Outcome.DONE]]
    assert await wish(shop, clock, new_id, UnwatchPrices()) == [SAID[Outcome.REFUSED]], "nothing is watched any more"
    await wish(shop, clock, new_id, TEE)
    (row,) = await rows(shop, identities)
    no = SetConsent(granted=False, proof="退订")
    await shop.write(lambda c: effects.set_consent(c, row.person_id, row.channel, no, clock.now()))
    await shop.write(lambda c: priced(c, clock, 3900))
    assert await told(shop, clock, timer, Platform()) == []


async def test_who_is_erased_in_the_shops_system_hears_neither_of_a_price_nor_of_what_is_back(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    await is_now(shop, clock, "gold")
    for command in (WatchPrice("tee", "gold"), WatchStock("tee-M")):
        assert await wish(shop, clock, new_id, command) == [SAID[Outcome.DONE]]
    await shop.write(lambda c: erase(c, "lin", clock.now()))
    assert await rows(shop, watches) == []
    await shop.write(lambda c: priced(c, clock, 3900))
    assert await told(shop, clock, timer, Platform()) == []


async def test_what_the_shop_does_not_have_cannot_be_watched(
    shop: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    assert await wish(shop, clock, new_id, WatchPrice("hat", "regular")) == [SAID[Outcome.REFUSED]]

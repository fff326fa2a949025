"""From what the shop tells of a parcel to the one message that tells the customer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter
from sqlalchemy import select, update

from bot import effects
from bot.clock import IdMaker
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.messages import Limits
from bot.shop.event_bodies import Event
from bot.shop.events import record
from bot.shop.parcel_news import PARCEL_NEWS, ParcelNews
from bot.shop.sql import SqlShop
from bot.skills.turn import PARCELS, PersonView, Prove, SetConsent
from bot.store.database import Database
from bot.store.tables import identities, outbox, persons, tasks
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, a_sender, arrive, conversation_of, mute, rows, said, send_all
from tests.shops.small import fill, order

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def runner(database: Database, clock: StandingClock, thinker: Thinker, *, told: bool = True) -> TimerRunner:
    news = ParcelNews(SqlShop, lambda: thinker.brain.mind.voice, "zh", timedelta(hours=72), told=told)
    return TimerRunner(database, clock, {PARCEL_NEWS: news.fire}, wake=Signal(), fired=Signal())


@pytest.fixture
def timer(database: Database, clock: StandingClock, thinker: Thinker) -> TimerRunner:
    return runner(database, clock, thinker)


@pytest.fixture
async def shop(database: Database, clock: StandingClock, new_id: IdMaker) -> Database:
    """Mia's order A1, paid; Mia wrote to us and is linked to the shop's customer; so did somebody else, who is not."""
    await arrive(database, clock, new_id, said(1, name="Mia", language="zh"))
    await arrive(database, clock, new_id, said(1, chat="u2", name="Other", language="zh"))
    await database.write(lambda c: fill(c, A1=order("paid")))
    (mia, _) = await rows(database, identities)
    link = update(persons).where(persons.c.id == mia.person_id).values(customer_id="mia")
    await database.write(lambda c: c.execute(link))
    return database


async def tells(
    database: Database, clock: StandingClock, new_id: IdMaker, *statuses: str, number: str = "Z1", kind: str = ""
) -> None:
    """Have the shop tell that a parcel went through these, one an hour, the last one now."""
    first = clock.now() - timedelta(hours=len(statuses) - 1)
    trail = [
        {"at": (first + timedelta(hours=h)).isoformat(), "place": {"zh": "杭州", "en": "Hangzhou"}, "status": status}
        for h, status in enumerate(statuses)
    ]
    body: dict[str, Any] = {
        "type": kind or ("order.shipped" if len(statuses) == 1 else "shipment.updated"),
        "order_number": "A1",
        "shipment": {"carrier": "ZTO", "tracking_number": number, "events": trail},
        "changed_at": clock.now().isoformat(),
    }
    event = EVENT.validate_python(body)
    await database.write(lambda c: record(c, event, clock.now(), new_id))


async def told(database: Database, clock: StandingClock, timer: TimerRunner, platform: Platform) -> list[str]:
    while await timer.fire_next():
        pass
    await send_all(a_sender(database, clock, platform))
    return platform.texts


async def test_each_step_is_told_once_to_the_customer_alone(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    trail: list[str] = []
    for status, words in (
        ("label_created", ""),
        ("picked_up", "发货啦：ZTO，单号 Z1"),
        ("in_transit", ""),
        ("out_for_delivery", "今天派送"),
        ("delivered", "已经签收"),
    ):
        trail.append(status)
        before = len(platform.asked)
        clock.advance(timedelta(hours=1))
        for _ in range(2):  # repeated, as webhooks are
            await tells(shop, clock, new_id, *trail)
            await told(shop, clock, timer, platform)
        new = platform.texts[before:]
        assert [words in text for text in new] == ([True] if words else []), (status, new)
    chats = {message.chat.id for message in platform.asked}
    assert chats == {"u1"}
    sources = {source.id for source in platform.asked[0].sources}
    assert sources == {"orders.news_shipped", "order:A1"}


async def test_each_of_two_parcels_is_told(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await tells(shop, clock, new_id, "picked_up")
    await tells(shop, clock, new_id, "picked_up", number="Z2")
    texts = await told(shop, clock, timer, platform)
    assert sorted("Z2" in text for text in texts) == [False, True]


async def test_a_parcel_that_stands_still_is_told_when_it_is_stuck_and_the_staff_get_a_task(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await tells(shop, clock, new_id, "in_transit")
    assert len(await told(shop, clock, timer, platform)) == 1
    clock.advance(timedelta(hours=71, minutes=59))
    assert len(await told(shop, clock, timer, platform)) == 1
    clock.advance(timedelta(minutes=1))
    for _ in range(2):
        texts = await told(shop, clock, timer, platform)
        assert len(texts) == 2 and "超过 72 小时" in texts[-1]
    (task,) = await rows(shop, tasks, tasks.c.kind == "parcel")
    assert "Z1" in task.text and "stuck" in task.text
    assert task.conversation_id == (await conversation_of(shop)).id


async def test_news_in_time_keeps_a_parcel_from_being_stuck(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await tells(shop, clock, new_id, "in_transit")
    await told(shop, clock, timer, platform)
    clock.advance(timedelta(hours=60))
    await tells(shop, clock, new_id, "in_transit", "in_transit")
    clock.advance(timedelta(hours=60))
    assert len(await told(shop, clock, timer, platform)) == 1
    assert await rows(shop, tasks, tasks.c.kind == "parcel") == []


async def test_who_refused_news_of_parcels_gets_none_until_they_want_them_again(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    (mia, _) = await rows(shop, identities)
    person = PersonView(mia.id, mia.person_id)

    async def wants(granted: bool) -> None:
        wish = [SetConsent(granted, "said so", PARCELS)]
        await shop.write(lambda c: effects.apply(c, wish, person, mia.channel, clock.now(), new_id, mute))

    await wants(False)
    await tells(shop, clock, new_id, "picked_up")
    assert await told(shop, clock, timer, platform) == []
    clock.advance(timedelta(minutes=5))
    await wants(True)
    await tells(shop, clock, new_id, "picked_up", "out_for_delivery")
    assert len(await told(shop, clock, timer, platform)) == 1


async def test_a_refusal_between_writing_and_sending_counts(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await tells(shop, clock, new_id, "picked_up")
    while await timer.fire_next():
        pass
    (mia, _) = await rows(shop, identities)
    wish = [SetConsent(False, "said so", PARCELS)]
    person = PersonView(mia.id, mia.person_id)
    await shop.write(lambda c: effects.apply(c, wish, person, mia.channel, clock.now(), new_id, mute))
    assert await told(shop, clock, timer, platform) == []
    (row,) = await rows(shop, outbox)
    assert (row.status, row.reason) == ("dropped", "no_longer_true")


async def test_a_no_to_marketing_is_no_no_to_ones_own_parcels(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    (mia, _) = await rows(shop, identities)
    wish, person = [SetConsent(False, "stop")], PersonView(mia.id, mia.person_id)
    await shop.write(lambda c: effects.apply(c, wish, person, mia.channel, clock.now(), new_id, mute))
    await tells(shop, clock, new_id, "picked_up")
    assert len(await told(shop, clock, timer, Platform())) == 1


async def test_what_is_no_longer_true_is_not_sent(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform()
    await tells(shop, clock, new_id, "picked_up", "out_for_delivery")
    while await timer.fire_next():
        pass
    clock.advance(timedelta(minutes=1))
    await tells(shop, clock, new_id, "picked_up", "out_for_delivery", "delivered")
    texts = await told(shop, clock, timer, platform)
    assert len(texts) == 1 and "已经签收" in texts[0]


async def test_who_proved_the_order_is_told_too(
    database: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    await arrive(database, clock, new_id, said(1, language="en"))
    await database.write(lambda c: fill(c, A1=order("paid")))
    (guest,) = await rows(database, identities)
    await tells(database, clock, new_id, "picked_up")
    assert await told(database, clock, timer, Platform()) == [], "nobody knows who this is"
    person = PersonView(guest.id, guest.person_id)
    await database.write(lambda c: effects.apply(c, [Prove("A1")], person, guest.channel, clock.now(), new_id, mute))
    clock.advance(timedelta(minutes=1))
    await tells(database, clock, new_id, "picked_up", "out_for_delivery")
    (text,) = await told(database, clock, timer, Platform())
    assert "out for delivery today" in text


async def test_a_shop_may_tell_nothing_and_the_staff_get_their_tasks_all_the_same(
    shop: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    platform = Platform()
    timer = runner(shop, clock, thinker, told=False)
    await tells(shop, clock, new_id, "picked_up")
    assert await told(shop, clock, timer, platform) == []
    clock.advance(timedelta(hours=72))
    assert await told(shop, clock, timer, platform) == []
    assert len(await rows(shop, tasks, tasks.c.kind == "parcel")) == 1


async def test_old_parcels_of_a_shop_that_is_connected_are_no_news(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    await tells(shop, clock, new_id, "picked_up", "out_for_delivery")
    clock.advance(timedelta(days=5))
    assert await told(shop, clock, timer, Platform()) == []
    assert await rows(shop, tasks, tasks.c.kind == "parcel") == []


async def test_where_no_window_is_open_nobody_is_called_up_for_it(
    shop: Database, clock: StandingClock, new_id: IdMaker, timer: TimerRunner
) -> None:
    platform = Platform(limits=Limits(counts_windows=True))
    await tells(shop, clock, new_id, "picked_up")
    assert await told(shop, clock, timer, platform) == []
    assert await rows(shop, tasks) == []
    statuses = await shop.read(lambda c: c.execute(select(outbox.c.status, outbox.c.reason)).all())
    assert [tuple(row) for row in statuses] == [("dropped", "no_window")]

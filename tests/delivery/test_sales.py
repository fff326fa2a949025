"""What is told of a sale: its announcement, in the language of each who hears it, and what becomes of claims."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select

from bot.bench.flash_worker import release
from bot.campaigns import buyers, claiming, flash, line, paying
from bot.campaigns.announce import announcement
from bot.campaigns.telling import Telling
from bot.clock import IdMaker
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.store.database import Database
from bot.store.tables import customers, identities, outbox, persons, products, sales, tasks, variants
from tests.conftest import StandingClock
from tests.delivery.stand import (
    Platform,
    a_runner,
    a_sender,
    arrive,
    conversation_of,
    mute,
    rows,
    run_all,
    said,
    said_in_group,
    send_all,
)


def draft(connection: Connection) -> None:
    connection.execute(products.insert().values(id="shirt", name_zh="衬衫", name_en="Shirt", category="tops"))
    variant = {"sku": "s1", "product_id": "shirt", "colour_zh": "白", "colour_en": "White", "size": "M"}
    connection.execute(variants.insert().values(**variant, price_minor=9900, currency="CNY", stock=3))
    row = {"id": "sale", "sku": "s1", "price_minor": 5900, "currency": "CNY", "total": 3, "available": 3}
    connection.execute(sales.insert().values(**row, length_s=7200, hold_s=600, audiences=[{"channel": "web:shop"}]))


async def test_a_sale_starts_whatever_languages_its_audience_speaks(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    languages = {"u1": "zh-hans", "u2": "en-US", "u3": "ru", "u4": None}
    await arrive(database, clock, new_id, *(said(1, chat=chat, language=tag) for chat, tag in languages.items()))
    await database.write(draft)
    say = announcement(thinker.brain.mind.voice, thinker.settings.shop.zone)

    assert await database.write(lambda c: flash.start(c, "sale", say, clock.now())) == 4

    told = {row.conversation_id: row.text for row in await rows(database, outbox)}
    in_english = {chat: "Shirt" in told[(await conversation_of(database, chat)).id] for chat in languages}
    assert in_english == {"u1": False, "u2": True, "u3": False, "u4": False}


async def test_who_was_never_asked_gets_no_announcement_and_nobody_a_task(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    platform = Platform()
    await arrive(database, clock, new_id, said(1), said(1, chat="u2"))
    await database.write(draft)
    say = announcement(thinker.brain.mind.voice, thinker.settings.shop.zone)
    await database.write(lambda c: flash.start(c, "sale", say, clock.now()))

    await send_all(a_sender(database, clock, platform))

    assert platform.asked == []
    assert {(row.status, row.reason) for row in await rows(database, outbox)} == {("dropped", "no_consent")}
    assert await rows(database, tasks) == []


# --- what becomes of claims ------------------------------------------------------------------------------------------


async def two_claims(database: Database, clock: StandingClock, new_id: IdMaker) -> tuple[str, str]:
    """Have two people claim the one piece there is. Return them: who holds it, and who waits."""
    await arrive(database, clock, new_id, said(1, chat="u1"), said(1, chat="u2", language="en"))

    def job(connection: Connection) -> tuple[str, str]:
        draft(connection)
        connection.execute(
            sales.update().values(total=1, available=1, audiences=[], pay_url="https://shop.test/{claim}")
        )
        flash.start(connection, "sale", lambda _language, _facts: mute(()), clock.now())
        people = {row.user: row.person_id for row in connection.execute(select(identities))}
        for user in ("u1", "u2"):
            claiming.claim(connection, "sale", people[user], clock.now(), new_id)
        return people["u1"], people["u2"]

    return await database.write(job)


def a_timer_runner(database: Database, clock: StandingClock, thinker: Thinker) -> TimerRunner:
    telling = Telling(lambda: thinker.brain.mind.voice, "zh")
    handlers = {line.LOOK: release, line.TELL: telling.fire}
    return TimerRunner(database, clock, handlers, wake=Signal(), fired=Signal())


async def test_who_was_next_in_line_is_told_that_it_is_their_turn_and_who_did_not_pay_that_it_is_over(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    platform = Platform()
    await two_claims(database, clock, new_id)
    runner = a_timer_runner(database, clock, thinker)
    clock.advance(timedelta(seconds=300))  # nothing has run out when the timer looks first
    while await runner.fire_next():
        pass
    assert await rows(database, outbox) == []
    clock.advance(timedelta(seconds=300))
    while await runner.fire_next():
        pass

    await send_all(a_sender(database, clock, platform))

    told = {message.chat.id: message.text for message in platform.asked}
    assert "超过时间没有付款" in told["u1"]
    assert "¥59.00 is held for you for 5 minutes" in told["u2"]
    assert "https://shop.test/" in told["u2"]
    await send_all(a_sender(database, clock, platform))
    assert len(platform.asked) == 2


async def test_an_offer_that_is_not_true_any_more_is_not_told(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    platform = Platform()
    _, second = await two_claims(database, clock, new_id)
    clock.advance(timedelta(seconds=600))
    await database.write(lambda c: line.release_due(c, "sale", clock.now()))
    runner = a_timer_runner(database, clock, thinker)
    while await runner.fire_next():
        pass
    await database.write(lambda c: paying.pay(c, "sale", second, clock.now()))

    await send_all(a_sender(database, clock, platform))

    assert [message.chat.id for message in platform.asked] == ["u1"]
    assert {row.reason for row in await rows(database, outbox, outbox.c.status == "dropped")} == {"no_longer_true"}
    while await runner.fire_next():
        pass
    await send_all(a_sender(database, clock, platform))
    assert "is yours" in platform.texts[-1]
    assert await rows(database, tasks) == []


async def test_who_waits_when_a_sale_ends_and_who_did_not_pay_by_then_hear_that_it_is_over(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    platform = Platform()
    await two_claims(database, clock, new_id)
    runner = a_timer_runner(database, clock, thinker)
    await database.write(lambda c: flash.end(c, "sale", clock.now()))
    for step_s in (0, 600):
        clock.advance(timedelta(seconds=step_s))
        while await runner.fire_next():
            pass
        await send_all(a_sender(database, clock, platform))

    assert [message.chat.id for message in platform.asked] == ["u2", "u1"]
    in_line, held = platform.texts
    assert "no piece came free for you" in in_line
    assert "已经结束" in held
    assert "回复「抢」" not in held


async def test_when_it_is_the_turn_of_people_whom_nobody_can_tell_a_human_knows(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, *(said_in_group(n, f"m{n}") for n in range(3)))

    def begin(connection: Connection) -> None:
        draft(connection)
        connection.execute(sales.update().values(total=1, available=1, audiences=[]))
        flash.start(connection, "sale", lambda _language, _facts: mute(()), clock.now())
        for person in connection.execute(select(identities.c.person_id).order_by(identities.c.user)).scalars():
            claiming.claim(connection, "sale", person, clock.now(), new_id)

    await database.write(begin)
    runner = a_timer_runner(database, clock, thinker)
    for _ in range(4):
        clock.advance(timedelta(seconds=300))
        while await runner.fire_next():
            pass

    assert await rows(database, outbox) == []
    (task,) = await rows(database, tasks)
    assert (task.kind, "sale sale" in task.text) == ("no_chat", True)


async def test_who_has_too_much_with_two_accounts_hears_that_one_piece_went_back(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    platform = Platform()
    await arrive(database, clock, new_id, said(1, chat="u1", language="en"), said(1, chat="u2", language="en"))

    def job(connection: Connection) -> None:
        draft(connection)
        connection.execute(sales.update().values(audiences=[]))
        flash.start(connection, "sale", lambda _language, _facts: mute(()), clock.now())
        connection.execute(customers.insert().values(id="one", name="", created_at=clock.now()))
        for user in ("u1", "u2"):
            of_user = select(identities.c.person_id).where(identities.c.user == user)
            person = connection.execute(of_user).scalar_one()
            claiming.claim(connection, "sale", person, clock.now(), new_id)
            connection.execute(persons.update().where(persons.c.id == person).values(customer_id="one"))
            buyers.become(connection, person, "one", clock.now())

    await database.write(job)
    runner = a_timer_runner(database, clock, thinker)
    while await runner.fire_next():
        pass
    await send_all(a_sender(database, clock, platform))

    (told,) = platform.asked
    assert (told.chat.id, "limited to 1 per person" in told.text) == ("u2", True)


async def test_who_comes_too_late_in_a_group_is_told_where_they_will_hear_of_it(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    def begin(connection: Connection) -> None:
        draft(connection)
        connection.execute(
            sales.update().values(total=1, available=1, audiences=[], pay_url="https://shop.test/{claim}")
        )
        flash.start(connection, "sale", lambda _language, _facts: mute(()), clock.now())

    await database.write(begin)
    await arrive(database, clock, new_id, said_in_group(1, "m1", "抢"), said_in_group(2, "m2", "抢"))
    await arrive(
        database, clock, new_id, said(1, chat="u1", text="抢"), said(1, chat="o1", text="抢", channel="wechat:gh")
    )
    await run_all(a_runner(database, clock, new_id, thinker))

    told = [row.text for row in await rows(database, outbox)]
    assert sum("第 1 位" in text for text in told) == 1
    in_group = [row.text for row in await rows(database, outbox, outbox.c.channel == "telegram:bot")]
    assert any("恭喜" in text for text in told)
    assert all("私信" in text for text in in_group if "候补" in text)
    assert not any("私信" in text for text in told if text not in in_group)
    assert not any("https://" in text for text in in_group), "a link in a group is everybody's"

"""Greetings from the round that finds people to the platform: on the day, where they live, once a year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, update

from bot.campaigns.counting import count
from bot.campaigns.days import day_in, hours_of, near, upcoming, written
from bot.campaigns.greeting import GREET, NOTICE, Greetings, meant
from bot.campaigns.plans import CampaignBody, plan_of
from bot.campaigns.rounds import GREETING_ROUND
from bot.campaigns.running import move, put, start
from bot.delivery.complaints import Clocks, complain
from bot.delivery.gate import held_out
from bot.delivery.ledger import open_grants
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.effects import set_consent
from bot.messages import Grant
from bot.shop.bodies import CustomerBody
from bot.shop.erasing import erase
from bot.shop.load import put_customer
from bot.skills.turn import SetConsent
from bot.store.database import Database
from bot.store.tables import coupons, customers, outbox, tasks, timers, touches
from tests.campaigns.people import NOW, TELEGRAM, WEB, WECHAT, customer, goods, order, person
from tests.campaigns.test_recall import DAY, HOUR, Later, book, later, on_sqlite
from tests.conftest import StandingClock
from tests.delivery.stand import RULES, rows

__all__ = ["later"]
BIRTHDAY = {
    "id": "birthday",
    "kind": "birthday",
    "coupon": {"code": "BDAY26", "amount": "30.00", "least": "99.00", "days": 7},
}
MOON = {
    "id": "mid-autumn",
    "kind": "festival",
    "lunar": "8-15",
    "texts": {"zh": {"greeting": "{customer.name}，中秋快乐"}, "en": {"greeting": "Happy Mid-Autumn"}},
}


@pytest.fixture
def timer(database: Database, clock: StandingClock, thinker: Thinker) -> TimerRunner:
    greetings = Greetings(lambda: thinker.brain.mind.voice, thinker.settings)
    handlers = {GREETING_ROUND: greetings.look, GREET: greetings.write}
    return TimerRunner(database, clock, handlers, wake=Signal(), fired=Signal())


def guest(connection: Connection, name: str, birthday: str, *, phone: str = "", language: str = "zh") -> None:
    customer(connection, name)
    values = {"birthday": birthday, "phone": phone}
    connection.execute(update(customers).where(customers.c.id == name).values(values))
    person(connection, f"p-{name}", customer=name, language=language)


@pytest.fixture
async def shop(database: Database) -> Database:
    """A shop whose customer Lin agreed to be written to and has their birthday in three days, on the 26th."""

    def fill(connection: Connection) -> None:
        goods(connection)
        guest(connection, "lin", "11-26")

    await database.write(fill)
    return database


async def begin(database: Database, clock: StandingClock, plan: Mapping[str, object], **changes: object) -> None:
    body = CampaignBody.model_validate({**plan, **changes})

    def job(connection: Connection) -> None:
        row = put(connection, body, "agent:ann", clock.now())
        start(connection, row, "agent:ann", 1, 1000, clock.now())

    await database.write(job)


async def test_a_customer_is_greeted_on_the_morning_of_their_birthday_and_not_again_before_the_next(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await begin(shop, clock, BIRTHDAY)
    assert [*await later.moment(), *await later(2 * DAY + 22 * HOUR)] == [], "it is 9:00 on the 26th"

    (text,) = await later(HOUR)
    assert "p-lin，生日快乐" in text
    assert "BDAY26，满 ¥99.00 减 ¥30.00，12月3日 23:59 前有效" in text
    assert "记有您的生日" in text, "why they got it"
    assert "退订" in text, "how to stop it"
    (coupon,) = await rows(shop, coupons)
    assert (coupon.customer_id, coupon.code) == ("lin", "BDAY26")
    assert await later(363 * DAY) == []
    assert len(await later(2 * DAY)) == 1


@on_sqlite
async def test_whoever_changes_their_birthday_is_greeted_once_a_year_by_whichever_plan(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await begin(shop, clock, BIRTHDAY)
    assert len(await later(4 * DAY)) == 1
    await shop.write(lambda c: c.execute(customers.update().values(birthday="12-01")))
    await begin(shop, clock, {**BIRTHDAY, "id": "another"})
    assert await later(10 * DAY) == []


@on_sqlite
async def test_a_birthday_that_was_changed_since_the_timer_was_set_is_not_greeted(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await begin(shop, clock, BIRTHDAY)
    await later(2 * DAY + 20 * HOUR)
    assert await rows(shop, timers, timers.c.kind == GREET), "it waits for the morning"
    await shop.write(lambda c: c.execute(customers.update().values(birthday="06-01")))
    assert await later(2 * DAY) == []


@on_sqlite
async def test_the_morning_is_that_of_where_they_live(database: Database, clock: StandingClock, later: Later) -> None:
    def fill(connection: Connection) -> None:
        goods(connection)
        guest(connection, "bo", "11-26", phone="+61400000000", language="en")  # Australia, up to Eucla and Perth
        guest(connection, "tom", "11-26", phone="+4915100000000", language="en")

    await database.write(fill)
    await begin(database, clock, BIRTHDAY)
    heard: dict[str, datetime] = {}
    for _ in range(5 * 24):
        await later(HOUR)
        for row in await rows(database, outbox, outbox.c.status == "sent"):
            heard.setdefault(row.conversation_id, row.sent_at)
    berlin, perth = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Perth")
    assert heard["talk-p-tom"].astimezone(berlin).strftime("%d %H:%M") == "26 10:00"
    assert heard["talk-p-bo"].astimezone(perth).strftime("%d %H:%M") == "26 10:00", "when it is morning everywhere"


@on_sqlite
async def test_who_has_a_complaint_open_is_a_task_and_hears_neither_wish_nor_coupon(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await shop.write(lambda c: complain(c, "k", "talk-p-lin", "破了", Clocks(24, 48), clock.now()))
    await shop.write(lambda c: c.execute(timers.delete()))  # its clocks are not wound here
    await begin(shop, clock, BIRTHDAY)
    assert await later(5 * DAY) == []
    (repair,) = await rows(shop, tasks, tasks.c.kind == "repair")
    assert repair.conversation_id == "talk-p-lin"
    assert await rows(shop, coupons) == []


@on_sqlite
async def test_a_complaint_that_comes_after_it_was_planned_stops_it_at_the_gate(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await plan_one(shop, clock, later)
    await shop.write(lambda c: complain(c, "k", "talk-p-lin", "破了", Clocks(24, 48), clock.now()))
    await shop.write(lambda c: c.execute(timers.delete()))
    assert await later(DAY) == []
    assert await book(shop) == [("p-lin", 1, "dropped", "complaint_open")]
    assert await rows(shop, coupons) == []


async def plan_one(shop: Database, clock: StandingClock, later: Later) -> None:
    """Go to the morning of the 26th, when the greeting is in the outbox and has not left."""
    await begin(shop, clock, BIRTHDAY)
    await later(2 * DAY + 22 * HOUR)
    clock.advance(HOUR)
    while await later.timer.fire_next():
        pass


@on_sqlite
async def test_who_is_gone_when_it_leaves_is_not_greeted(shop: Database, clock: StandingClock, later: Later) -> None:
    await plan_one(shop, clock, later)
    await shop.write(lambda c: c.execute(customers.update().values(erased_at=clock.now())))
    assert await later(DAY) == []
    assert await book(shop) == [("p-lin", 1, "dropped", "no_longer_true")]


@on_sqlite
async def test_while_it_is_paused_a_greeting_waits_and_goes_on_the_same_day_or_never(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await plan_one(shop, clock, later)
    await shop.write(lambda c: is_paused(c, clock.now()))
    assert await later(2 * HOUR) == []
    await shop.write(lambda c: move(c, "birthday", "running", "command", clock.now()))
    assert len(await later(HOUR)) == 1


@on_sqlite
async def test_the_held_out_are_not_greeted_and_have_no_coupon(
    database: Database, clock: StandingClock, later: Later
) -> None:
    drawn = next(f"q{n}" for n in range(1000) if held_out(f"p-q{n}", 10))

    def fill(connection: Connection) -> None:
        goods(connection)
        guest(connection, drawn, "11-26")

    await database.write(fill)
    later.rules = replace(RULES, holdout_pct=10)
    await begin(database, clock, BIRTHDAY)
    assert await later(5 * DAY) == []
    assert await book(database) == [(f"p-{drawn}", 1, "withheld", "held_out")]
    assert await rows(database, coupons) == []


def says_no(connection: Connection, now: datetime) -> None:
    set_consent(connection, "p-lin", TELEGRAM, SetConsent(granted=False, proof="退订"), now)


def is_erased(connection: Connection, now: datetime) -> None:
    erase(connection, "lin", now)


def is_paused(connection: Connection, now: datetime) -> None:
    move(connection, "birthday", "paused", "command", now)


@pytest.mark.parametrize("how", [says_no, is_erased, is_paused])
async def test_who_says_no_or_is_erased_is_not_greeted_nor_anybody_while_it_is_paused(
    shop: Database, clock: StandingClock, later: Later, how: object
) -> None:
    await begin(shop, clock, BIRTHDAY)
    await later(2 * DAY)
    assert callable(how)
    await shop.write(lambda c: how(c, clock.now()))
    assert await later(5 * DAY) == []
    assert [row.birthday for row in await rows(shop, customers)] == ["" if how is is_erased else "11-26"]


@on_sqlite
async def test_a_greeting_counts_against_the_caps_and_is_dropped_when_its_day_is_over(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    later.rules = replace(RULES, marketing_per_day=1)
    everyday = {"id": "founding", "kind": "festival", "date": "11-26", "texts": MOON["texts"]}
    await begin(shop, clock, BIRTHDAY)
    await begin(shop, clock, everyday)
    assert len(await later(5 * DAY)) == 1
    assert sorted(row.status for row in await rows(shop, touches)) == ["dropped", "sent"]


@on_sqlite
async def test_two_accounts_of_a_customer_are_greeted_once(shop: Database, clock: StandingClock, later: Later) -> None:
    await shop.write(lambda c: person(c, "p-lin-2", customer="lin", channel=WEB, created_at=clock.now() - HOUR))
    await begin(shop, clock, BIRTHDAY)
    await later(4 * DAY)
    assert len(await rows(shop, touches)) == 1


async def test_a_festival_by_the_moon_is_wished_to_the_segment_each_year_on_its_own_date(
    database: Database, clock: StandingClock, later: Later
) -> None:
    def fill(connection: Connection) -> None:
        goods(connection)
        for name in ("lin", "wu"):
            guest(connection, name, "")
        order(connection, "lin", 1)
        person(connection, "p-stranger")

    await database.write(fill)
    clock.at = datetime.fromisoformat("2026-09-20T03:00:00+00:00")
    await begin(database, clock, MOON, segment={"products": ["shirt"]})
    assert await later(4 * DAY + 22 * HOUR) == []
    (text,) = await later(HOUR)
    assert text.startswith("p-lin，中秋快乐\n")
    assert clock.now() == datetime.fromisoformat("2026-09-25T02:00:00+00:00")
    assert await later(354 * DAY) == [], "on 15 September 2027"
    assert len(await later(2 * DAY)) == 1


@on_sqlite
async def test_a_day_of_the_moon_that_comes_twice_in_a_year_is_wished_twice(
    database: Database, clock: StandingClock, later: Later
) -> None:
    def fill(connection: Connection) -> None:
        goods(connection)
        guest(connection, "lin", "")

    await database.write(fill)
    clock.at = datetime.fromisoformat("2026-01-01T03:00:00+00:00")
    await begin(database, clock, {**MOON, "lunar": "11-15"})
    assert len(await later(5 * DAY)) == 1, "on 3 January"
    assert len(await later(360 * DAY)) == 1, "on 23 December"


@on_sqlite
async def test_whom_one_person_may_greet_alone_is_greeted_each_year_and_one_more_waits_for_an_approval(
    shop: Database, clock: StandingClock, thinker: Thinker
) -> None:
    policy = thinker.settings.policy.model_copy(update={"sale_heard_alone": 1})
    greetings = Greetings(lambda: thinker.brain.mind.voice, thinker.settings.model_copy(update={"policy": policy}))
    handlers = {GREETING_ROUND: greetings.look, GREET: greetings.write}
    later = Later(shop, clock, TimerRunner(shop, clock, handlers, wake=Signal(), fired=Signal()))
    await begin(shop, clock, BIRTHDAY)
    assert len(await later(4 * DAY)) == 1
    assert len(await later(365 * DAY)) == 1
    assert await rows(shop, tasks) == []
    await shop.write(lambda c: guest(c, "wu", "12-15"))
    assert await later(30 * DAY) == []
    (task,) = await rows(shop, tasks, tasks.c.kind == "approve")
    assert "whose day is over that night is not any more" in task.text


@on_sqlite
async def test_a_notice_that_was_asked_for_recalls_is_no_road_for_a_greeting(database: Database) -> None:
    def fill(connection: Connection) -> None:
        goods(connection)
        for name in ("recall", "greeting"):
            customer(connection, name)
            person(connection, f"p-{name}", customer=name, channel=WECHAT)
            open_grants(connection, [(f"talk-p-{name}", Grant(1, None, right=f"credit:{name}"), NOW, 0)])

    await database.write(fill)
    plan = plan_of(CampaignBody.model_validate(MOON), "CNY")
    found = await database.read(lambda c: count(c, meant(plan, NOW), plan.segment, 0, NOW, NOTICE))
    assert (found.written_to, found.left_out) == ({f"{WECHAT} subscription": 1}, {"no_window": 1})


async def test_a_birthday_that_is_not_told_again_stays_and_an_empty_one_takes_it_away(database: Database) -> None:
    known = []
    for told in ({"birthday": "02-29"}, {"tier": "gold"}, {"birthday": ""}):
        body = CustomerBody.model_validate({"name": "Lin", **told})
        await database.write(partial(put_customer, customer_id="lin", body=body, now=NOW))
        (row,) = await rows(database, customers)
        known.append(row.birthday)
    assert known == ["02-29", "02-29", ""]


@pytest.mark.parametrize("said", ["02-30", "13-01", "1990-11-26", "11/26", "26"])
def test_a_birthday_that_no_year_has_or_that_names_a_year_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="birthday"):
        CustomerBody.model_validate({"name": "Lin", "birthday": said})


def test_who_is_born_on_the_29th_of_february_has_their_birthday_on_the_28th_in_other_years() -> None:
    leap = day_in("02-29")
    assert near(leap, date(2027, 2, 28)) == date(2027, 2, 28)
    assert near(leap, date(2028, 2, 27)) == date(2028, 2, 29)
    assert written([date(2027, 2, 28)]) == ["02-28", "02-29"]
    assert written([date(2028, 2, 28), date(2028, 2, 29)]) == ["02-28", "02-29"]
    assert written([date(2028, 2, 28)]) == ["02-28"]


def test_a_day_of_the_moon_falls_where_the_almanac_says_also_after_new_year_and_at_the_end_of_a_year() -> None:
    assert upcoming(day_in("8-15", of_moon=True), date(2026, 1, 1)) == date(2026, 9, 25)
    assert upcoming(day_in("1-1", of_moon=True), date(2026, 2, 18)) == date(2027, 2, 6)
    assert upcoming(day_in("12-8", of_moon=True), date(2026, 1, 1)) == date(2026, 1, 26)
    assert upcoming(day_in("12-30", of_moon=True), date(2027, 1, 1)) == date(2027, 2, 5), "the eve, in a short month"


def test_a_day_over_several_zones_begins_in_the_last_and_ends_in_the_last() -> None:
    begins, ends = hours_of(date(2026, 11, 26), [ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles")])
    assert begins == datetime.fromisoformat("2026-11-26T10:00:00-08:00")
    assert ends - begins == timedelta(hours=14)


def test_a_plan_cannot_name_a_day_that_no_year_has() -> None:
    for said, of_moon in (("02-30", False), ("13-01", False), ("12-31", True), ("13-1", True)):
        with pytest.raises(ValueError, match=r"."):
            day_in(said, of_moon=of_moon)

"""Recall from the round that finds people to the platform: three waves, and what ends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, func, select

from bot.campaigns.plans import CampaignBody, stored
from bot.campaigns.recall import WAVE, Recalls
from bot.campaigns.rounds import RECALL_ROUND
from bot.campaigns.running import approve, move, put, start
from bot.delivery.complaints import Clocks, complain
from bot.delivery.gate import held_out
from bot.delivery.ledger import open_grants
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.delivery.touches import count_payment
from bot.effects import set_consent
from bot.errors import Conflict, NotAllowed
from bot.messages import Grant, Limits
from bot.settings import Settings
from bot.shop.changes import pay_order
from bot.shop.erasing import erase
from bot.skills.turn import SetConsent
from bot.store.database import Database
from bot.store.tables import conversations, coupons, outbox, platform_state, tasks, timers, touches
from tests.campaigns.people import TELEGRAM, WEB, WECHAT, customer, goods, order, person
from tests.conftest import StandingClock
from tests.delivery.stand import MANY_TOUCHES, RULES, Platform, a_sender, rows, send_all

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What hangs on no lock and no statement of its own is told by one database."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PLAN = {
    "id": "recall-30",
    "kind": "recall",
    "segment": {"last_purchase_days": {"from": 30, "to": 59}},
    "coupon": {"code": "BACK20", "amount": "20.00", "least": "99.00", "days": 7},
}


@pytest.fixture
def timer(database: Database, clock: StandingClock, thinker: Thinker) -> TimerRunner:
    return a_timer(database, clock, thinker, thinker.settings)


def a_timer(database: Database, clock: StandingClock, thinker: Thinker, settings: Settings) -> TimerRunner:
    recalls = Recalls(lambda: thinker.brain.mind.voice, settings)
    handlers = {RECALL_ROUND: recalls.look, WAVE: recalls.write}
    return TimerRunner(database, clock, handlers, wake=Signal(), fired=Signal())


class Later:
    """Lets time pass, from one moment at which something comes due to the next."""

    def __init__(self, database: Database, clock: StandingClock, timer: TimerRunner) -> None:
        self.database, self.clock, self.timer = database, clock, timer
        self.platform = Platform(TELEGRAM)
        self.rules = RULES

    async def __call__(self, span: timedelta) -> list[str]:
        """Return what was said meanwhile."""
        before = len(self.platform.texts)
        end = self.clock.now() + span
        while self.clock.now() < end:
            due = await self.database.read(next_due)
            self.clock.at = min(end, max(due or end, self.clock.now() + timedelta(seconds=1)))
            await self.moment()
        return self.platform.texts[before:]

    async def moment(self) -> list[str]:
        before = len(self.platform.texts)
        while await self.timer.fire_next():
            pass
        await send_all(a_sender(self.database, self.clock, self.platform, self.rules))
        return self.platform.texts[before:]


def next_due(connection: Connection) -> datetime | None:
    waiting = select(outbox.c.not_before.label("at")).where(outbox.c.status == "waiting")
    due = waiting.union_all(select(timers.c.due_at)).subquery()
    return connection.execute(select(func.min(due.c.at))).scalar()


@pytest.fixture
def later(database: Database, clock: StandingClock, timer: TimerRunner) -> Later:
    return Later(database, clock, timer)


@pytest.fixture
async def shop(database: Database) -> Database:
    """A shop whose customer Lin agreed to be written to and bought last forty days ago."""

    def fill(connection: Connection) -> None:
        goods(connection)
        customer(connection, "lin")
        person(connection, "p-lin", customer="lin")
        order(connection, "lin", 40)

    await database.write(fill)
    return database


async def begin(database: Database, clock: StandingClock, **changes: object) -> None:
    body = CampaignBody.model_validate({**PLAN, **changes})

    def job(connection: Connection) -> None:
        row = put(connection, body, "agent:ann", clock.now())
        start(connection, row, "agent:ann", 1, 1000, clock.now())

    await database.write(job)


async def book(database: Database) -> list[tuple[str, int, str, str]]:
    return [(row.person_id, row.step, row.status, row.reason) for row in await rows(database, touches)]


async def test_who_has_not_bought_for_a_month_hears_three_times_in_a_week_and_never_again(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await begin(shop, clock)

    (first,) = await later.moment()
    assert "有一阵没见到您" in first
    assert "BACK20" not in first, "a word needs no coupon"
    assert "上次购买是在 10月14日" in first, "why they got it"
    assert "退订" in first, "how to stop it"
    assert await later(3 * DAY - HOUR) == []
    (second,) = await later(HOUR)
    assert "BACK20，满 ¥99.00 减 ¥20.00，12月3日 23:59 前有效" in second
    (last,) = await later(4 * DAY)
    assert "12月3日 23:59 前都能用" in last
    assert await later(20 * DAY) == []
    assert await book(shop) == [("p-lin", step, "sent", "") for step in (1, 2, 3)]


async def test_the_coupon_is_the_customers_as_soon_as_they_were_told_of_it(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await begin(shop, clock)
    await later.moment()
    assert await rows(shop, coupons) == []

    await later(3 * DAY)

    (coupon,) = await rows(shop, coupons)
    assert (coupon.customer_id, coupon.code, coupon.amount_minor, coupon.least_minor) == ("lin", "BACK20", 2000, 9900)
    assert coupon.ends_at == datetime.fromisoformat("2026-12-03T23:59:00+08:00")


@on_sqlite
async def test_a_coupon_that_was_used_is_not_offered_again(shop: Database, clock: StandingClock, later: Later) -> None:
    has = {"customer_id": "lin", "code": "BACK20", "amount_minor": 2000, "currency": "CNY", "used": True}
    await shop.write(lambda c: c.execute(coupons.insert().values(**has, ends_at=clock.now() + 90 * DAY)))
    await begin(shop, clock)

    texts = [*await later.moment(), *await later(8 * DAY)]
    assert len(texts) == 3
    assert not any("BACK20" in text for text in texts)


def pays(connection: Connection, now: datetime) -> None:
    number = order(connection, "lin", 0, status="unpaid", now=now)
    pay_order(connection, number, now)


def says_no(connection: Connection, now: datetime) -> None:
    set_consent(connection, "p-lin", TELEGRAM, SetConsent(granted=False, proof="退订"), now)


def is_erased(connection: Connection, now: datetime) -> None:
    erase(connection, "lin", now)


@pytest.mark.parametrize("how", [pays, says_no, is_erased])
async def test_the_waves_end_once_somebody_buys_says_no_or_is_erased(
    shop: Database, clock: StandingClock, later: Later, how: Callable[[Connection, datetime], None]
) -> None:
    await begin(shop, clock)
    assert len(await later.moment()) == 1
    await later(DAY)
    await shop.write(lambda c: how(c, clock.now()))

    assert await later(20 * DAY) == []
    assert [row[1] for row in await book(shop)] == [1]


@pytest.mark.parametrize(("how", "reason"), [(pays, "paid"), (says_no, "refused_by_customer"), (is_erased, "erased")])
async def test_what_waits_for_the_morning_is_withdrawn_in_the_transaction_that_ends_it(
    shop: Database, clock: StandingClock, later: Later, how: Callable[[Connection, datetime], None], reason: str
) -> None:
    clock.advance(12 * HOUR)  # 23:00 in Shanghai
    await begin(shop, clock)
    assert await later.moment() == []
    assert [row.status for row in await rows(shop, outbox)] == ["waiting"]

    await shop.write(lambda c: how(c, clock.now()))

    assert [(row.status, row.reason) for row in await rows(shop, outbox)] == [("dropped", reason)]
    assert await book(shop) == [("p-lin", 1, "dropped", reason)]
    assert await later(20 * DAY) == []


async def test_a_purchase_that_nobody_told_the_book_of_is_seen_at_the_gate(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    clock.advance(12 * HOUR)
    await begin(shop, clock)
    await later.moment()
    await shop.write(lambda c: order(c, "lin", 0, now=clock.now()))

    assert await later(DAY) == []
    assert await book(shop) == [("p-lin", 1, "dropped", "no_longer_true")]


@on_sqlite
async def test_who_has_a_complaint_open_is_a_task_and_hears_no_offer_until_it_is_solved(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await shop.write(lambda c: complain(c, "k", "talk-p-lin", "破了", Clocks(24, 48), clock.now()))
    await shop.write(lambda c: c.execute(timers.delete()))  # its clocks are not wound here
    await begin(shop, clock)

    assert await later(2 * DAY) == []
    (repair,) = await rows(shop, tasks, tasks.c.kind == "repair")
    assert repair.conversation_id == "talk-p-lin"
    assert await book(shop) == []

    await shop.write(lambda c: c.execute(tasks.update().values(done=True)))
    assert len(await later(2 * DAY)) == 1
    assert len(await rows(shop, tasks, tasks.c.kind == "repair")) == 1, "one task for one sleep"


@on_sqlite
async def test_while_a_human_has_the_conversation_nothing_is_said_and_the_next_day_it_begins(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await shop.write(lambda c: c.execute(conversations.update().values(owner="queue")))
    await begin(shop, clock)
    assert await later.moment() == []
    assert await book(shop) == [("p-lin", 1, "dropped", "a_human_is_talking")]

    await shop.write(lambda c: c.execute(conversations.update().values(owner="bot")))
    (first,) = await later(DAY)
    assert "有一阵没见到您" in first
    assert await later(3 * DAY - HOUR) == [], "days count from the first that went out"
    assert len(await later(8 * DAY)) == 2


@on_sqlite
async def test_a_wave_whose_first_never_went_out_does_not_come(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    """Lin is past the days of the plan when the human has finished: no message begins with the coupon."""
    await shop.write(lambda c: c.execute(conversations.update().values(owner="queue")))
    await begin(shop, clock, segment={"last_purchase_days": {"from": 30, "to": 40}})
    assert await later.moment() == []
    await shop.write(lambda c: c.execute(conversations.update().values(owner="bot")))
    assert await later(10 * DAY) == []


@on_sqlite
async def test_who_never_said_yes_or_said_no_is_not_even_planned(
    database: Database, clock: StandingClock, later: Later
) -> None:
    def fill(connection: Connection) -> None:
        goods(connection)
        for name, agreed in (("never", None), ("no", False)):
            customer(connection, name)
            person(connection, f"p-{name}", customer=name, agreed=agreed)
            order(connection, name, 40)

    await database.write(fill)
    await begin(database, clock)
    assert await later(10 * DAY) == []
    assert await book(database) == []


@on_sqlite
async def test_the_held_out_hear_nothing_and_get_no_coupon_and_the_report_knows(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    drawn = next(f"q{n}" for n in range(1000) if held_out(f"q{n}", 10))

    def fill(connection: Connection) -> None:
        customer(connection, "out")
        person(connection, drawn, customer="out")
        order(connection, "out", 40)

    await shop.write(fill)
    later.rules = replace(RULES, holdout_pct=10)
    await begin(shop, clock)
    await later.moment()
    await later(10 * DAY)

    assert [row for row in await book(shop) if row[0] == drawn] == [
        (drawn, n, "withheld", "held_out") for n in (1, 2, 3)
    ]
    assert [row.customer_id for row in await rows(shop, coupons)] == ["lin"]


@on_sqlite
async def test_where_the_window_has_closed_by_the_morning_nobody_is_bothered_with_a_task(
    database: Database, clock: StandingClock, later: Later
) -> None:
    """On WeChat nobody may be written to unasked; ten thousand tasks would be the same by hand."""
    later.platform = Platform(WECHAT, limits=Limits(counts_windows=True))
    drawn = next(f"q{n}" for n in range(1000) if held_out(f"q{n}", 10))

    def fill(connection: Connection) -> None:
        goods(connection)
        customer(connection, "lin")
        person(connection, drawn, customer="lin", channel=WECHAT)
        order(connection, "lin", 40)
        open_grants(connection, [(f"talk-{drawn}", Grant(5, 3600), clock.now(), 0)])

    clock.advance(12 * HOUR)
    await database.write(fill)
    later.rules = replace(RULES, holdout_pct=10)
    await begin(database, clock)
    assert await later(DAY - HOUR) == []
    assert await book(database) == [(drawn, 1, "dropped", "no_window")], "held out or not, it could not be sent"
    assert await rows(database, tasks) == []


@on_sqlite
async def test_two_accounts_of_a_customer_are_one_person_with_one_message(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await shop.write(lambda c: person(c, "p-lin-2", customer="lin", channel=WEB, created_at=clock.now() - HOUR))
    await begin(shop, clock)
    assert len(await later.moment()) == 1
    assert await later(DAY) == []


@on_sqlite
async def test_a_cart_that_is_left_during_a_recall_is_an_episode_of_its_own(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    """Regression: the follow-up of the cart took the recall's first wave for its own first step."""
    from bot.delivery.touches import episode_of

    await begin(shop, clock)
    await later.moment()
    found = await shop.write(lambda c: episode_of(c, "p-lin", clock.now()))
    assert not found.has(1)


@on_sqlite
async def test_a_payment_counts_for_the_recall_for_two_weeks(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await begin(shop, clock)
    await later.moment()
    clock.advance(13 * DAY)
    await shop.write(lambda c: count_payment(c, "lin", 12_000, clock.now()))
    (row,) = await rows(shop, touches)
    assert (row.paid_minor, row.paid_at) == (12_000, clock.now())


@on_sqlite
async def test_a_paused_recall_says_nothing_and_goes_on_where_it_was(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await begin(shop, clock)
    assert len(await later.moment()) == 1
    await shop.write(lambda c: move(c, "recall-30", "paused", "command", clock.now()))
    assert await later(5 * DAY) == []
    await shop.write(lambda c: move(c, "recall-30", "running", "command", clock.now()))
    assert len(await later(HOUR)) == 1
    with pytest.raises(Conflict):
        await shop.write(lambda c: move(c, "recall-30", "running", "command", clock.now()))
    await shop.write(lambda c: move(c, "recall-30", "ended", "command", clock.now()))
    assert await later(20 * DAY) == []


@on_sqlite
async def test_who_buys_and_sleeps_again_is_called_back_again(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await begin(shop, clock)
    await later.moment()
    await shop.write(lambda c: pays(c, clock.now()))
    later.rules = MANY_TOUCHES
    assert await later(30 * DAY - HOUR) == []
    assert len(await later(DAY)) == 1


@on_sqlite
async def test_while_the_shops_system_is_down_nobody_is_called_back(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    down = {"name": "woocommerce", "told_at": clock.now() - 2 * HOUR, "down_since": clock.now() - HOUR}
    await shop.write(lambda c: c.execute(platform_state.insert().values(down)))
    await begin(shop, clock)
    assert await later(DAY) == []
    await shop.write(
        lambda c: c.execute(platform_state.update().values(down_since=None, told_at=clock.now() + 9 * DAY))
    )
    assert len(await later(HOUR)) == 1


@on_sqlite
async def test_own_words_are_said_with_the_coupon_and_the_reason_behind_them(
    shop: Database, clock: StandingClock, later: Later
) -> None:
    await begin(shop, clock, texts={"zh": {"first": "{customer.name}，想您了"}, "en": {"first": "We miss you"}})
    (first,) = await later.moment()
    assert first.startswith("p-lin，想您了\n")
    assert "上次购买是在" in first


async def grows(database: Database, clock: StandingClock, people: int) -> None:
    def fill(connection: Connection) -> None:
        for number in range(people):
            customer(connection, f"c{number}")
            person(connection, f"p{number}", customer=f"c{number}")
            order(connection, f"c{number}", 29, now=clock.now())

    await database.write(fill)


async def test_what_grows_past_what_one_person_may_decide_waits_for_another(
    shop: Database, clock: StandingClock, thinker: Thinker
) -> None:
    policy = thinker.settings.policy.model_copy(update={"sale_heard_alone": 3})
    later = Later(shop, clock, a_timer(shop, clock, thinker, thinker.settings.model_copy(update={"policy": policy})))
    await begin(shop, clock)
    assert len(await later.moment()) == 1
    await grows(shop, clock, 5)
    assert len(await later(DAY)) == 2, "three in all"
    assert await later(DAY) == []
    (task,) = await rows(shop, tasks, tasks.c.kind == "approve")
    assert "zhanggui campaigns approve recall-30" in task.text
    plan = CampaignBody.model_validate(PLAN)
    with pytest.raises(NotAllowed):
        await shop.write(lambda c: approve(c, "recall-30", "agent:ann", stored(plan), clock.now()))
    with pytest.raises(Conflict, match="changed meanwhile"):
        await shop.write(lambda c: approve(c, "recall-30", "agent:bob", {}, clock.now()))
    await shop.write(lambda c: approve(c, "recall-30", "agent:bob", stored(plan), clock.now()))
    assert len(await later.moment()) == 3
    assert (await rows(shop, tasks, tasks.c.kind == "approve"))[0].done


@on_sqlite
async def test_what_many_hear_is_started_by_somebody_else_than_who_planned_it(
    database: Database, clock: StandingClock
) -> None:
    body = CampaignBody.model_validate(PLAN)
    row = await database.write(lambda c: put(c, body, "agent:ann", clock.now()))
    with pytest.raises(NotAllowed, match="1,001 people"):
        await database.write(lambda c: start(c, row, "agent:ann", 1001, 1000, clock.now()))
    again = await database.write(lambda c: put(c, body, "agent:bob", clock.now()))
    await database.write(lambda c: start(c, again, "agent:bob", 1001, 1000, clock.now()))
    with pytest.raises(Conflict, match="is running"):
        await database.write(lambda c: put(c, body, "agent:ann", clock.now()))

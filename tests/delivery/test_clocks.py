"""How long customers wait for a human is measured, and warned of in time. On both databases."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Row, select

from bot.clock import IdMaker
from bot.delivery import clocks
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.hours import Hours
from bot.messages import Receipt, SendStatus
from bot.store import tables as t
from bot.store.database import Database
from handoff import desk, ownership, people
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, a_runner, a_sender, arrive, run_all, said, send_all

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = Hours(SHANGHAI, time(9), time(23))
TARGETS = clocks.Targets(timedelta(minutes=3), timedelta(hours=24), DAY)
numbers = count(1)


class Stand:
    """A customer, an agent, the bot's turns and the timers, with a clock that is moved by hand."""

    def __init__(self, database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker) -> None:
        self.database, self.clock, self.new_id, self.thinker = database, clock, new_id, thinker
        self.timers = TimerRunner(database, clock, {clocks.TIMER: clocks.Winding(TARGETS).fire}, Signal(), Signal())
        self.talk = ""

    async def write(self, text: str = "在吗") -> None:
        """Let the customer write, and the bot take its turn."""
        await self.send(text)
        await self.turn()
        self.talk = await self.database.read(lambda c: c.execute(select(t.conversations.c.id)).scalar_one())

    async def send(self, text: str) -> None:
        await arrive(self.database, self.clock, self.new_id, said(next(numbers), text))

    async def turn(self) -> None:
        await run_all(a_runner(self.database, self.clock, self.new_id, self.thinker))

    async def queue(self) -> None:
        await self.database.write(lambda c: ownership.to_queue(c, self.talk, "asked", 1, self.clock.now()))

    async def take(self) -> None:
        await self.database.write(lambda c: ownership.take(c, self.talk, "li", self.clock.now()))

    async def answer(self) -> None:
        key = f"console:{next(numbers)}"
        await self.database.write(lambda c: desk.reply(c, self.talk, "li", "您好", key, self.clock.now()))

    async def close(self) -> None:
        await self.database.write(lambda c: ownership.close(c, self.talk, "li", "solved", self.clock.now()))

    async def after(self, **time: float) -> None:
        """Let time pass, firing every timer when it is due."""
        end = self.clock.now() + timedelta(**time)
        of_clocks = select(t.timers.c.due_at).where(t.timers.c.kind == clocks.TIMER, t.timers.c.due_at <= end)
        while due := await self.database.read(lambda c: c.execute(of_clocks.order_by(t.timers.c.due_at)).scalar()):
            self.clock.at = max(self.clock.at, due)
            assert await self.timers.fire_next()
        self.clock.at = end

    async def clocks(self) -> list[Row[tuple[object, ...]]]:
        return list(await self.database.read(lambda c: c.execute(select(t.clocks).order_by(t.clocks.c.id)).all()))

    async def marks(self) -> list[str]:
        of_clocks = select(t.notes.c.kind).where(t.notes.c.kind.startswith("clock")).order_by(t.notes.c.id)
        return list(await self.database.read(lambda c: c.execute(of_clocks).scalars().all()))


@pytest.fixture
async def stand(database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker) -> Stand:
    clock.at = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai

    def hire(connection: Connection) -> None:
        people.add_agent(connection, "li", "li", "Li", "agent", clock.now())

    await database.write(hire)
    made = Stand(database, clock, new_id, thinker)
    await made.write()
    return made


async def kinds(stand: Stand) -> list[tuple[str, str]]:
    return [(row.kind, row.result) for row in await stand.clocks()]


async def test_nothing_is_timed_while_the_bot_answers(stand: Stand) -> None:
    assert await stand.clocks() == []


async def test_a_handoff_starts_the_clocks_and_each_answer_stops_one(stand: Stand) -> None:
    await stand.queue()
    await stand.after(seconds=50)
    await stand.take()
    await stand.answer()
    await stand.after(seconds=5)
    await stand.write("还有一个问题")
    await stand.write("喂")
    await stand.after(seconds=20)
    await stand.answer()
    await stand.close()
    assert sorted(await kinds(stand)) == [("first", "answered"), ("next", "answered"), ("resolution", "closed")]
    took_s = {row.kind: (row.ended_at - row.started_at).total_seconds() for row in await stand.clocks()}
    assert took_s == {"first": 50, "next": 20, "resolution": 75}
    await stand.after(days=3)
    assert await stand.marks() == []


async def test_who_is_not_answered_is_warned_of_once_before_and_marked_once_after(stand: Stand) -> None:
    await stand.queue()
    await stand.after(seconds=119)
    assert await stand.marks() == []
    await stand.after(seconds=2)
    assert await stand.marks() == ["clock_soon"]
    await stand.after(seconds=60)
    assert await stand.marks() == ["clock_soon", "clock_late"]
    await stand.after(hours=1)
    assert await stand.marks() == ["clock_soon", "clock_late"]
    (row,) = [row for row in await stand.clocks() if row.kind == "first"]
    assert row.late_at == row.due_at == row.started_at + timedelta(minutes=3)


async def test_a_clock_that_ended_warns_nobody(stand: Stand) -> None:
    await stand.queue()
    await stand.after(seconds=10)
    await stand.take()
    await stand.answer()
    await stand.close()
    assert not await stand.database.read(
        lambda c: c.execute(select(t.timers).where(t.timers.c.kind == clocks.TIMER)).all()
    )


async def test_a_message_after_the_close_of_hours_is_due_after_opening(stand: Stand) -> None:
    await stand.queue()
    await stand.take()
    await stand.answer()
    await stand.after(hours=13.5)  # 23:30
    await stand.write("睡了吗")
    await stand.after(seconds=1)
    (row,) = [row for row in await stand.clocks() if row.kind == "next"]
    assert row.due_at == datetime(2026, 11, 24, 1, 3, tzinfo=UTC)


async def test_an_agent_who_takes_a_talk_from_the_bot_is_not_timed_until_the_customer_writes(stand: Stand) -> None:
    await stand.take()
    assert await kinds(stand) == [("resolution", "")]
    await stand.write("你好")
    assert await kinds(stand) == [("resolution", ""), ("first", "")]


async def test_an_answer_that_was_quicker_than_the_bots_turn_leaves_no_clock(stand: Stand) -> None:
    await stand.take()
    await stand.send("快")
    await stand.answer()
    await stand.turn()
    assert await kinds(stand) == [("resolution", "")]


async def test_what_goes_back_to_the_queue_keeps_its_clock(stand: Stand) -> None:
    await stand.queue()
    await stand.take()
    await stand.after(seconds=30)
    await stand.database.write(lambda c: ownership.release(c, stand.talk, "li", stand.clock.now()))
    await stand.after(seconds=30)
    await stand.take()
    await stand.answer()
    (row,) = [row for row in await stand.clocks() if row.kind == "first"]
    assert (row.ended_at - row.started_at).total_seconds() == 60


# --- words that do not arrive ----------------------------------------------------------------------------------------
REFUSED = Receipt(SendStatus.REFUSED, reason="too long")


async def sends(stand: Stand, *receipts: Receipt) -> None:
    """Send what waits; the platform answers with `receipts` first, then takes everything."""
    await send_all(a_sender(stand.database, stand.clock, Platform(receipts=[*receipts])))


async def responses(stand: Stand) -> list[tuple[str, float, float | None]]:
    """Return result, start and end of each response clock, in seconds after the first began."""
    rows = [row for row in await stand.clocks() if row.kind in clocks.RESPONSES]
    begin = min(row.started_at for row in rows)
    times = [[at and (at - begin).total_seconds() for at in (row.started_at, row.ended_at)] for row in rows]
    return [(row.result, *of_row) for row, of_row in zip(rows, times, strict=True)]


async def answered_after_a_minute(stand: Stand, *receipts: Receipt) -> None:
    await sends(stand)  # what the bot said
    await stand.queue()
    await stand.take()
    await stand.after(minutes=1)
    await stand.answer()
    await sends(stand, *receipts)


async def test_words_that_fail_are_no_answer_and_the_clock_goes_on_from_the_customer(stand: Stand) -> None:
    await answered_after_a_minute(stand, REFUSED)
    assert await responses(stand) == [("", 0, None)]
    await stand.after(minutes=1)
    assert await stand.marks() == ["clock_soon"]
    await stand.after(minutes=2)
    assert await stand.marks() == ["clock_soon", "clock_late"]
    await stand.answer()
    await sends(stand)
    assert await responses(stand) == [("answered", 0, 240)]


async def test_of_two_answers_one_that_arrives_is_enough(stand: Stand) -> None:
    await answered_after_a_minute(stand, Receipt(SendStatus.TRANSIENT, retry_after_s=30))
    await stand.after(seconds=31)
    await stand.answer()
    await sends(stand, REFUSED)
    assert await responses(stand) == [("answered", 0, 60)]


async def test_who_wrote_again_meanwhile_waits_by_one_clock_from_the_first_word(stand: Stand) -> None:
    await answered_after_a_minute(stand, Receipt(SendStatus.TRANSIENT, retry_after_s=30))
    await stand.write("还在吗")
    await stand.after(seconds=31)
    await sends(stand, REFUSED)
    assert await responses(stand) == [("", 0, None)]
    await stand.after(hours=1)
    assert await stand.marks() == ["clock_soon", "clock_late"]


async def test_what_is_sent_again_answers_unless_it_fails_again(stand: Stand) -> None:
    await answered_after_a_minute(stand, REFUSED)

    async def again() -> None:
        def retry(connection: Connection) -> None:
            failed = connection.execute(select(t.outbox.c.id).where(t.outbox.c.status == "failed")).scalar_one()
            desk.retry_send(connection, failed, "li", stand.clock.now())

        await stand.database.write(retry)

    await stand.after(minutes=1)
    await again()
    assert await responses(stand) == [("answered", 0, 120)]
    await sends(stand, REFUSED)
    assert await responses(stand) == [("", 0, None)]
    await stand.after(minutes=1)
    await again()
    await sends(stand)
    assert await responses(stand) == [("answered", 0, 180)]


async def test_what_fails_after_the_end_was_no_answer_and_starts_nothing(stand: Stand) -> None:
    await answered_after_a_minute(stand, Receipt(SendStatus.TRANSIENT, retry_after_s=30))
    await stand.close()
    await stand.after(seconds=31)
    await sends(stand, REFUSED)
    assert await responses(stand) == [("closed", 0, 60)]
    await stand.after(hours=1)
    assert await stand.marks() == []


async def test_words_of_unsure_fate_may_have_answered(stand: Stand) -> None:
    await answered_after_a_minute(stand, Receipt(SendStatus.UNSURE))
    assert await responses(stand) == [("answered", 0, 60)]


# --- hours -------------------------------------------------------------------------------------------------------------
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
CLOCK_TIMES = st.builds(time, st.integers(5, 23), st.sampled_from([0, 30]))  # not within an hour that comes twice


def open_s(hours: Hours, start: datetime, end: datetime) -> int:
    """Count the open seconds between two times, a minute at a time."""
    total, at = 0, start
    while at < end:
        local = at.astimezone(hours.zone).time()
        inside = hours.opens <= local < hours.closes
        if hours.opens > hours.closes:
            inside = local >= hours.opens or local < hours.closes
        total += 60 * (inside or hours.opens == hours.closes)
        at += timedelta(minutes=1)
    return total


@given(ZONES, CLOCK_TIMES, CLOCK_TIMES, st.integers(0, 4 * 24 * 60), st.integers(1, 900))
def test_just_as_much_open_time_passes_as_was_given(
    zone: str, opens: time, closes: time, start_min: int, length_min: int
) -> None:
    hours = Hours(ZoneInfo(zone), opens, closes)
    start = datetime(2026, 10, 23, tzinfo=UTC) + timedelta(
        minutes=start_min
    )  # Europe turns its clocks back on the 25th
    end = hours.after(start, timedelta(minutes=length_min))
    assert open_s(hours, start, end) == length_min * 60


def test_the_hour_that_is_repeated_in_autumn_counts() -> None:
    night = Hours(BERLIN, time(1), time(5))
    start = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)  # 1:00 in summer time; 5:00 comes five hours later
    assert night.after(start, timedelta(hours=5)) == datetime(2026, 10, 25, 4, 0, tzinfo=UTC)

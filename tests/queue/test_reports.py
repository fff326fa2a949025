"""Day reports count what happened, on the day on which it happened, and every sum adds up."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Row

from bot.hours import Hours
from bot.store import tables as t
from bot.store.database import Database
from handoff import ownership, people
from handoff.happened import Message, enough, reason_code, report_of
from handoff.reports import Fact, Report, Sort, Standard, as_csv, as_json, bounds, figures, report
from tests.conftest import StandingClock
from tests.queue.stand import ANSWER_S, Stand, a_queue

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
STANDARD = Standard(Hours(SHANGHAI, time(9), time(23)), response_s=180, share_pct=90)
DAY = date(2026, 4, 12)
numbers = count(1)
LONG_AFTER = datetime(2026, 5, 1, tzinfo=UTC)


def at(hour: int, minute: int = 0, second: int = 0, day: date = DAY) -> datetime:
    return datetime.combine(day, time(hour, minute, second), SHANGHAI).astimezone(UTC)


class Past:
    """Writes down what happened, as the code that lets it happen does."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        for name in ("li", "wang"):
            people.add_agent(connection, f"id-{name}", name, name.title(), "agent", at(0))

    def talk(self, name: str, channel: str = "web:shop", kind: str = "private") -> None:
        row = {"id": name, "channel": channel, "chat": name, "chat_kind": kind}
        self.connection.execute(t.conversations.insert().values(row | {"created_at": at(0), "updated_at": at(0)}))

    def says(self, name: str, when: datetime, label: str = "", decision: str | None = "answer", **more: Any) -> None:
        seq = next(numbers)
        row = {"key": f"k{seq}", "conversation_id": name, "seq": seq, "sent_at": when, "received_at": when}
        meaning = {"label": label, "decision": decision, "skill": more.pop("skill", None)}
        self.connection.execute(t.inbox.insert().values(row | {"meaning": meaning} | more))

    def clock(self, name: str, kind: str, begins: datetime, ends: datetime | None = None, **ended: Any) -> None:
        row = {"conversation_id": name, "kind": kind, "started_at": begins, "ended_at": ends}
        self.connection.execute(t.clocks.insert().values(row | ended))

    def wait(self, name: str, begins: datetime, ends: datetime, result: str) -> None:
        row = {"conversation_id": name, "epoch": next(numbers), "began_at": begins, "ended_at": ends, "result": result}
        self.connection.execute(t.waits.insert().values(row | {"place": 1, "slots": 1}))

    def note(self, name: str, when: datetime, kind: str, text: str, author: str = "bot") -> None:
        row = {"conversation_id": name, "author": author, "kind": kind, "text": text, "at": when}
        self.connection.execute(t.notes.insert().values(row))

    def rate(self, name: str, when: datetime, score: int) -> None:
        row = {"conversation_id": name, "epoch": next(numbers), "score": score, "at": when}
        self.connection.execute(t.ratings.insert().values(row))


def a_day(c: Connection) -> None:
    """Three customers of two channels: one handled by Li in time, one by Wang too late, one lost; one for the bot."""
    past = Past(c)
    past.talk("c1")
    past.says("c1", at(10), "returns")
    past.note("c1", at(10, 1), "handoff", "exchange QH1")
    past.wait("c1", at(10, 1), at(10, 2), "taken")
    past.clock("c1", "resolution", at(10, 1), at(10, 31), result="closed", agent_id="id-li")
    past.clock("c1", "first", at(10, 1), at(10, 3), result="answered", agent_id="id-li")
    past.clock("c1", "next", at(10, 10), at(10, 11), result="answered", agent_id="id-li")
    past.rate("c1", at(10, 40), 5)
    past.talk("c2", "telegram:shopbot")
    past.says("c2", at(11), "damaged")
    past.note("c2", at(11), "handoff", "asked")
    past.wait("c2", at(11), at(11, 5), "taken")
    past.clock("c2", "resolution", at(11), at(12), result="bot", agent_id="id-wang")
    past.clock("c2", "first", at(11), at(11, 9), result="answered", agent_id="id-wang")
    past.talk("c3")
    past.says("c3", at(12), "", "clarify")
    past.note("c3", at(12), "handoff", "asked")
    past.wait("c3", at(12), at(12, 10), "bot")
    past.clock("c3", "resolution", at(12), at(12, 10), result="bot")
    past.clock("c3", "first", at(12), at(12, 10), result="bot")
    past.talk("c4")
    past.says("c4", at(13), "shipping")


async def the_report(database: Database, first: date = DAY, last: date = DAY, now: datetime = LONG_AFTER) -> Report:
    return await database.read(lambda c: report_of(c, first, last, STANDARD, now))


async def test_a_day_made_by_hand_is_counted_right(database: Database) -> None:
    await database.write(a_day)
    found = await the_report(database)
    assert asdict(found.total) == {
        "contacts": 4, "automated": 1, "undecided": 0, "automation": 0.25, "handoffs": 3,
        "waits": 3, "wait_median_s": 180, "wait_p90_s": 300, "lost": 1,
        "handled": 2, "first_answers": 2, "first_median_s": 330, "first_p90_s": 540,
        "turns": 4, "in_time": 2, "in_time_share": 0.5,
        "resolution_median_s": 2700, "resolution_p90_s": 3600, "ratings": 1, "score_mean": 5,
    }  # fmt: skip
    assert found.reasons == {"asked": 2, "exchange": 1}
    li, wang = found.by_agent["li"], found.by_agent["wang"]
    assert (li.handled, li.turns, li.in_time_share, li.score_mean) == (1, 2, 1.0, 5)
    assert (wang.handled, wang.turns, wang.in_time_share, wang.first_median_s) == (1, 1, 0.0, 540)
    assert (found.by_agent[""].turns, found.by_agent[""].lost) == (1, 1)
    assert found.by_channel["telegram:shopbot"].handled == 1
    assert {label: one.contacts for label, one in found.by_label.items()} == {
        "": 1,
        "damaged": 1,
        "returns": 1,
        "shipping": 1,
    }
    assert (found.by_label["returns"].handled, found.by_label["returns"].ratings) == (1, 1)


async def test_what_happened_on_other_days_is_not_counted(database: Database) -> None:
    await database.write(a_day)
    for day in (DAY - timedelta(days=1), DAY + timedelta(days=1)):
        found = await the_report(database, day, day)
        assert found.total == figures(())
        assert not found.reasons
    week = await the_report(database, DAY - timedelta(days=3), DAY + timedelta(days=3))
    assert len(week.by_day) == 7
    assert week.by_day[DAY.isoformat()] == week.total == (await the_report(database)).total


async def test_turns_at_night_are_not_held_against_anybody_and_unanswered_ones_are(database: Database) -> None:
    def night(c: Connection) -> None:
        past = Past(c)
        past.talk("c1")
        past.clock("c1", "next", at(2), at(9, 30), result="answered", agent_id="id-li")
        past.clock("c1", "next", at(8, 59, 59), at(9, 30), result="answered", agent_id="id-li")
        past.clock("c1", "next", at(9), at(9, 3), result="answered", agent_id="id-li")
        past.clock("c1", "next", at(22, 59), at(23, 4), result="answered", agent_id="id-li")
        past.clock("c1", "next", at(23), at(23, 30), result="answered", agent_id="id-li")
        past.clock("c1", "next", at(14), at(14, 2), result="closed", agent_id="id-li")
        past.clock("c1", "next", at(15), at(15, 4), result="closed", agent_id="id-li")
        past.clock("c1", "next", at(16))

    await database.write(night)
    total = (await the_report(database, now=at(16, 2))).total
    assert (total.turns, total.in_time) == (3, 1)
    total = (await the_report(database, now=at(16, 4))).total
    assert (total.turns, total.in_time) == (4, 1)


async def test_a_score_belongs_to_whoever_closed_last_before_it(database: Database) -> None:
    def rated(c: Connection) -> None:
        past = Past(c)
        past.talk("c1")
        past.clock("c1", "resolution", at(8), at(9), result="closed", agent_id="id-li")
        past.clock("c1", "resolution", at(10), at(11), result="closed", agent_id="id-wang")
        past.rate("c1", at(9, 30), 2)
        past.rate("c1", at(11, 30), 4)

    await database.write(rated)
    found = await the_report(database)
    assert (found.by_agent["li"].score_mean, found.by_agent["wang"].score_mean) == (2, 4)
    assert found.total.score_mean == 3


async def test_groups_events_and_scores_are_no_contacts(database: Database) -> None:
    def said(c: Connection) -> None:
        past = Past(c)
        past.talk("c1")
        past.talk("g1", kind="group")
        past.says("g1", at(10), "shipping")
        past.says("c1", at(10), event="started")
        past.says("c1", at(11), "", "skill", skill="csat")

    await database.write(said)
    assert (await the_report(database)).total.contacts == 0


async def test_a_contact_that_goes_on_over_midnight_is_of_the_day_on_which_it_began(database: Database) -> None:
    def said(c: Connection) -> None:
        past = Past(c)
        past.talk("c1")
        past.says("c1", at(23, 50), "shipping")
        past.says("c1", at(0, 20, day=DAY + timedelta(days=1)), "shipping")

    await database.write(said)
    assert (await the_report(database)).total.contacts == 1
    assert (await the_report(database, DAY + timedelta(days=1), DAY + timedelta(days=1))).total.contacts == 0


# --- whether the bot was enough ---------------------------------------------------------------------------------------
def run(*said: tuple[int, str, bool]) -> Sequence[Message]:
    return [Message(at(0) + timedelta(minutes=minute), label, helped) for minute, label, helped in said]


HOUR, A_DAY = 60, 24 * 60
ASKED = run((600, "shipping", True))


@pytest.mark.parametrize(
    ("said", "following", "with_human", "good"),
    [
        (ASKED, None, [], True),
        (run((600, "", False), (601, "shipping", True)), None, [], True),
        (run((600, "", False)), None, [], False),
        (ASKED, run((600 + 2 * HOUR, "shipping", True)), [], False),
        (ASKED, run((600 + 2 * HOUR, "", False)), [], False),
        (ASKED, run((600 + 2 * HOUR, "sizing", True)), [], True),
        (ASKED, run((601 + A_DAY, "shipping", True)), [], True),
        (ASKED, None, [(602, 620)], False),
        (ASKED, None, [(599 + A_DAY, 700 + A_DAY)], False),
        (ASKED, None, [(601 + A_DAY, 700 + A_DAY)], True),
        (ASKED, None, [(500, 550)], False),
        (ASKED, None, [(300, 500)], True),
    ],
)
def test_the_bot_was_enough_only_without_a_human_and_without_coming_back(
    said: Sequence[Message], following: Sequence[Message] | None, with_human: list[tuple[int, int]], good: bool
) -> None:
    spans = [(at(0) + timedelta(minutes=since), at(0) + timedelta(minutes=until)) for since, until in with_human]
    assert enough(said, following, spans, LONG_AFTER) is good
    if good:
        assert enough(said, following, spans, said[-1].at + timedelta(hours=23)) is None


# --- days, sums and tables --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 10, 26), 24)]
)
def test_a_day_is_a_day_in_the_shops_zone(day: date, hours: int) -> None:
    begins, ends = bounds(day, day, BERLIN)
    assert ends.astimezone(UTC) - begins.astimezone(UTC) == timedelta(hours=hours)
    assert (begins.astimezone(BERLIN).hour, ends.astimezone(BERLIN).hour) == (0, 0)


async def test_the_hour_that_comes_twice_is_counted_once_and_nothing_falls_between_two_days(database: Database) -> None:
    berlin = Standard(Hours(BERLIN, time(0), time(0)), 180, 90)
    begins = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Berlin, of the day with 25 hours

    def said(c: Connection) -> None:
        past = Past(c)
        past.talk("c1")
        for half in range(51):  # from half an hour before the day to half an hour after its end
            when = begins + timedelta(minutes=30 * (half - 1) + 15)
            past.clock("c1", "next", when, when + timedelta(minutes=1), result="answered", agent_id="id-li")

    await database.write(said)
    first = date(2026, 10, 24)
    found = await database.read(lambda c: report_of(c, first, first + timedelta(days=2), berlin, LONG_AFTER))
    assert [one.turns for one in found.by_day.values()] == [1, 50, 0]
    found = await database.read(lambda c: report_of(c, date(2026, 10, 25), date(2026, 10, 25), berlin, LONG_AFTER))
    assert found.total.turns == 50


FACTS = st.lists(
    st.builds(
        Fact,
        sort=st.sampled_from(Sort),
        at=st.datetimes(datetime(2026, 4, 12), datetime(2026, 4, 13, 15)).map(lambda when: when.replace(tzinfo=UTC)),
        channel=st.sampled_from(["web:shop", "telegram:shopbot"]),
        agent=st.sampled_from(["", "id-li", "id-wang"]),
        label=st.sampled_from(["", "returns", "=cmd()"]),
        seconds=st.floats(0, 1e6),
        good=st.sampled_from([True, False, None]),
        score=st.integers(1, 5),
        reason=st.sampled_from(["asked", "anger"]),
    ),
    max_size=30,
)
COUNTS = ("contacts", "automated", "undecided", "handoffs", "waits", "lost", "handled", "first_answers", "turns",
          "in_time", "ratings")  # fmt: skip


@given(FACTS)
def test_the_figures_of_every_group_add_up_to_the_total(facts: list[Fact]) -> None:
    found = report(facts, DAY, DAY + timedelta(days=2), STANDARD, {"id-li": "li"})
    for group in (found.by_day, found.by_agent, found.by_channel, found.by_label):
        for name in COUNTS:
            assert sum(getattr(one, name) for one in group.values()) == getattr(found.total, name)
    assert sum(found.reasons.values()) == found.total.handoffs
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert {row["group"] for row in rows} <= {"total", "day", "agent", "channel", "label", "reason"}
    assert not any(row["name"].startswith("=") for row in rows)
    assert as_json(found)["total"]["contacts"] == found.total.contacts


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=50))
def test_nine_of_ten_are_done_within_p90(seconds: list[float]) -> None:
    facts = [Fact(Sort.FIRST, at(10), "web:shop", seconds=one) for one in seconds]
    p90 = figures(facts).first_p90_s
    assert p90 is not None
    assert sum(one <= p90 + 0.05 for one in seconds) >= 0.9 * len(seconds)
    assert sum(one < p90 - 0.05 for one in seconds) < 0.9 * len(seconds)


def test_a_reason_is_counted_by_its_code() -> None:
    assert reason_code("exchange QH1") == "exchange"
    assert reason_code("顾客要求人工:换货很急") == "顾客要求人工:换货很急"
    assert reason_code("") == ""


async def test_a_wait_is_one_until_a_human_answers_however_often_the_customer_is_given_out(
    database: Database, clock: StandingClock
) -> None:
    queue = Stand(database, clock)
    for name in ("li", "wang"):
        await queue.agent(name)
    await queue.customer("c1")
    asked_at = clock.now()
    await queue.asks("c1")
    first = await queue.owner("c1")
    await queue.turns("wang" if first == "li" else "li", "off")
    await queue.after(seconds=ANSWER_S)  # who has it does not answer, and nobody else is there
    assert await queue.owner("c1") == first, "it comes back to the only one who is there"
    await queue.after(seconds=10)
    await queue.answers(first, "c1")
    (only,) = await the_waits(database)
    assert (only.began_at, only.ended_at) == (asked_at, asked_at + timedelta(seconds=ANSWER_S))
    day = clock.now().astimezone(SHANGHAI).date()
    found = await the_report(database, day, day, clock.now())
    assert (found.total.waits, found.total.wait_median_s, found.total.lost) == (1, ANSWER_S, 0)
    await queue.after(seconds=1)
    await queue.writes("c1")
    await queue.turns(first, "off")
    assert [(wait.result, wait.ended_at is None) for wait in await the_waits(database)] == [
        ("taken", False),
        ("", True),
    ]


async def test_a_wait_of_another_day_does_not_go_on(database: Database, clock: StandingClock) -> None:
    queue = Stand(database, clock, a_queue(auto=False))
    await queue.agent("li")
    await queue.customer("c1")
    await queue.asks("c1")
    await queue.do(lambda c: ownership.take(c, "c1", "li", clock.now()))
    await queue.do(lambda c: ownership.give_back(c, "c1", "li", "", clock.now()))
    await queue.after(hours=1)
    await queue.asks("c1")
    assert [wait.result for wait in await the_waits(database)] == ["taken", ""]


async def the_waits(database: Database) -> list[Row[Any]]:
    return list(await database.read(lambda c: c.execute(t.waits.select().order_by(t.waits.c.id)).all()))

"""What those who wait are told is true: on made-up days, and read off the tables."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.bench.queue_day import Crew, is_good, simulated
from bot.store.database import Database
from handoff import waits
from handoff.forecast import AT_ONCE_S, BIN_S, Forecast, Wait, forecast
from tests.conftest import StandingClock
from tests.queue.stand import Stand, a_queue

STEADY = [Wait(began_s=0, ended_s=60.0 * n, place=n, slots=10, foretold_s=60.0 * n) for n in range(1, 51)]
"""Ten slots, and one of them gets free every minute: a conversation takes ten minutes."""


def test_on_days_with_two_peaks_what_is_told_is_true_and_nearer_than_the_usual_formula() -> None:
    verdict = simulated(Crew(), days=3, seed=2)
    assert verdict.waits > 1000
    assert is_good(verdict), verdict
    assert verdict.width < 4, "a range that says nothing is easily true"


def test_the_pace_of_the_queue_is_read_off_the_waits() -> None:
    known = forecast(STEADY, [])
    assert known is not None
    assert known.pace_s == pytest.approx(600)
    wait = known.at(20, 10, now_s=0)
    assert wait is not None
    assert wait.from_s < wait.likely_s < wait.to_s
    assert wait.likely_s == pytest.approx(20 * 60, rel=0.05)


def test_with_half_of_the_slots_it_takes_twice_as_long() -> None:
    wide, narrow = Forecast(600).at(9, 10, 0), Forecast(600).at(9, 5, 0)
    assert wide is not None
    assert narrow is not None
    assert narrow.likely_s == pytest.approx(2 * wide.likely_s, rel=0.01)


def test_a_night_between_two_waits_makes_nothing_slower() -> None:
    night_s = 10 * 3600
    after = [Wait(one.began_s + 3600 + night_s, one.ended_s + 3600 + night_s, one.place, one.slots) for one in STEADY]
    all_night = Wait(began_s=3000, ended_s=3600 + night_s, place=1, slots=10)
    known = forecast([*STEADY, all_night, *after], [])
    assert known is not None
    assert known.pace_s == pytest.approx(600, rel=0.05)


def test_who_was_given_at_once_had_no_wait_and_says_nothing_of_the_pace() -> None:
    at_once = [Wait(4000.0 + n, 4000.0 + n + AT_ONCE_S / 2, 1, 10) for n in range(50)]
    assert forecast(at_once, []) is None
    known = forecast([*STEADY, *at_once], [])
    assert known is not None
    assert known.pace_s == pytest.approx(600)


def test_a_crew_that_comes_at_this_time_on_other_days_is_counted_on() -> None:
    noon_s, before_s = 12 * 3600, 12 * 3600 - 600
    crew = {number: 4.0 if number * BIN_S < noon_s else 40.0 for number in range(96)}
    alone, helped = Forecast(600).at(30, 4, before_s), Forecast(600, crew=crew).at(30, 4, before_s)
    assert alone is not None
    assert helped is not None
    assert helped.likely_s < alone.likely_s / 3


def test_errors_of_the_past_widen_the_range() -> None:
    off = tuple((9, error) for error in (0.4, 2.5)) * 50
    true, false = Forecast(600).at(9, 10, 0), Forecast(600, errors=off).at(9, 10, 0)
    assert true is not None
    assert false is not None
    assert false.to_s - false.from_s > 1.5 * (true.to_s - true.from_s)


def test_nothing_is_foretold_of_too_little_or_where_nobody_is() -> None:
    assert forecast(STEADY[:4], [600.0] * 4) is None
    assert Forecast(600).at(1, 0, 0) is None
    known = forecast([], [600.0] * 5)
    assert known is not None
    assert known.pace_s == 600


async def test_the_tables_know_how_long_it_takes(database: Database, clock: StandingClock) -> None:
    stand = Stand(database, clock, a_queue())
    await stand.agent("li", capacity=1)
    for number in range(8):
        await stand.customer(f"c{number}", channel="telegram:shop")
        await stand.asks(f"c{number}")
    for number in range(7):
        name = f"c{number}"
        await stand.answers("li", name)
        for _ in range(10):
            await stand.after(minutes=1)
        await stand.closes("li", name)
    wait = await database.read(lambda c: waits.foretell(c, 3, clock.now()))
    assert wait is not None
    assert wait.from_s < 3 * 600 < wait.to_s
    assert wait.likely_s == pytest.approx(3 * 600, rel=0.2)
    await stand.turns("li", "off")
    assert await database.read(lambda c: waits.foretell(c, 3, clock.now())) is None
    later = clock.now() + timedelta(days=30)
    assert await database.read(lambda c: waits.from_past(c, later)) is not None, "a shop that was shut remembers"

"""Timers: set, moved and cancelled in the caller's transaction; fired once; a failing one ends as a task."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from bot.delivery.signal import Signal
from bot.delivery.timers import Handler, TimerRunner, cancel, set_timer, set_timer_once
from bot.store.database import Database
from bot.store.tables import persons, tasks, timers
from tests.conftest import StandingClock
from tests.delivery.stand import another, rows

HOUR = timedelta(hours=1)


def a_runner(database: Database, clock: StandingClock, **handlers: Handler) -> TimerRunner:
    return TimerRunner(database, clock, handlers, wake=Signal(), fired=Signal())


def make_person(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
    """A handler whose work can be seen: it would fail if it were done twice."""
    connection.execute(persons.insert().values(id=payload["id"], created_at=now))


def fail(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
    make_person(connection, payload, now)
    raise RuntimeError("no paper")


async def fire_all(runner: TimerRunner) -> int:
    fired = 0
    while await runner.fire_next():
        fired += 1
        assert fired < 100, "a timer fires for ever"
    return fired


async def due(database: Database, *items: tuple[str, datetime], kind: str = "person") -> None:
    def work(connection: Connection) -> None:
        for key, at in items:
            set_timer(connection, key, kind, {"id": key}, at)

    await database.write(work)


async def made(database: Database) -> list[str]:
    return [row.id for row in await rows(database, persons)]


async def test_a_timer_fires_when_it_is_due_and_not_before(database: Database, clock: StandingClock) -> None:
    runner = a_runner(database, clock, person=make_person)
    await due(database, ("a", clock.now() + HOUR), ("b", clock.now() + 2 * HOUR))

    assert await fire_all(runner) == 0
    clock.advance(HOUR)
    assert await fire_all(runner) == 1
    assert await made(database) == ["a"]
    assert [row.key for row in await rows(database, timers)] == ["b"]


async def test_timers_fire_in_the_order_in_which_they_are_due(database: Database, clock: StandingClock) -> None:
    order: list[str] = []
    runner = a_runner(database, clock, person=lambda _c, payload, _now: order.append(payload["id"]))
    now = clock.now()
    await due(database, ("late", now), ("early", now - HOUR), ("middle", now - HOUR / 2))

    await fire_all(runner)

    assert order == ["early", "middle", "late"]


async def test_a_timer_that_is_set_again_is_moved(database: Database, clock: StandingClock) -> None:
    runner = a_runner(database, clock, person=make_person)
    await due(database, ("a", clock.now() + HOUR))
    clock.advance(HOUR / 2)
    await due(database, ("a", clock.now() + HOUR))

    clock.advance(HOUR / 2)
    assert await fire_all(runner) == 0
    clock.advance(HOUR / 2)
    assert await fire_all(runner) == 1


@pytest.mark.parametrize(
    ("prefix", "count", "left"),
    [
        ("cart:c-1:", 2, ["cart:C-1:1", "cart:c-10:1", "cart:c_1:1"]),
        ("cart:c_1:", 1, ["cart:C-1:1", "cart:c-10:1", "cart:c-1:1", "cart:c-1:2"]),
        ("cart:%", 0, ["cart:C-1:1", "cart:c-10:1", "cart:c-1:1", "cart:c-1:2", "cart:c_1:1"]),
    ],
)
async def test_timers_are_cancelled_by_the_beginning_of_their_key(
    database: Database, clock: StandingClock, prefix: str, count: int, left: list[str]
) -> None:
    keys = ("cart:C-1:1", "cart:c-10:1", "cart:c-1:1", "cart:c-1:2", "cart:c_1:1")
    await due(database, *((key, clock.now()) for key in keys))

    assert await database.write(lambda c: cancel(c, prefix)) == count
    assert sorted(row.key for row in await rows(database, timers)) == sorted(left)


async def test_a_cancel_that_is_rolled_back_leaves_the_timer(database: Database, clock: StandingClock) -> None:
    def pay_and_fail(connection: Connection) -> None:
        assert cancel(connection, "a") == 1
        set_timer(connection, "b", "person", {"id": "b"}, clock.now())
        raise RuntimeError("the payment failed")

    await due(database, ("a", clock.now()))
    with pytest.raises(RuntimeError, match="the payment failed"):
        await database.write(pay_and_fail)

    assert [row.key for row in await rows(database, timers)] == ["a"]


async def test_two_runners_fire_every_timer_once(database: Database, clock: StandingClock) -> None:
    fired: list[str] = []

    def note_it(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        fired.append(payload["id"])
        make_person(connection, payload, now)

    keys = [f"t{n:02}" for n in range(40)]
    await due(database, *((key, clock.now()) for key in keys))
    async with another(database) as other:
        runners = [a_runner(place, clock, person=note_it) for place in (database, other, database)]
        await asyncio.gather(*(fire_all(runner) for runner in runners))

    assert sorted(fired) == keys
    assert await made(database) == keys
    assert await rows(database, timers) == []
    assert await rows(database, tasks) == []


async def test_a_handler_that_fails_is_tried_five_times_then_becomes_a_task(
    database: Database, clock: StandingClock
) -> None:
    runner = a_runner(database, clock, broken=fail, person=make_person)
    await due(database, ("bad", clock.now() - HOUR), kind="broken")
    await due(database, ("good", clock.now()))

    assert await fire_all(runner) == 2, "the next timer fires although this one failed"
    for pause_s in (5, 10, 20, 40):
        assert await rows(database, tasks) == []
        clock.advance(timedelta(seconds=pause_s - 1))
        assert await fire_all(runner) == 0
        clock.advance(timedelta(seconds=1))
        assert await fire_all(runner) == 1

    (task,) = await rows(database, tasks)
    assert (task.key, task.kind) == ("timer:bad", "timer_failed")
    assert "no paper" in task.text
    assert await rows(database, timers) == []
    assert await made(database) == ["good"], "what a failed try did is rolled back"


async def test_a_timer_without_handler_becomes_a_task(database: Database, clock: StandingClock) -> None:
    runner = a_runner(database, clock)
    await due(database, ("a", clock.now()), kind="forgotten")
    for _ in range(5):
        await fire_all(runner)
        clock.advance(HOUR)
    assert len(await rows(database, tasks)) == 1


async def test_a_failed_timer_that_was_moved_meanwhile_stays_where_it_was_moved(
    database: Database, clock: StandingClock
) -> None:
    loop = asyncio.get_running_loop()
    tomorrow = clock.now() + 24 * HOUR
    moved: list[asyncio.Future[None]] = []

    def fail_while_moved(_connection: Connection, payload: Mapping[str, Any], _now: datetime) -> None:
        # Begun here, but it can only happen after this transaction: the row is ours until then.
        loop.call_soon_threadsafe(lambda: moved.append(asyncio.ensure_future(due(database, (payload["id"], tomorrow)))))
        raise RuntimeError("no paper")

    runner = a_runner(database, clock, person=fail_while_moved)
    await due(database, ("a", clock.now()))
    await runner.fire_next()
    await asyncio.gather(*moved)

    (timer,) = await rows(database, timers)
    assert (timer.due_at, timer.attempts) == (tomorrow, 0)


async def test_a_timer_set_at_the_moment_it_fires_is_not_lost(database: Database, clock: StandingClock) -> None:
    later = clock.now() + HOUR
    for n in range(20):
        key = f"t{n}"
        await due(database, (key, clock.now()))
        runner = a_runner(database, clock, person=make_person)
        await asyncio.gather(runner.fire_next(), due(database, (key, later)), due(database, (key, later)))

        assert [row.due_at for row in await rows(database, timers, timers.c.key == key)] == [later]


async def test_the_loop_goes_on_after_the_database_failed(database: Database, clock: StandingClock) -> None:
    async def rename(old: str, new: str) -> None:
        await database.write(lambda c: c.execute(text(f"ALTER TABLE {old} RENAME TO {new}")))

    await due(database, ("a", clock.now()))
    await rename("timers", "away")
    runner = a_runner(database, clock, person=make_person)
    task = asyncio.create_task(runner.run())
    await asyncio.sleep(0.2)
    await rename("away", "timers")
    async with asyncio.timeout(10):
        while not await made(database):
            runner.wake.notify()
            assert not task.done(), f"the loop ended: {task}"
            await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_urgent_timer_goes_before_many_that_are_due_longer(database: Database, clock: StandingClock) -> None:
    order: list[str] = []

    def note(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        order.append(payload["id"])

    handlers = {"person": note, "sale": note}
    runner = TimerRunner(database, clock, handlers, wake=Signal(), fired=Signal(), urgent=("sale",))
    await due(database, *((f"t{number}", clock.now() - HOUR) for number in range(3)))
    await due(database, ("holds", clock.now()), kind="sale")
    await due(database, ("later", clock.now() + HOUR), kind="sale")

    assert await fire_all(runner) == 4
    assert order == ["holds", "t0", "t1", "t2"]


async def test_after_a_silent_timer_nobody_looks_for_something_to_send(
    database: Database, clock: StandingClock
) -> None:
    runner = TimerRunner(
        database, clock, {"person": make_person}, wake=Signal(), fired=Signal(), silent=("person",), passed=Signal()
    )
    await due(database, ("a", clock.now()))

    assert await fire_all(runner) == 1
    assert (runner.fired.count, runner.passed.count) == (0, 1)


async def test_the_loop_fires_what_is_due_and_then_at_its_time_what_is_not(
    database: Database, clock: StandingClock
) -> None:
    runner = a_runner(database, clock, person=make_person)
    await due(database, ("a", clock.now()), ("b", clock.now()), ("c", clock.now() + timedelta(seconds=0.5)))
    task = asyncio.create_task(runner.run())
    async with asyncio.timeout(10):
        while runner.fired.count < 2:
            await runner.fired.wait(runner.fired.count, 1)
        assert await made(database) == ["a", "b"]
        clock.advance(HOUR)  # nobody wakes the loop: it looks by itself
        while runner.fired.count < 3:
            await runner.fired.wait(runner.fired.count, 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await made(database) == ["a", "b", "c"]


async def test_a_timer_that_is_found_set_does_not_fire_before_what_found_it_is_stored(
    database: Database, clock: StandingClock
) -> None:
    await due(database, ("a", clock.now()))
    found = threading.Event()
    seen: list[str] = []

    def comes(connection: Connection) -> None:
        set_timer_once(connection, "a", "person", {}, clock.now() + HOUR)
        connection.execute(persons.insert().values(id="newcomer", created_at=clock.now()))
        found.set()
        time.sleep(0.2)

    def look(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        seen.extend(connection.execute(select(persons.c.id)).scalars())

    async with another(database) as second:
        coming = asyncio.create_task(database.write(comes))
        await asyncio.to_thread(found.wait)
        assert await a_runner(second, clock, person=look).fire_next()
        await coming
    assert seen == ["newcomer"]

"""Several processes on one PostgreSQL: they wake each other, and who met a deadlock tries again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Connection, text

from bot.delivery import bell
from bot.delivery.bell import ring_and_listen
from bot.delivery.signal import Signal
from bot.store.database import Database
from bot.store.tables import persons
from tests.conftest import StandingClock
from tests.delivery.stand import another, rows

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@asynccontextmanager
async def process(database: Database, name: str) -> AsyncIterator[tuple[Signal, Signal]]:
    """Let a process ring and listen. Gives its two signals."""
    signals = Signal(), Signal()
    task = asyncio.create_task(ring_and_listen(database.url, name, signals))
    try:
        yield signals
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(ready: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None) -> None:
    async with asyncio.timeout(20):
        while not ready():
            meanwhile()
            await asyncio.sleep(0.02)


async def test_what_one_process_did_wakes_the_other_and_not_itself(database: Database) -> None:
    async with another(database) as place, process(database, "a") as mine, process(place, "b") as theirs:
        await until(lambda: theirs[0].count > 0, mine[0].notify)
        await asyncio.sleep(0.1)

        assert mine[0].count == mine[0].own, "it heard itself"
        assert theirs[0].own == theirs[1].own == 0
        assert theirs[1].count > 0, "a ring says only: look for yourselves"
        answered = mine[0].count
        theirs[1].notify()
        await until(lambda: mine[0].count > answered)


async def test_many_changes_in_a_moment_ring_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "PAUSE_S", 0.1)
    async with process(database, "a") as mine, process(database, "b") as theirs:
        await until(lambda: theirs[0].count > 0, mine[0].notify)
        await asyncio.sleep(0.2)
        before = theirs[0].count
        for _ in range(100):
            mine[0].notify()
        await until(lambda: theirs[0].count > before)
        await asyncio.sleep(0.2)
        assert theirs[0].count - before <= 2


async def test_a_bell_whose_connection_was_cut_rings_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "COME_BACK_S", 0.05)
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'"
    async with process(database, "a") as mine, process(database, "b") as theirs:
        await until(lambda: theirs[0].count > 0, mine[0].notify)
        in_this_database = f"{cut} AND datname = current_database()"
        assert await database.write(lambda c: c.execute(text(in_this_database)).scalar_one()) == 2
        before = theirs[0].count
        await until(lambda: theirs[0].count > before, mine[0].notify)


async def test_two_jobs_that_wait_for_each_other_both_get_through(database: Database, clock: StandingClock) -> None:
    people = [{"id": key, "created_at": clock.now()} for key in ("a", "b")]
    await database.write(lambda c: c.execute(persons.insert(), people))
    both_hold_one, tries = threading.Barrier(2), []

    def rename(first: str, second: str) -> Callable[[Connection], None]:
        def job(connection: Connection) -> None:
            connection.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
            tries.append(first)
            connection.execute(persons.update().where(persons.c.id == first).values(name=first))
            if len(tries) <= 2:
                both_hold_one.wait(5)
            connection.execute(persons.update().where(persons.c.id == second).values(language=first))

        return job

    await asyncio.gather(database.write(rename("a", "b")), database.write(rename("b", "a")))

    assert len(tries) == 3, "one of them was tried again"
    assert [row.name for row in await rows(database, persons)] == ["a", "b"]

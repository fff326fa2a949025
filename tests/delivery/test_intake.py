"""The intake: messages that come together are stored together, and one bad one hurts nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot.clock import IdMaker
from bot.delivery import intake
from bot.delivery.intake import Intake
from bot.messages import Inbound
from bot.store.database import Database, Job, T
from bot.store.tables import inbox
from tests.conftest import StandingClock
from tests.delivery.stand import SENT_AT, rows, said


@pytest.fixture
def taken(database: Database, clock: StandingClock, new_id: IdMaker) -> Intake:
    return Intake(database, clock, new_id)


@pytest.fixture
def commits(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every transaction that is asked for from now on."""
    asked: list[object] = []
    write = Database.write

    async def count(self: Database, job: Job[T]) -> T:
        asked.append(job)
        return await write(self, job)

    monkeypatch.setattr(Database, "write", count)
    return asked


NAIVE = said(1, chat="bad", sent_at=SENT_AT.replace(tzinfo=None))


async def keys(database: Database) -> list[str]:
    return [row.key for row in await rows(database, inbox)]


async def test_who_is_told_that_a_message_is_stored_can_read_it(database: Database, taken: Intake) -> None:
    await taken.receive([said(1)])
    assert await keys(database) == [said(1).key]


async def test_messages_that_come_while_others_are_stored_wait_for_one_commit_together(
    database: Database, taken: Intake, commits: list[object]
) -> None:
    await asyncio.gather(*(taken.receive([said(n)]) for n in range(1, 101)))

    assert await keys(database) == [said(n).key for n in range(1, 101)], "in the order in which they came"
    assert len(commits) <= 2


async def test_a_batch_holds_only_so_many(
    database: Database, taken: Intake, commits: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_AT_ONCE", 10)
    await asyncio.gather(*(taken.receive([said(n), said(n + 100)]) for n in range(20)))

    assert len(await keys(database)) == 40
    assert len(commits) == 4


async def test_more_than_a_batch_at_once_is_still_stored(
    database: Database, taken: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_AT_ONCE", 10)
    await taken.receive([said(n) for n in range(25)])
    assert len(await keys(database)) == 25


async def test_one_that_cannot_be_stored_is_refused_alone(database: Database, taken: Intake) -> None:
    calls: list[Sequence[Inbound]] = [[said(1)], [NAIVE], [said(2), said(3)]]

    results = await asyncio.gather(*(taken.receive(messages) for messages in calls), return_exceptions=True)

    assert [result is None for result in results] == [True, False, True]
    assert await keys(database) == [said(n).key for n in (1, 2, 3)]
    await taken.receive([said(4)])
    assert len(await keys(database)) == 4


async def test_a_caller_that_goes_away_takes_nothing_along(database: Database, taken: Intake) -> None:
    waiting = [asyncio.create_task(taken.receive([said(n)])) for n in range(1, 6)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert len(await keys(database)) == 5, "the platform was not told, and delivers it again; it has its key"

"""The intake: messages that come together are stored together, and one bad one hurts nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

from bot.clock import IdMaker
from bot.delivery import intake
from bot.delivery.intake import Intake
from bot.messages import Inbound
from bot.store.database import Database, Job, T
from bot.store.tables import inbox, tasks
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
SURROGATE = said(2, chat="bad", text="\ud800")


def refused() -> float:
    labels = {"channel": NAIVE.chat.channel}
    return REGISTRY.get_sample_value("zhanggui_messages_unstorable_total", labels) or 0.0


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


async def test_one_that_can_never_be_stored_is_refused_alone_among_those_of_its_call(
    database: Database, taken: Intake
) -> None:
    before = refused()
    calls: list[Sequence[Inbound]] = [[said(1)], [said(2), NAIVE, said(3), SURROGATE], [said(4)]]

    await asyncio.gather(*(taken.receive(messages) for messages in calls))

    assert await keys(database) == [said(n).key for n in (1, 2, 3, 4)], "each caller goes on"
    assert refused() == before + 2
    [task] = await rows(database, tasks)
    assert task.kind == "alert" and NAIVE.chat.channel in task.text and "Error" in task.text
    await taken.receive([said(5)])
    assert len(await keys(database)) == 5


@pytest.mark.parametrize("away", [OperationalError, InterfaceError, ProgrammingError])
async def test_a_database_that_is_away_or_out_of_date_refuses_nothing(
    database: Database, taken: Intake, monkeypatch: pytest.MonkeyPatch, away: type[DBAPIError]
) -> None:
    def fail(*_: object) -> None:
        raise away("select 1", {}, Exception("gone"))

    with monkeypatch.context() as now_away:
        now_away.setattr(intake, "store", fail)
        with pytest.raises(away):
            await taken.receive([said(1), said(2)])
    assert await rows(database, tasks) == []
    await taken.receive([said(1), said(2)])
    assert len(await keys(database)) == 2, "delivered again"


async def test_a_caller_that_goes_away_takes_nothing_along(database: Database, taken: Intake) -> None:
    waiting = [asyncio.create_task(taken.receive([said(n)])) for n in range(1, 6)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert len(await keys(database)) == 5, "the platform was not told, and delivers it again; it has its key"

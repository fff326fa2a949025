"""Leases: one process at a time, the next one soon after it died; and the facts that processes share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.clock import IdMaker, SystemClock
from bot.delivery.host import ChannelHost
from bot.delivery.intake import Intake
from bot.delivery.leases import Leases, give_up, take
from bot.delivery.signal import Signal
from bot.messages import Report, SendStatus
from bot.store.database import Database
from bot.store.tables import channel_facts, inbox, leases, tasks
from tests.conftest import StandingClock
from tests.delivery.stand import another, rows, said

SHORT_S = 0.6


async def takes(database: Database, clock: StandingClock, holder: str) -> bool:
    return await database.write(lambda c: take(c, "send", holder, clock.now(), 15))


async def test_a_lease_has_one_holder_until_it_is_over(database: Database, clock: StandingClock) -> None:
    assert await takes(database, clock, "a")
    clock.advance(timedelta(seconds=14))
    assert not await takes(database, clock, "b")
    assert await takes(database, clock, "a"), "who has it may prolong it"
    clock.advance(timedelta(seconds=14))
    assert not await takes(database, clock, "b")
    clock.advance(timedelta(seconds=1))
    assert await takes(database, clock, "b")
    assert not await takes(database, clock, "a")


async def test_only_the_holder_can_give_a_lease_up(database: Database, clock: StandingClock) -> None:
    await takes(database, clock, "a")
    await database.write(lambda c: give_up(c, "send", "b"))
    assert not await takes(database, clock, "b")
    await database.write(lambda c: give_up(c, "send", "a"))
    assert await takes(database, clock, "b")


async def test_of_many_who_ask_at_once_one_gets_it(database: Database, clock: StandingClock) -> None:
    async with another(database) as other:
        asked = [takes((database, other)[n % 2], clock, f"h{n}") for n in range(16)]
        assert sum(await asyncio.gather(*asked)) == 1


class Work:
    """Work that only one may do at a time; notes who does it."""

    def __init__(self) -> None:
        self.at_work: list[str] = []
        self.done_by: list[str] = []

    def of(self, name: str) -> Callable[[], object]:
        async def work() -> None:
            assert not self.at_work, f"{name} began while {self.at_work} was at it"
            self.at_work.append(name)
            self.done_by.append(name)
            try:
                await asyncio.Event().wait()
            finally:
                self.at_work.remove(name)

        return work

    async def until(self, *names: str) -> None:
        async with asyncio.timeout(10):
            while self.at_work != list(names):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def worker(
    database: Database, new_id: IdMaker, work: Work, name: str, lease_s: float = SHORT_S
) -> AsyncIterator[asyncio.Task[None]]:
    held = Leases(database, SystemClock(), new_id, lease_s)
    task = asyncio.create_task(held.while_held("send", work.of(name)))  # type: ignore[arg-type]
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_second_process_takes_over_when_the_first_one_stops(database: Database, new_id: IdMaker) -> None:
    work = Work()
    async with another(database) as other, worker(other, new_id, work, "b", 3) as b:
        await work.until("b")
        async with worker(database, new_id, work, "a", 3):
            await asyncio.sleep(0.2)
            assert work.at_work == ["b"]
            b.cancel()
            await work.until("a")
    assert work.done_by == ["b", "a"]


async def test_a_process_that_dies_is_followed_when_its_lease_is_over(database: Database, new_id: IdMaker) -> None:
    work, clock = Work(), SystemClock()
    died_at = time.monotonic()
    await database.write(lambda c: take(c, "send", "dead", clock.now(), SHORT_S))
    async with worker(database, new_id, work, "a"):
        await work.until("a")
    assert time.monotonic() - died_at >= SHORT_S - 0.01


async def test_who_finds_that_another_has_the_lease_stops_at_once(database: Database, new_id: IdMaker) -> None:
    work, clock = Work(), SystemClock()
    async with worker(database, new_id, work, "a"):
        await work.until("a")
        lost = leases.update().values(holder="thief", until=clock.now() + timedelta(hours=1))
        await database.write(lambda c: c.execute(lost))
        await work.until()
        await asyncio.sleep(SHORT_S / 2)
        assert work.at_work == []


async def test_who_cannot_reach_the_database_stops_before_the_lease_is_over(
    database: Database, new_id: IdMaker
) -> None:
    async def rename(old: str, new: str) -> None:
        await database.write(lambda c: c.execute(text(f"ALTER TABLE {old} RENAME TO {new}")))

    work = Work()
    async with worker(database, new_id, work, "a"):
        await work.until("a")
        await rename("leases", "away")
        async with asyncio.timeout(SHORT_S):
            await work.until()
        await rename("away", "leases")
        await work.until("a")


async def test_work_that_fails_is_begun_again(database: Database, new_id: IdMaker) -> None:
    tries: list[int] = []

    async def fails() -> None:
        tries.append(1)
        raise RuntimeError("broken")

    held = Leases(database, SystemClock(), new_id, SHORT_S / 3)
    task = asyncio.create_task(held.while_held("send", fails))
    async with asyncio.timeout(10):
        while len(tries) < 2:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# --- what connectors ask of the shop ---------------------------------------------------------------------------------
def a_host(database: Database, clock: StandingClock, new_id: IdMaker, channel: str = "wechat:gh") -> ChannelHost:
    intake = Intake(database, clock, new_id)
    return ChannelHost(
        channel, database, clock, intake, Leases(database, clock, new_id), arrived=Signal(), changes=Signal()
    )


async def test_a_fact_is_there_for_every_process_of_its_channel_and_for_no_other(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    async with another(database) as place:
        here, there = a_host(database, clock, new_id), a_host(place, clock, new_id)
        other = a_host(database, clock, new_id, "wechat:other")
        assert await here.recall("token") == ""
        await here.keep("token", "1")
        await there.keep("token", "2")
        assert [await host.recall("token") for host in (here, there, other)] == ["2", "2", ""]
        await there.keep("token", "")
        assert await here.recall("token") == ""
    assert await rows(database, channel_facts) == []


async def test_one_process_at_a_time_is_alone(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    inside: list[int] = []

    async def go_in(host: ChannelHost, number: int) -> None:
        async with host.alone("token"):
            inside.append(number)
            assert len(inside) == 1
            await asyncio.sleep(0.01)
            inside.remove(number)

    async with another(database) as place:
        hosts = a_host(database, clock, new_id), a_host(place, clock, new_id)
        await asyncio.gather(*(go_in(hosts[n % 2], n) for n in range(6)))


async def test_what_a_connector_receives_is_stored_and_wakes_the_loops(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    host = a_host(database, clock, new_id, "web:shop")
    await host.receive([said(1)])
    assert [row.key for row in await rows(database, inbox)] == [said(1).key]
    assert host.arrived.count == 1
    before = host.changes.count
    await host.report([Report("web:shop", "m1", SendStatus.SENT)])
    assert host.changes.count == before + 1


async def test_an_alert_is_one_task_until_it_is_done_and_happens_again(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    host = a_host(database, clock, new_id)
    for words in ("the secret is wrong", "the secret is still wrong"):
        await host.alert("secret", words)
    (task,) = await rows(database, tasks)
    assert (task.kind, task.text, task.done) == ("alert", "the secret is wrong", False)

    await database.write(lambda c: c.execute(tasks.update().values(done=True)))
    await host.alert("secret", "the secret is wrong again")
    (task,) = await rows(database, tasks)
    assert (task.text, task.done) == ("the secret is wrong again", False)


@pytest.mark.parametrize("channel", ["wechat:gh", "wechat:other"])
async def test_alerts_of_two_channels_are_two_tasks(
    database: Database, clock: StandingClock, new_id: IdMaker, channel: str
) -> None:
    await a_host(database, clock, new_id).alert("secret", "wrong")
    await a_host(database, clock, new_id, channel).alert("secret", "wrong")
    assert len(await rows(database, tasks)) == (1 if channel == "wechat:gh" else 2)

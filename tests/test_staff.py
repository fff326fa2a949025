"""The staff are told in their group what needs them, each thing once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select

import bot.staff as staff_module
from bot.clock import IdMaker
from bot.delivery.signal import Signal
from bot.delivery.tasks import alert
from bot.messages import Receipt, SendStatus
from bot.staff import News, Told, news_since, tell_staff, words
from bot.store.database import Database, Job, T
from bot.store.tables import clocks, conversations
from tests.conftest import StandingClock
from tests.host import RecordingHost


class Group:
    """A robot whose group the test reads."""

    def __init__(self, *answers: SendStatus) -> None:
        self.heard: list[str] = []
        self.answers = list(answers)
        self.stopped = False

    async def say(self, text: str) -> Receipt:
        self.heard.append(text)
        return Receipt(self.answers.pop(0) if self.answers else SendStatus.SENT)

    async def stop(self) -> None:
        self.stopped = True


async def until(done: object, within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not done():  # type: ignore[operator]
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff_module, "PAUSE_S", 0.01)
    monkeypatch.setattr(staff_module, "LOOK_EVERY_S", 0.05)


async def test_a_new_task_and_a_waiting_customer_are_told_once(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    group, wake = Group(), Signal()
    telling = asyncio.create_task(tell_staff(database, clock, RecordingHost(), [group], "en", wake))
    await database.write(lambda c: alert(c, "k", "The token is refused", clock.now()))
    later = clock.now() + timedelta(seconds=1)
    talk = {"id": new_id(), "channel": "web:shop", "chat": "u1", "owner": "queue", "queued_at": later}
    times = {"created_at": clock.now(), "updated_at": clock.now()}
    await database.write(lambda c: c.execute(insert(conversations).values(**talk, **times)))
    clock.advance(timedelta(seconds=2))
    wake.notify()

    await until(lambda: len(" · ".join(group.heard).split(" · ")) >= 2)
    await asyncio.sleep(0.15)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)

    told = sorted(" · ".join(group.heard).split(" · "))
    assert told == ["new tasks: 1", "waiting for a human: 1"]
    assert group.stopped


async def test_what_the_robot_did_not_take_is_told_again(database: Database, clock: StandingClock) -> None:
    group = Group(SendStatus.TRANSIENT)
    await database.write(lambda c: alert(c, "k", "The token is refused", clock.now()))
    telling = asyncio.create_task(tell_staff(database, clock, RecordingHost(), [group], "zh", Signal()))

    await until(lambda: len(group.heard) == 2)
    await asyncio.sleep(0.15)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)

    assert group.heard == ["1 个新任务"] * 2


@asynccontextmanager
async def telling(database: Database, clock: StandingClock, host: RecordingHost, *groups: Group) -> AsyncIterator[None]:
    """Tell `groups` while the block runs."""
    task = asyncio.create_task(tell_staff(database, clock, host, groups, "en", Signal()))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def queue(database: Database, new_id: IdMaker, at: datetime) -> None:
    talk = {"id": new_id(), "channel": "web:shop", "chat": new_id(), "owner": "queue", "queued_at": at}
    await database.write(lambda c: c.execute(insert(conversations).values(**talk, created_at=at, updated_at=at)))


async def test_a_dead_robot_does_not_make_the_other_repeat_itself(database: Database, clock: StandingClock) -> None:
    dead, living = Group(*[SendStatus.REFUSED] * 1000), Group()
    await database.write(lambda c: alert(c, "k", "The token is refused", clock.now()))
    async with telling(database, clock, RecordingHost(), dead, living):
        await until(lambda: len(dead.heard) >= 3)
    assert living.heard == ["new tasks: 1"]


async def test_what_may_have_come_through_is_not_told_again(database: Database, clock: StandingClock) -> None:
    group = Group(SendStatus.UNSURE)
    await database.write(lambda c: alert(c, "k", "The token is refused", clock.now()))
    async with telling(database, clock, RecordingHost(), group):
        await until(lambda: bool(group.heard))
        await asyncio.sleep(0.15)
    assert group.heard == ["new tasks: 1"]


async def test_who_queues_while_the_staff_are_being_told_is_told_next(
    database: Database, clock: StandingClock, new_id: IdMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(lambda c: alert(c, "k", "The token is refused", clock.now()))
    read, group, someone_came = Database.read, Group(), False

    async def read_slowly(self: Database, job: Job[T]) -> T:
        nonlocal someone_came
        result = await read(self, job)
        if not someone_came:
            someone_came = True
            await queue(database, new_id, clock.now() + timedelta(seconds=1))
            clock.advance(timedelta(seconds=2))
        return result

    monkeypatch.setattr(Database, "read", read_slowly)
    async with telling(database, clock, RecordingHost(), group):
        await until(lambda: len(group.heard) >= 2)
    assert group.heard == ["new tasks: 1", "waiting for a human: 1"]


async def test_who_queued_while_nobody_told_is_told_by_the_next_process_and_the_rest_is_not(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    host, first, second = RecordingHost(), Group(), Group()
    await database.write(lambda c: alert(c, "k", "The token is refused", clock.now()))
    async with telling(database, clock, host, first):
        await until(lambda: bool(first.heard))
        await asyncio.sleep(0.05)
    await queue(database, new_id, clock.now() + timedelta(seconds=1))
    clock.advance(timedelta(minutes=1))
    async with telling(database, clock, host, second):
        await until(lambda: bool(second.heard))
    assert (first.heard, second.heard) == (["new tasks: 1"], ["waiting for a human: 1"])


async def test_who_is_not_answered_in_time_is_told_while_they_still_wait(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await queue(database, new_id, clock.now() - timedelta(minutes=5))
    talk_id = await database.read(lambda c: c.execute(select(conversations.c.id)).scalar_one())
    late = {"conversation_id": talk_id, "kind": "first", "started_at": clock.now(), "late_at": clock.now()}
    answered = {**late, "ended_at": clock.now(), "result": "answered"}
    started, now = Told(0, clock.now() - timedelta(seconds=1)), clock.now()
    for row in (answered, late):
        await database.write(lambda c, row=row: c.execute(clocks.insert().values(row)))  # type: ignore[misc]
    news = await database.read(lambda c: news_since(c, started, now))
    assert words(news, "en") == "conversations overdue for an answer: 1"
    news = await database.read(lambda c: news_since(c, Told(0, now), now))
    assert words(news, "en") == ""


def test_no_news_are_no_words() -> None:
    assert words(News(0, 0, 7), "en") == ""

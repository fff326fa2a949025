"""Tells the shop's own people, in their group, what needs them: customers who wait and tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy import Connection, func, select

from bot.clock import Clock
from bot.connector import Host
from bot.delivery.signal import Signal
from bot.messages import Receipt, SendStatus
from bot.store.database import Database
from bot.store.tables import conversations, tasks

PAUSE_S = 5.0
"""Below the 20 messages a minute that a robot may send; what happens meanwhile is told together."""
LOOK_EVERY_S = 30.0
HEARD = (SendStatus.SENT, SendStatus.UNSURE)
"""What nobody knows the fate of counts as told: a group that hears the same again and again stops to listen."""
WORDS = {
    "zh": ("{queued} 位客户在等人工", "{tasks} 个新任务"),
    "en": ("waiting for a human: {queued}", "new tasks: {tasks}"),
}
log = structlog.get_logger()


class Robot(Protocol):
    """Speaks in one group of the staff."""

    async def say(self, text: str) -> Receipt: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Told:
    """How far a group was told.

    Attributes:
        newest_task: id of the newest task that it knows.
        at: it knows of everybody who queued until then; aware UTC.
    """

    newest_task: int
    at: datetime


@dataclass(frozen=True, slots=True)
class News:
    """What happened since the staff were told last.

    Attributes:
        newest_task: id of the newest task, told or not.
    """

    queued: int
    tasks: int
    newest_task: int


def news_since(connection: Connection, told: Told, now: datetime) -> News:
    """Return how many customers queued after `told.at`, until `now`, and how many tasks are new to the group."""
    waiting = (
        conversations.c.owner == "queue",
        conversations.c.queued_at > told.at,
        conversations.c.queued_at <= now,  # who queues during this look is in the next one, and only there
    )
    open_tasks = select(func.count(), func.max(tasks.c.id)).where(
        tasks.c.id > told.newest_task, tasks.c.done.is_(False)
    )
    count, newest = connection.execute(open_tasks).one()
    queued = connection.execute(select(func.count()).select_from(conversations).where(*waiting)).scalar_one()
    return News(queued, count, newest or told.newest_task)


def words(news: News, language: str) -> str:
    """Return the news as the staff read it, empty if there is none."""
    waiting, new_tasks = WORDS[language]
    parts = [waiting.format(queued=news.queued)] if news.queued else []
    parts += [new_tasks.format(tasks=news.tasks)] if news.tasks else []
    return " · ".join(parts)


async def tell_staff(
    database: Database, clock: Clock, host: Host, robots: Sequence[Robot], language: str, wake: Signal
) -> None:
    """Tell every robot's group what is new, for ever. `host` keeps how far that got with each of them."""
    try:
        async with asyncio.TaskGroup() as groups:
            for number, robot in enumerate(robots):
                teller = _Teller(database, clock, host, robot, f"told-{number}", language)
                groups.create_task(teller.run(wake))
    finally:
        for robot in robots:
            await robot.stop()


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells one group. `fact` is the name under which `host` keeps how far that got."""

    database: Database
    clock: Clock
    host: Host
    robot: Robot
    fact: str
    language: str

    async def run(self, wake: Signal) -> None:
        while True:
            seen = wake.count
            try:
                await self._tell()
            except Exception:  # the database is away for a moment; the loop looks again
                log.exception("staff_not_told")
            await asyncio.sleep(PAUSE_S)
            await wake.wait(seen, LOOK_EVERY_S)

    async def _tell(self) -> None:
        now = self.clock.now()
        told = await self._told(now)
        news = await self.database.read(lambda c: news_since(c, told, now))
        if not (text := words(news, self.language)):
            return
        receipt = await self.robot.say(text)
        if receipt.status in HEARD:
            await self._keep(Told(news.newest_task, now))

    async def _told(self, now: datetime) -> Told:
        kept = await self.host.recall(self.fact)
        if kept:
            newest_task, _, at = kept.partition(" ")
            return Told(int(newest_task), datetime.fromisoformat(at))
        first = Told(0, now)
        await self._keep(first)
        return first

    async def _keep(self, told: Told) -> None:
        await self.host.keep(self.fact, f"{told.newest_task} {told.at.isoformat()}")

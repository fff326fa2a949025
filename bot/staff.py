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
from bot.delivery.complaints import LATE, SOON
from bot.delivery.signal import Signal
from bot.messages import Receipt, SendStatus
from bot.store.database import Database
from bot.store.tables import clocks, conversations, tasks

PAUSE_S = 5.0
"""Below the 20 messages a minute that a robot may send; what happens meanwhile is told together."""
LOOK_EVERY_S = 30.0
HEARD = (SendStatus.SENT, SendStatus.UNSURE)
"""What nobody knows the fate of counts as told: a group that hears the same again and again stops to listen."""
WORDS = {
    "zh": (
        "{queued} 位客户在等人工",
        "{tasks} 个新任务",
        "{soon} 件投诉快到时限",
        "{late} 件投诉已超时限",
        "{overdue} 个会话超时未答复",
    ),
    "en": (
        "waiting for a human: {queued}",
        "new tasks: {tasks}",
        "complaints nearly out of time: {soon}",
        "complaints out of time: {late}",
        "conversations overdue for an answer: {overdue}",
    ),
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
        soon, late: complaints whose time is nearly or wholly over; not among `tasks`.
        overdue: clocks of conversations that ran out since, and whose customer still waits.
    """

    queued: int
    tasks: int
    newest_task: int
    soon: int = 0
    late: int = 0
    overdue: int = 0


def news_since(connection: Connection, told: Told, now: datetime) -> News:
    """Return how many customers queued after `told.at`, until `now`, and how many tasks are new to the group."""
    waiting = (
        conversations.c.owner == "queue",
        conversations.c.queued_at > told.at,
        conversations.c.queued_at <= now,  # who queues during this look is in the next one, and only there
    )
    new = tasks.c.id > told.newest_task, tasks.c.done.is_(False)
    by_kind = select(tasks.c.kind, func.count(), func.max(tasks.c.id)).where(*new).group_by(tasks.c.kind)
    counts = {kind: (count, last) for kind, count, last in connection.execute(by_kind)}
    newest = max((last for _, last in counts.values()), default=told.newest_task)
    soon, late = (counts.pop(kind, (0, 0))[0] for kind in (SOON, LATE))
    queued = connection.execute(select(func.count()).select_from(conversations).where(*waiting)).scalar_one()
    ran_out = clocks.c.ended_at.is_(None), clocks.c.late_at > told.at, clocks.c.late_at <= now
    overdue = connection.execute(select(func.count()).select_from(clocks).where(*ran_out)).scalar_one()
    return News(queued, sum(count for count, _ in counts.values()), newest, soon, late, overdue)


def words(news: News, language: str) -> str:
    """Return the news as the staff read it, empty if there is none."""
    counts = {"queued": news.queued, "tasks": news.tasks, "soon": news.soon, "late": news.late, "overdue": news.overdue}
    said = zip(WORDS[language], counts.values(), strict=True)
    return " · ".join(template.format(**counts) for template, count in said if count)


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

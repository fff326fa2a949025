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
TOLD = "told"
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
class News:
    """What happened since the staff were told last.

    Attributes:
        newest_task: id of the newest task, told or not.
    """

    queued: int
    tasks: int
    newest_task: int


def news_since(connection: Connection, last_task: int, told_at: datetime) -> News:
    """Return how many customers joined the queue after `told_at` and how many tasks came after `last_task`."""
    waiting = conversations.c.owner == "queue", conversations.c.queued_at > told_at
    open_tasks = select(func.count(), func.max(tasks.c.id)).where(tasks.c.id > last_task, tasks.c.done.is_(False))
    count, newest = connection.execute(open_tasks).one()
    queued = connection.execute(select(func.count()).select_from(conversations).where(*waiting)).scalar_one()
    return News(queued, count, newest or last_task)


def words(news: News, language: str) -> str:
    """Return the news as the staff read it, empty if there is none."""
    waiting, new_tasks = WORDS[language]
    parts = [waiting.format(queued=news.queued)] if news.queued else []
    parts += [new_tasks.format(tasks=news.tasks)] if news.tasks else []
    return " · ".join(parts)


async def tell_staff(
    database: Database, clock: Clock, host: Host, robots: Sequence[Robot], language: str, wake: Signal
) -> None:
    """Tell every robot's group what is new, for ever. `host` keeps how far that got."""
    told_at = clock.now()
    try:
        while True:
            seen = wake.count
            try:
                last = int(await host.recall(TOLD) or 0)
                news = await database.read(lambda c, last=last, at=told_at: news_since(c, last, at))  # type: ignore[misc]
                if text := words(news, language):
                    now = clock.now()
                    receipts = [await robot.say(text) for robot in robots]
                    if all(receipt.status is SendStatus.SENT for receipt in receipts):
                        told_at = now
                        await host.keep(TOLD, str(news.newest_task))
            except Exception:  # the database is away for a moment; the loop looks again
                log.exception("staff_not_told")
            await asyncio.sleep(PAUSE_S)
            await wake.wait(seen, LOOK_EVERY_S)
    finally:
        for robot in robots:
            await robot.stop()

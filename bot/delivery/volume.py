"""What customers ask for most: counted from the messages that are stored anyway, never in a turn."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, delete, func, insert, select

from bot.clock import Clock
from bot.store.database import Database
from bot.store.tables import inbox, label_counts

COUNT_EVERY_S = 600.0
DAYS = 14
"""How many days count, today included."""
ENOUGH = 50
"""Below so many requests in these days their order says little: the operator's order stands alone."""
MOST = 20
DECIDED = ("answer", "skill", "handoff")
log = structlog.get_logger()


def count_day(connection: Connection, day: date, zone: ZoneInfo) -> dict[str, int]:
    """Return how often each label was acted on, on a day in the shop's zone. A tap on a choice does not count."""
    label, decision = inbox.c.meaning["label"].as_string(), inbox.c.meaning["decision"].as_string()
    start = datetime.combine(day, time(), zone)
    rows = connection.execute(
        select(label, func.count())
        .where(inbox.c.received_at >= start, inbox.c.received_at < start + timedelta(days=1))
        .where(inbox.c.choice.is_(None), decision.in_(DECIDED), label != "")
        .group_by(label)
    )
    return {name: count for name, count in rows if name}


def keep_counts(connection: Connection, day: date, counts: dict[str, int]) -> None:
    """Store the counts of a day in place of what was counted of it before."""
    connection.execute(delete(label_counts).where(label_counts.c.day == day))
    if counts:
        connection.execute(insert(label_counts), [{"day": day, "label": k, "count": v} for k, v in counts.items()])


def most_asked(connection: Connection, today: date) -> tuple[str, ...]:
    """Return the labels of the last days, the one asked most in front; none while there were too few."""
    total = func.sum(label_counts.c.count)
    since = label_counts.c.day > today - timedelta(days=DAYS)
    query = select(label_counts.c.label, total).where(since).group_by(label_counts.c.label)
    rows = connection.execute(query.order_by(total.desc(), label_counts.c.label)).all()
    enough = sum(count for _, count in rows) >= ENOUGH
    return tuple(label for label, _ in rows[:MOST]) if enough else ()


@dataclass(slots=True)
class Volume:
    """Counts every ten minutes, and holds what came of it for the turns of this process."""

    database: Database
    clock: Clock
    zone: ZoneInfo
    _labels: tuple[str, ...] = field(default=())

    def popular(self) -> tuple[str, ...]:
        return self._labels

    async def count(self) -> None:
        """Count for ever what was said today and yesterday. One process does it for all."""
        while True:
            await self.count_once()
            await asyncio.sleep(COUNT_EVERY_S)

    async def look(self) -> None:
        """Look for ever at what was counted, in every process that answers."""
        while True:
            await self.look_once()
            await asyncio.sleep(COUNT_EVERY_S)

    async def count_once(self) -> None:
        for day in (self._today() - timedelta(days=1), self._today()):
            try:
                counts = await self.database.read(lambda c, d=day: count_day(c, d, self.zone))  # type: ignore[misc]
                await self.database.write(lambda c, d=day, n=counts: keep_counts(c, d, n))  # type: ignore[misc]
            except Exception:  # the database is away; the next time it counts both days anew
                log.exception("counting_interrupted")

    async def look_once(self) -> None:
        try:
            self._labels = await self.database.read(lambda c: most_asked(c, self._today()))
        except Exception:  # the database is away; what was known goes on
            log.exception("counts_not_read")

    def _today(self) -> date:
        return self.clock.now().astimezone(self.zone).date()

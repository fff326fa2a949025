"""A campaign to very many people: how soon it lies in the outbox, and how near to its limits the platform is served."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, text

from bot.bench.broadcast_run import TEXTS, Plan, broadcast
from bot.bench.broadcast_worker import CHANNEL
from bot.bench.crowd import AT_ONCE, gather
from bot.bench.turns import peak_mb
from bot.campaigns.broadcast import Broadcast, expand
from bot.clock import SystemClock
from bot.messages import Source
from bot.store.database import Database
from bot.voice import Spoken

TARGETS = {
    "expanded_s": "≤ 60 for 1,000,000",
    "of_allowed": "≥ 0.99",
    "twice": "0",
    "refused": "0",
    "missing": "0",
    "unanswered": "0",
    "reply_most_ms": "≤ 1000",
}


@dataclass(frozen=True, slots=True)
class Expanded:
    """What came of the expansion.

    Attributes:
        recipients: conversations of the channel; `rows` in the outbox, without those who said no.
        outbox_mb: what they take on disk, with their indexes; on SQLite all of the file.
        longest_ms: of the longest chunk: so long may others wait for the database.
        before_mb, peak_mb: the most memory that this process had before and after.
    """

    recipients: int
    rows: int
    expanded_s: float
    rows_per_s: float
    outbox_mb: float
    longest_ms: float
    before_mb: float
    peak_mb: float


async def measure(plan: Plan, folder: Path, recipients: int) -> tuple[dict[str, Any], bool]:
    """Measure on the empty database of the plan. Return all figures, and whether nothing went wrong."""
    database = Database(plan.url)
    try:
        expanded = await expansion(database, recipients)
    finally:
        database.close()
    verdict = await broadcast(plan, folder)
    return {name: _rounded(value) for name, value in (asdict(expanded) | asdict(verdict)).items()}, verdict.holds


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value


async def expansion(database: Database, recipients: int) -> Expanded:
    """Make the people, then write the campaign for all of them."""
    now = SystemClock().now()
    for first in range(0, recipients, AT_ONCE):
        count = min(AT_ONCE, recipients - first)
        await database.write(lambda c, first=first, count=count: gather(c, CHANNEL, first, count, now))  # type: ignore[misc]
    await asyncio.to_thread(_know_the_tables, database.url)
    words = {language: Spoken(words, (), (Source("bench", "1"),)) for language, words in TEXTS.items()}
    broadcast = Broadcast("bench", CHANNEL, words)
    before_mb, began = peak_mb(), time.perf_counter()
    rows, longest_s, after = 0, 0.0, ""
    while True:
        at = time.perf_counter()
        chunk = await database.write(lambda c, after=after: expand(c, broadcast, after, now))  # type: ignore[misc]
        longest_s = max(longest_s, time.perf_counter() - at)
        rows += chunk.stored
        if chunk.after is None:
            break
        after = chunk.after
    took_s = time.perf_counter() - began
    size_mb = await database.read(_outbox_mb)
    return Expanded(recipients, rows, took_s, rows / took_s, size_mb, 1000 * longest_s, before_mb, peak_mb())


def _know_the_tables(url: str) -> None:
    """Let the database count its tables, as a server does by itself now and then."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()


def _outbox_mb(connection: Connection) -> float:
    if connection.dialect.name == "sqlite":
        pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    else:
        pages = "SELECT pg_total_relation_size('outbox')"
    return int(connection.execute(text(pages)).scalar_one()) / 1e6

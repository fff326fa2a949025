"""Fetches what customers sent as files: platforms keep them for a few days only."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, select, update

from bot.clock import Clock
from bot.connector import MediaSource
from bot.delivery.signal import Signal
from bot.messages import File
from bot.store.database import AnyRow, Database
from bot.store.tables import media

LOOK_EVERY_S = 5.0
MAX_ATTEMPTS = 8
MAX_BYTES = 20 * 1024 * 1024
log = structlog.get_logger()


async def fetch_media(
    database: Database, clock: Clock, source: MediaSource, channel: str, wake: Signal, done: Signal
) -> None:
    """Fetch the files of one channel, for ever."""
    while True:
        seen = wake.count
        try:
            while await fetch_next(database, clock, source, channel):
                done.notify()
        except Exception:  # the database is away for a moment; the loop looks again
            log.exception("media_interrupted", channel=channel)
        await wake.wait(seen, LOOK_EVERY_S)


async def fetch_next(database: Database, clock: Clock, source: MediaSource, channel: str) -> bool:
    """Fetch the next file; return False if none waits."""
    now = clock.now()
    row = await database.read(lambda c: _next(c, channel, now))
    if row is None:
        return False
    try:
        file = await source.fetch(row.ref)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 (whatever a platform does, the next file has its turn)
        log.warning("media_not_fetched", channel=channel, error=type(error).__name__)
        await database.write(lambda c: _later(c, row, now))
        return True
    await database.write(lambda c: _keep(c, row, file))
    return True


def _next(connection: Connection, channel: str, now: datetime) -> AnyRow | None:
    waits = media.c.channel == channel, media.c.status == "new", media.c.not_before <= now
    query = select(media.c.id, media.c.ref, media.c.attempts).where(*waits).order_by(media.c.not_before).limit(1)
    return connection.execute(query).one_or_none()


def _later(connection: Connection, row: AnyRow, now: datetime) -> None:
    lost = row.attempts + 1 >= MAX_ATTEMPTS
    values = {"attempts": row.attempts + 1, "not_before": now + timedelta(seconds=5 * 4**row.attempts)}
    connection.execute(update(media).where(media.c.id == row.id).values(**values, status="lost" if lost else "new"))


def _keep(connection: Connection, row: AnyRow, file: File | None) -> None:
    values: dict[str, object] = {"status": "lost"}
    if file is not None and len(file.body) <= MAX_BYTES:
        values = {"status": "kept", "body": file.body, "mime": file.mime[:100], "name": file.name[:200]}
    connection.execute(update(media).where(media.c.id == row.id).values(**values))

"""Wakes the other processes on one PostgreSQL: something happened, look for yourselves.

A ring says nothing more and may be lost: every loop also looks by itself. It is never part of a turn's transaction,
and many changes within a moment ring once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import structlog

from bot.delivery.signal import Signal

CHANNEL = "zhanggui"
PAUSE_S = 0.02
COME_BACK_S = 2.0
log = structlog.get_logger()


async def ring_and_listen(url: str, me: str, signals: Sequence[Signal]) -> None:
    """Pass wake-ups between the processes on the database at `url`, for ever.

    Args:
        me: the id of this process, so that it does not hear itself.
    """
    address = url.replace("+psycopg", "")
    while True:
        try:
            async with (
                await psycopg.AsyncConnection.connect(address, autocommit=True) as hears,
                await psycopg.AsyncConnection.connect(address, autocommit=True) as rings,
            ):
                await hears.execute(f"LISTEN {CHANNEL}")
                async with asyncio.TaskGroup() as both:
                    both.create_task(_listen(hears, me, signals))
                    both.create_task(_ring(rings, me, signals))
        except* (psycopg.Error, OSError) as errors:
            log.warning("bell_silent", error=type(errors.exceptions[0]).__name__)
        await asyncio.sleep(COME_BACK_S)


async def _listen(connection: psycopg.AsyncConnection, me: str, signals: Sequence[Signal]) -> None:
    async for ring in connection.notifies():
        if ring.payload != me:
            for signal in signals:
                signal.notify(heard=True)


async def _ring(connection: psycopg.AsyncConnection, me: str, signals: Sequence[Signal]) -> None:
    told = [signal.own for signal in signals]
    while True:
        seen = [signal.count for signal in signals]
        if (now := [signal.own for signal in signals]) != told:
            told = now
            await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, me))
            await asyncio.sleep(PAUSE_S)
            continue
        waits = [asyncio.ensure_future(signal.wait(count, 10.0)) for signal, count in zip(signals, seen, strict=True)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

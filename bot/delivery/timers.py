"""Things that happen later: set and cancelled inside any transaction, fired once, each in a transaction of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, delete, func, select, update

from bot.clock import Clock
from bot.delivery.outgoing import add_task
from bot.delivery.signal import Signal
from bot.store.database import Database
from bot.store.insert import insert_once, insert_or_lock
from bot.store.tables import timers

Handler = Callable[[Connection, Mapping[str, Any], datetime], None]
MAX_ATTEMPTS = 5
LOOK_EVERY_S = 5.0
SHORTEST_REST_S = 0.01
log = structlog.get_logger()


def set_timer(connection: Connection, key: str, kind: str, payload: Mapping[str, Any], due_at: datetime) -> None:
    """Set the timer `key`, moving it if it is set already."""
    row = {"key": key, "kind": kind, "payload": dict(payload), "due_at": due_at}
    if insert_once(connection, timers, row):
        return
    moved = connection.execute(update(timers).where(timers.c.key == key).values(**row, attempts=0)).rowcount
    if not moved:  # it fired between the two statements
        insert_once(connection, timers, row)


def set_timer_once(connection: Connection, key: str, kind: str, payload: Mapping[str, Any], due_at: datetime) -> None:
    """Set the timer `key`, unless it is set already: then it stays as it is, and fires after this transaction."""
    row = {"key": key, "kind": kind, "payload": dict(payload), "due_at": due_at}
    insert_or_lock(connection, timers, row, "key")


def cancel(connection: Connection, key_prefix: str) -> int:
    """Cancel every timer whose key begins with `key_prefix`. Return how many there were."""
    # Not LIKE: it is blind to case on SQLite, and `c-1` must not cancel the timers of `C-1`.
    starts_so = func.substr(timers.c.key, 1, len(key_prefix)) == key_prefix
    return connection.execute(delete(timers).where(starts_so)).rowcount


@dataclass(slots=True)
class TimerRunner:
    """Fires due timers. A handler that fails is tried again later; after five times it becomes a task for a human."""

    database: Database
    clock: Clock
    handlers: Mapping[str, Handler]
    wake: Signal
    """Wakes this loop (the clock was moved)."""
    fired: Signal
    """Told after every timer: something may be in the outbox."""
    urgent: Collection[str] = ()
    """Kinds that go before all others: what many wait for must not wait behind what is told to each."""

    async def run(self) -> None:
        while True:
            seen = self.wake.count
            rest_s = LOOK_EVERY_S
            try:
                while await self.fire_next():
                    self.fired.notify()
                if (next_at := await self.database.read(_next_at)) is not None:
                    rest_s = max(SHORTEST_REST_S, min(rest_s, (next_at - self.clock.now()).total_seconds()))
            except Exception:  # the database is away for a moment; the loop looks again
                log.exception("timers_interrupted")
            await self.wake.wait(seen, rest_s)

    async def fire_next(self) -> bool:
        """Fire the timer that is due longest; return False if none is."""
        now = self.clock.now()
        key = await self.database.read(lambda c: _next_due(c, now, self.urgent))
        if key is None:
            return False
        try:
            await self.database.write(lambda c: self._fire(c, key, now))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whatever a handler raises must not stop the other timers
            log.exception("timer_failed", timer=key)
            reason = f"{type(error).__name__}: {error}"
            await self.database.write(lambda c: _postpone(c, key, now, reason))
        return True

    def _fire(self, connection: Connection, key: str, now: datetime) -> None:
        row = connection.execute(_SET, {"key": key}).one_or_none()
        if row is None or row.due_at > now:
            return  # cancelled or moved while we looked
        connection.execute(_FIRED, {"id": row.id})
        self.handlers[row.kind](connection, row.payload, now)


# Made once, as every clock of a customer's wait begins with a timer.
_SET = select(timers).where(timers.c.key == bindparam("key")).with_for_update()
_FIRED = delete(timers).where(timers.c.id == bindparam("id"))


def _next_due(connection: Connection, now: datetime, urgent: Collection[str]) -> str | None:
    due = select(timers.c.key).where(timers.c.due_at <= now).order_by(timers.c.due_at, timers.c.id).limit(1)
    if not urgent:
        return connection.execute(due).scalar()
    first = due.where(timers.c.kind.in_(urgent)).scalar_subquery()
    return connection.execute(select(func.coalesce(first, due.scalar_subquery()))).scalar()


def _next_at(connection: Connection) -> datetime | None:
    return connection.execute(select(func.min(timers.c.due_at))).scalar()


def _postpone(connection: Connection, key: str, now: datetime, reason: str) -> None:
    row = connection.execute(_SET, {"key": key}).one_or_none()
    if row is None or row.due_at > now:
        return  # cancelled, moved, or postponed by another runner
    if row.attempts + 1 >= MAX_ATTEMPTS:
        connection.execute(delete(timers).where(timers.c.id == row.id))
        text = f"The timer {key} failed {MAX_ATTEMPTS} times: {reason}"
        task = {"key": f"timer:{key}", "kind": "timer_failed", "text": text, "created_at": now}
        add_task(connection, task, now)
        return
    later = now + timedelta(seconds=5 * 2**row.attempts)
    connection.execute(update(timers).where(timers.c.id == row.id).values(attempts=row.attempts + 1, due_at=later))

"""Things that happen later: set and cancelled inside any transaction, fired once, each in a transaction of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, delete, func, select, update

from bot.clock import Clock
from bot.delivery.outgoing import add_task
from bot.delivery.signal import Signal
from bot.store.database import AnyRow, Database
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
    """Told after a timer: something may be in the outbox."""
    urgent: Collection[str] = ()
    """Kinds that go before all others: what many wait for must not wait behind what is told to each."""
    silent: Collection[str] = ()
    """Kinds that put nothing into the outbox."""
    passed: Signal = field(default_factory=Signal)
    """Told instead of `fired` after a silent one: a page may show it."""

    async def run(self) -> None:
        while True:
            seen, rest_s = self.wake.count, LOOK_EVERY_S
            try:
                rest_s = await self._fire_or_rest()
            except Exception:  # the database is away for a moment; the loop looks again
                log.exception("timers_interrupted")
            await self.wake.wait(seen, rest_s)

    async def fire_next(self) -> bool:
        """Fire the timer that is due longest; return False if none is."""
        return await self._fire_or_rest() == 0

    async def _fire_or_rest(self) -> float:
        """Fire the timer that is due longest. Return 0, or if none is due for how many seconds to rest."""
        now = self.clock.now()
        found = await self.database.read(lambda c: _next(c, now, self.urgent))
        if found is None:
            return LOOK_EVERY_S
        if found.due_at > now:
            until_then: timedelta = found.due_at - now
            return min(LOOK_EVERY_S, max(SHORTEST_REST_S, until_then.total_seconds()))
        try:
            await self.database.write(lambda c: self._fire(c, found.key, now))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whatever a handler raises must not stop the other timers
            log.exception("timer_failed", timer=found.key)
            reason = f"{type(error).__name__}: {error}"
            await self.database.write(lambda c: _postpone(c, found.key, now, reason))
        (self.passed if found.kind in self.silent else self.fired).notify()
        return 0

    def _fire(self, connection: Connection, key: str, now: datetime) -> None:
        row = connection.execute(_SET, {"key": key}).one_or_none()
        if row is None or row.due_at > now:
            return  # cancelled or moved while we looked
        connection.execute(_FIRED, {"id": row.id})
        self.handlers[row.kind](connection, row.payload, now)


# Made once, as every clock of a customer's wait begins with a timer.
_SET = select(timers).where(timers.c.key == bindparam("key")).with_for_update()
_FIRED = delete(timers).where(timers.c.id == bindparam("id"))
_NEXT = select(timers.c.key, timers.c.kind, timers.c.due_at).order_by(timers.c.due_at, timers.c.id).limit(1)
_URGENT = _NEXT.where(
    timers.c.kind.in_(bindparam("kinds", expanding=True)),
    timers.c.due_at <= bindparam("by", type_=timers.c.due_at.type),
)


def _next(connection: Connection, now: datetime, urgent: Collection[str]) -> AnyRow | None:
    """Return the timer that comes first, due or not."""
    found = connection.execute(_NEXT).first()
    if found is None or found.due_at > now or not urgent:
        return found
    return connection.execute(_URGENT, {"kinds": list(urgent), "by": now}).first() or found


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

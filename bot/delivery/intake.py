"""Takes messages from the connectors and stores those that come at the same time in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from bot.clock import Clock, IdMaker
from bot.delivery import tasks
from bot.delivery.inbox import store
from bot.messages import Inbound
from bot.store.database import Database

MAX_AT_ONCE = 256
TOO_LARGE = "54"
"""PostgreSQL, class 54, program limit exceeded: the driver reports it as if the database were away."""
UNSTORABLE = Counter("zhanggui_messages_unstorable_total", "Messages that no database takes.", ("channel",))
log = structlog.get_logger()


@dataclass(slots=True)
class Intake:
    """While one batch is being stored the next gathers: the busier it is, the fewer commits a message costs."""

    database: Database
    clock: Clock
    new_id: IdMaker
    _waiting: list[tuple[Sequence[Inbound], asyncio.Future[None]]] = field(default_factory=list)
    _storing: asyncio.Task[None] | None = None

    async def receive(self, messages: Sequence[Inbound]) -> None:
        """Return once `messages` are on disk. One that no database takes is refused, counted, and told as a task.

        Raises:
            SQLAlchemyError: they are not; the platform has to deliver them again.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((messages, done))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_waiting())
        await done

    async def _store_waiting(self) -> None:
        while self._waiting:
            batch = self._take()
            try:
                await self._write([message for messages, _ in batch for message in messages])
            except Exception:  # one of them cannot be stored: the others must not suffer
                log.exception("batch_not_stored", messages=len(batch))
                await self._one_by_one(batch)
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    def _take(self) -> list[tuple[Sequence[Inbound], asyncio.Future[None]]]:
        batch: list[tuple[Sequence[Inbound], asyncio.Future[None]]] = []
        count = 0
        while self._waiting and (not batch or count + len(self._waiting[0][0]) <= MAX_AT_ONCE):
            batch.append(self._waiting.pop(0))
            count += len(batch[-1][0])
        return batch

    async def _one_by_one(self, batch: Sequence[tuple[Sequence[Inbound], asyncio.Future[None]]]) -> None:
        for messages, done in batch:
            try:
                await self._write_or_refuse(messages)
            except Exception as error:  # noqa: BLE001 (whatever it is, its caller must not acknowledge)
                if not done.done():
                    done.set_exception(error)

    async def _write_or_refuse(self, messages: Sequence[Inbound]) -> None:
        """Store `messages` together or, if one of them can never be stored, each by itself, and refuse that one."""
        try:
            await self._write(messages)
        except Exception as error:
            if not _never_storable(error):
                raise
            if len(messages) == 1:
                await self._refuse(messages[0].chat.channel, type(error).__name__)
                return
            for message in messages:
                await self._write_or_refuse([message])

    async def _refuse(self, channel: str, kind: str) -> None:
        UNSTORABLE.labels(channel=channel).inc()
        now, text = self.clock.now(), f"{channel}: a message cannot be stored ({kind}) and was refused. See the log."
        await self.database.write(lambda c: tasks.alert(c, f"{channel}:not_storable", text, now))

    async def _write(self, messages: Sequence[Inbound]) -> None:
        now = self.clock.now()
        await self.database.write(lambda c: store(c, messages, now, self.new_id))


def _never_storable(error: Exception) -> bool:
    """Return whether `error` lies in what a message says, and not in a database that is away or out of date."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return isinstance(error, (DataError, IntegrityError)) or state.startswith(TOO_LARGE)
    # Raised before the database was asked: a naive time, a lone surrogate, a number beyond 64 bits.
    return isinstance(error, (StatementError, UnicodeError, OverflowError))

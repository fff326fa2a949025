"""What only one process may do at a time: whoever has the lease does it, and loses it soon after it dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, delete, or_, update

from bot.clock import Clock, IdMaker
from bot.store.database import Database
from bot.store.insert import insert_once
from bot.store.tables import leases

LEASE_S = 15.0
ASK_AGAIN_S = 0.05
log = structlog.get_logger()


def take(connection: Connection, name: str, holder: str, now: datetime, for_s: float) -> bool:
    """Take or prolong the lease `name`. Return False if another holder has it."""
    until = now + timedelta(seconds=for_s)
    free = or_(leases.c.holder == holder, leases.c.until <= now)
    taken = connection.execute(
        update(leases).where(leases.c.name == name, free).values(holder=holder, until=until)
    ).rowcount
    return taken == 1 or insert_once(connection, leases, {"name": name, "holder": holder, "until": until})


def give_up(connection: Connection, name: str, holder: str) -> None:
    """End a lease before its time."""
    connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))


@dataclass(frozen=True, slots=True)
class Leases:
    """Leases of one process."""

    database: Database
    clock: Clock
    new_id: IdMaker
    lease_s: float = LEASE_S

    async def while_held(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` whenever this process has the lease, for ever; cancel it when the lease is lost.

        A holder that cannot reach the database stops before its lease is over, so that two never work at once.
        """
        holder = self.new_id()
        try:
            while True:
                asked_at = asyncio.get_running_loop().time()
                if await self._take(name, holder):
                    log.info("lease_taken", lease=name)
                    await self._work(name, holder, work, asked_at)
                    log.info("lease_lost", lease=name)
                await asyncio.sleep(self.lease_s / 3)
        finally:
            with suppress(Exception):  # it ends by itself
                await self.database.write(lambda c: give_up(c, name, holder))

    async def _work(self, name: str, holder: str, work: Callable[[], Awaitable[None]], held_at: float) -> None:
        working = asyncio.ensure_future(work())
        time = asyncio.get_running_loop().time
        try:
            while time() < held_at + self.lease_s / 2:  # the next look and its answer take a sixth each
                await asyncio.wait([working], timeout=self.lease_s / 6)
                if working.done():
                    working.result()  # it never ends by itself: raise what ended it
                    return
                asked_at = time()
                if held := await self._take(name, holder):
                    held_at = asked_at
                elif held is False:
                    return
        except Exception:
            log.exception("leased_work_failed", lease=name)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _take(self, name: str, holder: str) -> bool | None:
        """Return whether this process has the lease now, None if the database does not answer."""
        try:
            async with asyncio.timeout(self.lease_s / 6):
                return await self.database.write(lambda c: take(c, name, holder, self.clock.now(), self.lease_s))
        except Exception as error:  # noqa: BLE001 (whatever is the matter, nobody else can have it before its time)
            log.warning("lease_not_renewed", lease=name, error=type(error).__name__)
            return None

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """Let one caller at a time in, over all processes, for `lease_s` seconds at most."""
        holder = self.new_id()
        while not await self.database.write(  # noqa: ASYNC110 (another process has it: nothing in this one can tell)
            lambda c: take(c, name, holder, self.clock.now(), self.lease_s)
        ):
            await asyncio.sleep(ASK_AGAIN_S)
        try:
            yield
        finally:
            await self.database.write(lambda c: give_up(c, name, holder))

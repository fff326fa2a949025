"""Keeps the copy of a remote shop fresh: changes every few minutes, everything once a night, and how old it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection, delete, func, select, update

from bot.clock import Clock
from bot.delivery.signal import Signal
from bot.delivery.tasks import alert
from bot.shop.mirror import Copied, copy, hide_products, leave_untold, missing_products
from bot.shop.platform import Kind, Platform, PlatformDown, PlatformRefuses, Told
from bot.store.database import AnyRow, Database
from bot.store.insert import insert_once
from bot.store.tables import platform_state, untold

LOOK_EVERY_S = 180.0
"""Seconds between two looks for changes; webhooks tell most of them at once."""
SHORTEST_REST_S = 10.0
OVERLAP = timedelta(minutes=5)
"""Changes are asked for from so long before the last look: clocks differ, and what is written may be dated before."""
RECONCILED_FROM = time(3)
"""In the shop's zone."""
MISSED = Counter("zhanggui_shop_missed_total", "Changes of the shop that only the nightly reconciliation found.")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sync:
    """Asks the shop's system what changed. One process does it at a time."""

    database: Database
    clock: Clock
    platform: Platform
    zone: ZoneInfo
    changed: Signal
    """Told when something was news."""

    async def run(self) -> None:
        while True:
            rest_s = LOOK_EVERY_S
            try:
                await self.look()
            except PlatformDown as error:
                rest_s = max(SHORTEST_REST_S, error.retry_after_s)
            except PlatformRefuses:
                rest_s = LOOK_EVERY_S
            except Exception:  # the database is away, or the adapter has a fault: the next look is another try
                log.exception("shop_sync_interrupted")
            await asyncio.sleep(rest_s)

    async def look(self) -> Copied:
        """Ask for what changed since the last look, or for everything if it is time for that. Return what was news.

        Raises:
            PlatformDown, PlatformRefuses: as the platform does; noted before.
        """
        began_at = self.clock.now()
        state = await self.database.read(self._state)
        try:
            if state is None or state.cursor_at is None or self._is_due(state.reconciled_at, began_at):
                found = await self._reconcile(first=state is None or state.cursor_at is None)
                noted = {"cursor_at": began_at, "reconciled_at": began_at}
            else:
                found, _ = await self._copy_changes(state.cursor_at - OVERLAP)
                noted = {"cursor_at": began_at}
            found += await self._read_missing()
        except PlatformDown:
            await self._note(down_since=began_at if state is None or state.down_since is None else state.down_since)
            raise
        except PlatformRefuses as error:
            why = str(error)
            await self._note(down_since=began_at if state is None or state.down_since is None else state.down_since)
            await self.database.write(lambda c: alert(c, f"shop:{self.platform.name}", why, began_at))
            raise
        await self.database.write(lambda c: leave_untold(c, self.clock.now()))
        await self._note(**noted, told_at=self.clock.now(), down_since=None)
        return found

    def _is_due(self, reconciled_at: datetime | None, now: datetime) -> bool:
        """Return whether a night has begun since everything was compared."""
        local = now.astimezone(self.zone)
        night = datetime.combine(local.date(), RECONCILED_FROM, self.zone)
        night = night if night <= local else night - timedelta(days=1)
        return reconciled_at is None or reconciled_at < night

    async def _reconcile(self, first: bool) -> Copied:
        """Compare everything. What is news then was missed, but for the first time."""
        began_at = self.clock.now()
        found, products = await self._copy_changes(None)
        missing = await self.database.read(lambda c: missing_products(c, products, began_at))
        if missing:  # a product that moved from one page to the next while all was read is not gone
            again, seen = await self._copy_changes(None)
            found += again
            found += await self.database.write(lambda c: hide_products(c, missing - seen))
        if not first:
            MISSED.inc(found.news)
        log.info("shop_reconciled", platform=self.platform.name, news=found.news, kept=found.kept, first=first)
        return found

    async def _copy_changes(self, since: datetime | None) -> tuple[Copied, set[str]]:
        """Copy all pages. Return what was news, and the ids of the products that were told."""
        found, products = Copied(), set[str]()
        async for page in self.platform.changes(since):
            products |= {told.id for told in page if told.kind is Kind.PRODUCT and told.body is not None}
            found += await self.take(page)
        return found, products

    async def take(self, told: Sequence[Told]) -> Copied:
        """Copy what was told."""
        found = await self.database.write(lambda c: copy(c, told, self.clock.now()))
        if found.news:
            self.changed.notify()
        return found

    async def _read_missing(self) -> Copied:
        """Read orders again that named something unknown: their customer comes along."""
        # Any fifty: those that never fit must not stand in the way of the others.
        numbers = select(untold.c.id).where(untold.c.kind == Kind.ORDER.value).order_by(func.random()).limit(50)
        found = Copied()
        for number in await self.database.read(lambda c: c.execute(numbers).scalars().all()):
            found += await self.take(await self.platform.order(number))
        return found

    def _state(self, connection: Connection) -> AnyRow | None:
        mine = select(platform_state).where(platform_state.c.name == self.platform.name)
        return connection.execute(mine).one_or_none()

    async def _note(self, **values: Any) -> None:
        await self.database.write(lambda c: note(c, self.platform.name, **values))


def note(connection: Connection, platform: str, **values: Any) -> None:
    """Note how fresh the copy is. What was noted of another platform goes."""
    connection.execute(delete(platform_state).where(platform_state.c.name != platform))
    if not insert_once(connection, platform_state, {"name": platform, **values}):
        connection.execute(update(platform_state).where(platform_state.c.name == platform).values(values))


def forget_platform(connection: Connection) -> None:
    """Forget how old the copy is: from now on it is the shop itself."""
    connection.execute(delete(platform_state))

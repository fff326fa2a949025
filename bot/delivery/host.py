"""The shop as connectors see it: `bot.connector.Host` over the database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bot.clock import Clock
from bot.delivery import kept, tasks
from bot.delivery.intake import Intake
from bot.delivery.leases import Leases
from bot.delivery.receipts import apply_reports
from bot.delivery.signal import Signal
from bot.messages import Inbound, Report
from bot.store.database import Database


@dataclass(frozen=True, slots=True)
class ChannelHost:
    """The host of one channel in this process."""

    channel: str
    database: Database
    clock: Clock
    intake: Intake
    leases: Leases
    arrived: Signal
    changes: Signal

    async def receive(self, messages: Sequence[Inbound]) -> None:
        await self.intake.receive(messages)
        self.arrived.notify()

    async def report(self, reports: Sequence[Report]) -> None:
        now = self.clock.now()
        await self.database.write(lambda c: apply_reports(c, reports, now))
        self.changes.notify()

    async def alert(self, key: str, text: str) -> None:
        now = self.clock.now()
        await self.database.write(lambda c: tasks.alert(c, f"{self.channel}:{key}", text, now))
        self.changes.notify()

    async def recall(self, name: str) -> str:
        return await self.database.read(lambda c: kept.recall(c, self.channel, name))

    async def keep(self, name: str, value: str) -> None:
        now = self.clock.now()
        await self.database.write(lambda c: kept.keep(c, self.channel, name, value, now))

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        return self.leases.alone(f"{self.channel}:{name}")

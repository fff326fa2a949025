"""The shop as connectors see it: `bot.connector.Host` over the database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from bot.clock import Clock
from bot.delivery import tasks
from bot.delivery.intake import Intake
from bot.delivery.leases import Leases
from bot.delivery.receipts import apply_reports
from bot.delivery.signal import Signal
from bot.messages import Inbound, Report
from bot.store.database import Database
from bot.store.insert import insert_once
from bot.store.tables import channel_facts


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
        of_fact = channel_facts.c.channel == self.channel, channel_facts.c.name == name
        kept = select(channel_facts.c.value).where(*of_fact)
        return await self.database.read(lambda c: c.execute(kept).scalar() or "")

    async def keep(self, name: str, value: str) -> None:
        now = self.clock.now()
        await self.database.write(lambda c: _keep(c, self.channel, name, value, now))

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        return self.leases.alone(f"{self.channel}:{name}")


def _keep(connection: Connection, channel: str, name: str, value: str, now: datetime) -> None:
    of_fact = channel_facts.c.channel == channel, channel_facts.c.name == name
    if not value:
        connection.execute(delete(channel_facts).where(*of_fact))
        return
    row = {"channel": channel, "name": name, "value": value, "kept_at": now}
    if not insert_once(connection, channel_facts, row):
        connection.execute(update(channel_facts).where(*of_fact).values(value=value, kept_at=now))

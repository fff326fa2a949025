"""A shop that only remembers what a connector told it: enough to test the connector itself."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot.messages import Inbound, Report


class RecordingHost:
    """`bot.connector.Host` in memory. `refuse` makes the next calls of `receive` fail, as a database that is away."""

    def __init__(self) -> None:
        self.received: list[Inbound] = []
        self.reports: list[Report] = []
        self.alerts: dict[str, str] = {}
        self.facts: dict[str, str] = {}
        self.refuse = 0
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def receive(self, messages: Sequence[Inbound]) -> None:
        if self.refuse:
            self.refuse -= 1
            raise ConnectionError("the database is away")
        known = {message.key for message in self.received}
        self.received += [message for message in messages if message.key not in known]

    async def report(self, reports: Sequence[Report]) -> None:
        self.reports += reports

    async def alert(self, key: str, text: str) -> None:
        self.alerts.setdefault(key, text)

    async def recall(self, name: str) -> str:
        return self.facts.get(name, "")

    async def keep(self, name: str, value: str) -> None:
        self.facts[name] = value

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        async with self._locks[name]:
            yield

"""A real adapter over the loopback, behind the mirror, the sync and the errands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI
from sqlalchemy import Connection, select

from bot.brain import read_mind
from bot.delivery.signal import Signal
from bot.demo.shop import demo_settings
from bot.shop.commands import Command, Outcome
from bot.shop.embedded import Asked
from bot.shop.errands import Entrust, ErrandRunner
from bot.shop.platform import Platform, PlatformDown
from bot.shop.platform_api import platform_routes
from bot.shop.sync import Sync
from bot.starter import starter_folder
from bot.store.database import Database
from bot.store.tables import errands
from bot.voice import Voice
from tests.conftest import StandingClock
from tests.shops.small import counted
from tests.shops.stand import minute_later
from tests.shops.twins.serving import Faults

Hook = tuple[dict[str, str], bytes]


async def no_wait(seconds: float) -> None:
    pass


def written(amount_minor: int, currency: str) -> str:
    """Return an amount as platforms write it."""
    return str(Decimal(amount_minor) if currency == "JPY" else Decimal(amount_minor) / 100)


class Behind:
    """What the bot has of a platform: its webhooks' door, the sync, and the errands."""

    def __init__(
        self, database: Database, clock: StandingClock, platform: Platform, faults: Faults, header: str
    ) -> None:
        """`header` holds a delivery's id."""
        self._database, self._clock, self._platform = database, clock, platform
        self._faults, self._header = faults, header
        self._told: list[Hook] = []
        self._new_id = counted("stand")
        self.lost = False
        self.sync = Sync(database, clock, platform, ZoneInfo("Asia/Shanghai"), Signal())
        app = FastAPI()
        app.include_router(platform_routes(database, clock, platform))
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")

    async def close(self) -> None:
        await self._http.aclose()
        await self._platform.close()

    async def is_told(self, hook: Hook) -> None:
        """The webhook comes, and a little later the next look for changes, unless both are lost."""
        if self.lost:
            return
        self._told.append(hook)
        await self._send(hook)
        await self.sync.look()

    async def is_told_again(self) -> None:
        for headers, body in reversed(self._told):
            await self._send((headers, body))
            await self._send(({**headers, self._header: f"{headers[self._header]}-again"}, body))

    async def _send(self, hook: Hook) -> None:
        answer = await self._http.post("/api/shop/platform/hook", content=hook[1], headers=hook[0])
        assert answer.status_code == 200, answer.text

    async def does(self, command: Command) -> Outcome:
        asked = Asked(None, self._clock.now(), self._new_id)
        carried = await self._database.write(lambda c: Entrust(self._platform)(c, command, asked))
        assert carried.outcome is Outcome.PENDING
        runner = ErrandRunner(self._database, self._clock, self._platform, _voice, "zh", Signal(), Signal())
        for _ in range(20):
            while await runner.run_next():
                pass
            decided = await self._database.read(_last)
            if decided not in ("waiting", "sent"):
                return Outcome(decided)
            minute_later(self._clock)
        raise AssertionError("it was never decided")

    async def is_compared(self) -> int:
        self._clock.advance(timedelta(days=1))
        while True:
            try:
                return (await self.sync.look()).news
            except PlatformDown:
                minute_later(self._clock)

    def goes_down(self, times: int) -> None:
        self._faults.busy.extend([(503, None)] * times)


def status_of(statuses: Mapping[str, str], status: str) -> str:
    """Return the shop's word for one of ours."""
    return next(theirs for theirs, ours in statuses.items() if ours == status)


def _last(connection: Connection) -> str:
    newest = select(errands.c.status).order_by(errands.c.created_at.desc()).limit(1)
    return str(connection.execute(newest).scalar_one())


def _voice() -> Voice:
    return read_mind(starter_folder(), demo_settings()).voice

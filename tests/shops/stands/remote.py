"""A remote shop in memory, behind the mirror, the sync and the errands: what every adapter gets for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI
from sqlalchemy import Connection, select

from bot.brain import read_mind
from bot.delivery.signal import Signal
from bot.demo.shop import demo_settings
from bot.shop.bodies import CustomerBody, OrderBody, ProductBody, ShipmentBody
from bot.shop.commands import CancelOrder, ChangeAddress, Command, OpenCase, Outcome
from bot.shop.embedded import Asked
from bot.shop.errands import Entrust, ErrandRunner
from bot.shop.platform import Kind, PlatformDown, Told
from bot.shop.platform_api import platform_routes
from bot.shop.sync import Sync
from bot.starter import starter_folder
from bot.store.database import Database
from bot.store.tables import errands
from bot.voice import Voice
from tests.conftest import StandingClock
from tests.shops.small import counted
from tests.shops.stand import minute_later
from tests.shops.standin import RemoteShop


class RemoteStand:
    """Implements `tests.shops.stand.ShopStand` over any `RemoteShop`."""

    can: frozenset[type[Command]] = frozenset({CancelOrder, ChangeAddress, OpenCase})
    says = frozenset({"discount", "tier_prices", "country", "parcels"})
    is_remote = True

    def __init__(self, database: Database, clock: StandingClock) -> None:
        self.database, self.clock = database, clock
        self.shop = RemoteShop(clock, can=self.can)
        self._new_id = counted("stand")
        self._ids: Iterator[int] = count(1)
        self._told: list[tuple[str, Told]] = []
        self._lost = False
        self._sync = Sync(database, clock, self.shop, ZoneInfo("Asia/Shanghai"), Signal())
        app = FastAPI()
        app.include_router(platform_routes(database, clock, self.shop))
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")

    def called(self, ident: str) -> str:
        return ident

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _put(self, ident: str, body: ProductBody | CustomerBody | OrderBody) -> None:
        minute_later(self.clock)
        told = self.shop.put(ident, body)
        if not self._lost:
            self._told.append((f"d{next(self._ids)}", told))
            await self._send(*self._told[-1])

    async def _send(self, ident: str, told: Told) -> None:
        headers, body = self.shop.signed(ident, told)
        answer = await self._http.post("/api/shop/platform/hook", content=body, headers=headers)
        assert answer.status_code == 200, answer.text

    async def puts_product(self, ident: str, body: ProductBody) -> None:
        await self._put(ident, body)

    async def puts_customer(self, ident: str, body: CustomerBody) -> None:
        await self._put(ident, body)

    async def puts_order(self, number: str, body: OrderBody) -> None:
        await self._put(number, body)

    async def moves_order(self, number: str, status: str, parcel: ShipmentBody | None = None) -> None:
        body = self.shop.things[Kind.ORDER, number].body
        assert isinstance(body, OrderBody)
        at = minute_later(self.clock)
        changes: dict[str, object] = {"status": status}
        if status == "paid":
            changes["paid_at"] = at
        if status == "delivered":
            changes["delivered_at"] = at
        if parcel is not None:
            changes["shipments"] = [parcel.model_dump()]
        await self._put(number, OrderBody.model_validate({**body.model_dump(), **changes}))

    async def sets_stock(self, sku: str, pieces: int) -> None:
        for (kind, ident), told in list(self.shop.things.items()):
            if kind is Kind.PRODUCT and isinstance(told.body, ProductBody):
                changed = [v.model_copy(update={"stock": pieces}) if v.sku == sku else v for v in told.body.variants]
                await self._put(ident, told.body.model_copy(update={"variants": changed}))

    async def tells_again(self) -> None:
        for ident, told in reversed(self._told):
            await self._send(ident, told)
            await self._send(f"{ident}-again", told)

    async def status_there(self, number: str) -> tuple[str, str]:
        body = self.shop.things[Kind.ORDER, number].body
        assert isinstance(body, OrderBody)
        return body.status.value, body.address

    async def does(self, command: Command) -> Outcome:
        asked = Asked(None, self.clock.now(), self._new_id)
        carried = await self.database.write(lambda c: Entrust(self.shop)(c, command, asked))
        assert carried.outcome is Outcome.PENDING
        runner = ErrandRunner(self.database, self.clock, self.shop, _voice, "zh", Signal(), Signal())
        for _ in range(20):
            while await runner.run_next():
                pass
            decided = await self.database.read(_last)
            if decided not in ("waiting", "sent"):
                return Outcome(decided)
            minute_later(self.clock)
        raise AssertionError("it was never decided")

    def loses_its_words(self, lost: bool) -> None:
        self._lost = lost

    async def is_compared(self) -> int:
        self.clock.advance(timedelta(days=1))
        while True:
            try:
                return (await self._sync.look()).news
            except PlatformDown:
                minute_later(self.clock)

    def goes_down(self, times: int) -> None:
        self.shop.down = times


def _last(connection: Connection) -> str:
    newest = select(errands.c.status).order_by(errands.c.created_at.desc()).limit(1)
    return str(connection.execute(newest).scalar_one())


def _voice() -> Voice:
    return read_mind(starter_folder(), demo_settings()).voice

"""A shop with a system of its own, put together as `serve` does: its things come by themselves and by webhook."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import httpx
import structlog

from bot.app import Role, Shopkeeper
from bot.brain import Brain, read_mind
from bot.clock import SystemClock, new_id
from bot.shop.port import Freshness
from bot.shop.sql import SqlShop
from bot.store.database import Database
from bot.store.upgrade import upgrade
from tests.conftest import StandingClock
from tests.shops.small import customer, order, product
from tests.shops.standin import RemoteShop
from tests.smallshop import small_shop


async def test_a_shop_with_a_platform_copies_it_and_takes_its_webhooks(tmp_path: Path) -> None:
    shop = small_shop(tmp_path / "shop")
    brain = Brain(shop.folder, shop.settings, read_mind(shop.folder, shop.settings))
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    upgrade(url)
    remote = RemoteShop(StandingClock(datetime.now(UTC)))
    for ident, body in (("tee", product()), ("mia", customer()), ("A1", order("paid"))):
        remote.put(ident, body)
    database = Database(url)
    keeper = Shopkeeper(shop.folder, shop.settings, SystemClock(), new_id, database, brain, Role.ALL, remote)
    transport = httpx.ASGITransport(keeper.web)
    async with keeper.running(), httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
        async with asyncio.timeout(30):
            while await database.read(lambda c: SqlShop(c).order("A1")) is None:
                await asyncio.sleep(0.05)
        headers, content = remote.signed("d1", remote.put("A1", order("packed")))
        answer = await http.post("/api/shop/platform/hook", content=content, headers=headers)
        assert answer.json() == {"changed": True}
        found = await database.read(lambda c: SqlShop(c).order("A1"))
        assert found is not None and found.status == "packed"
        assert await database.read(lambda c: SqlShop(c).freshness()) != Freshness()
    structlog.reset_defaults()

"""The end of the whole program: in the order in which nothing is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.app import Shopkeeper, build
from bot.clock import IdMaker
from bot.connector import Host
from bot.messages import Event, Inbound, Outbound, Receipt, SendStatus
from bot.settings import load_settings
from bot.starter import SHOP_TOML, make_shop
from bot.store.database import Database
from bot.store.tables import inbox, outbox
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, rows, said, write_out


@dataclass
class Slow(Platform):
    """A platform that takes half a second, fails once it is stopped, and meanwhile gets a message."""

    host: Host | None = None
    started: list[Host] = field(default_factory=list)
    arriving: Inbound = field(default_factory=lambda: said(2, "", event=Event.JOINED))
    sending: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, host: Host) -> None:
        self.host = host
        self.started.append(host)

    async def stop(self) -> None:
        self.host = None

    async def send(self, message: Outbound) -> Receipt:
        self.sending.set()
        await asyncio.sleep(0.5)
        if self.host is None:
            return Receipt(SendStatus.UNSURE, reason="stopped in the middle of a send")
        await self.host.receive([self.arriving])
        return await super().send(message)


@pytest.fixture
async def shopkeeper(tmp_path: Path, database: Database, clock: StandingClock, new_id: IdMaker) -> Shopkeeper:
    make_shop(tmp_path / "shop", SHOP_TOML)
    settings = load_settings(tmp_path / "shop", {"ZHANGGUI_STORE__URL": database.url})
    return build(tmp_path / "shop", settings, clock, new_id)


async def test_a_send_in_progress_is_finished_and_what_arrives_meanwhile_is_stored(
    shopkeeper: Shopkeeper, database: Database, clock: StandingClock
) -> None:
    platform = Slow()
    shopkeeper.connectors = [platform]
    async with shopkeeper.running():
        (host,) = platform.started
        await host.receive([said(1, "", event=Event.JOINED)])  # the bot has nothing to say to it
        await write_out(database, clock, "a")
        shopkeeper.changes.notify()
        await asyncio.wait_for(platform.sending.wait(), 10)

    (row, *_) = await rows(database, outbox, outbox.c.key == "a")
    assert (row.status, row.reason) == ("sent", "open")
    assert platform.arriving.key in {row.key for row in await rows(database, inbox)}
    assert platform.host is None
    with pytest.raises(RuntimeError):
        await host.receive([said(3)])


async def test_a_start_that_fails_leaves_nothing_running(shopkeeper: Shopkeeper) -> None:
    class Failing(Platform):
        async def start(self, host: Host) -> None:
            raise OSError("no way out")

    first = Slow()
    shopkeeper.connectors = [first, Failing()]
    with pytest.raises(OSError, match="no way out"):
        async with shopkeeper.running():
            raise AssertionError

    assert first.host is None
    with pytest.raises(RuntimeError):
        await first.started[0].receive([said(1)])

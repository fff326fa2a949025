"""The composition root: puts every part together and runs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from sqlalchemy import Connection
from watchfiles import awatch

from bot import effects
from bot.brain import Brain, read_mind
from bot.campaigns import flash
from bot.campaigns.announce import announcement
from bot.campaigns.carts import CartFollowUp
from bot.channels import make_connectors
from bot.clock import Clock, IdMaker
from bot.connector import Connector
from bot.delivery.gate import Rules
from bot.delivery.inbox import store
from bot.delivery.pacer import Pacer
from bot.delivery.sender import Sender
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.delivery.turns import TurnRunner
from bot.health import health_routes
from bot.messages import Inbound
from bot.settings import Settings
from bot.shop.api import shop_routes
from bot.shop.sql import SqlShop
from bot.store.database import Database
from bot.store.upgrade import database_url, upgrade
from bot.transcript import StoredTranscript
from handoff.console.mount import mount_console
from handoff.ownership import reopen, to_queue

TURNS_SIDE_BY_SIDE = 2
OPENAPI = "/api/openapi.json"
log = structlog.get_logger()


@dataclass(slots=True)
class Shopkeeper:
    """The running parts. `web` serves everything; `running()` keeps the loops alive."""

    folder: Path
    settings: Settings
    clock: Clock
    new_id: IdMaker
    database: Database
    brain: Brain
    arrived: Signal = field(default_factory=Signal)
    """Something came in."""
    changes: Signal = field(default_factory=Signal)
    """Something changed that a person may be looking at, or that may have to be sent."""
    web: FastAPI = field(init=False)
    connectors: Sequence[Connector] = field(init=False)

    def __post_init__(self) -> None:
        transcript = StoredTranscript(self.database, self.changes)
        self.connectors = make_connectors(self.settings, self.folder, self.clock, self.new_id, transcript)
        self.web = self._web()

    async def receive(self, messages: Sequence[Inbound]) -> None:
        """Store what came in; when this returns it is on disk."""
        now = self.clock.now()
        await self.database.write(lambda c: store(c, messages, now, self.new_id))
        self.arrived.notify()
        self.changes.notify()

    async def start_sale(self, sale_id: str) -> int:
        """Start a flash sale and announce it. Return the number of announcements."""
        now = self.clock.now()
        say = announcement(self.brain.mind.voice, self.settings.shop.zone)
        told = await self.database.write(lambda c: flash.start(c, sale_id, say, now))
        self.changes.notify()
        return told

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Receive, think, send and watch the files for as long as the context is open.

        Ends in the order in which nothing is lost: the loops, each sender with the send it is in; then the connectors,
        which until then still store what arrives; then the database.
        """
        async with AsyncExitStack() as ending:  # undoes the last first
            ending.push_async_callback(asyncio.to_thread, self.database.close)
            for connector in self.connectors:
                ending.push_async_callback(connector.stop)
                await connector.start(self.receive)
            loops = [asyncio.create_task(loop, name=name) for name, loop in self._loops().items()]
            ending.push_async_callback(_cancel, loops)
            yield

    def _loops(self) -> dict[str, Any]:
        thinker = Thinker(self.brain, self.settings, SqlShop)
        turns = TurnRunner(
            database=self.database,
            clock=self.clock,
            new_id=self.new_id,
            thinker=thinker,
            apply_effects=effects.apply,
            to_queue=to_queue,
            reopen=reopen,
            wake=self.arrived,
            done=self.changes,
        )
        timers = TimerRunner(self.database, self.clock, self._timers(), wake=self.changes, fired=self.changes)
        policy = self.settings.policy
        rules = Rules(self.settings.shop.zone, policy.quiet_from, policy.quiet_until, policy.marketing_per_day)
        senders = {
            f"sender {connector.channel}": Sender(
                self.database, self.clock, connector, rules, self.changes, self.changes, Pacer(connector.limits)
            ).run()
            for connector in self.connectors
        }
        return {
            **{f"turns {number}": turns.run() for number in range(TURNS_SIDE_BY_SIDE)},
            "timers": timers.run(),
            "files": self._watch(),
            **senders,
        }

    def _timers(self) -> Mapping[str, Any]:
        carts = CartFollowUp(SqlShop, lambda: self.brain.mind.voice, self.settings.shop.language)

        def sale_end(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
            flash.end(connection, payload["sale_id"], now)

        def claim_expire(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
            flash.expire(connection, payload["claim_id"], now)

        return {"cart_followup": carts.fire, "sale_end": sale_end, "claim_expire": claim_expire}

    async def _watch(self) -> None:
        folders = [self.folder / "knowledge", self.folder / "intents"]
        async for _ in awatch(*folders, debounce=300):
            await asyncio.to_thread(self.brain.reload)
            self.changes.notify()

    def _web(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            async with self.running():
                yield

        # No docs page: FastAPI's loads its scripts from other hosts.
        web = FastAPI(title="Zhanggui", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=OPENAPI)
        for connector in self.connectors:
            web.routes.extend(connector.routes())
        web.include_router(health_routes(self.database))
        api_key = self.settings.server.api_key.read(self.folder, "server.api_key")
        web.include_router(shop_routes(self.database, self.clock, api_key, self.new_id))
        mount_console(
            web,
            database=self.database,
            shop_of=SqlShop,
            clock=self.clock,
            new_id=self.new_id,
            outbox_signal=self.changes,
            changes=self.changes,
            faults=lambda: [str(fault) for fault in self.brain.faults],
            counting=frozenset(c.channel for c in self.connectors if c.limits.counts_windows),
            storage_secret=self.settings.server.secret.read(self.folder, "server.secret"),
        )
        return web


async def _cancel(loops: Sequence[asyncio.Task[None]]) -> None:
    for task in loops:
        task.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


def build(folder: Path, settings: Settings, clock: Clock, new_id: IdMaker) -> Shopkeeper:
    """Read the files, bring the database up to date and put the parts together.

    Raises:
        ZhangguiError: files, settings or the database do not allow it; nothing was changed but the schema.
    """
    mind = read_mind(folder, settings)
    url = database_url(settings.store.url, folder)
    upgrade(url)
    return Shopkeeper(folder, settings, clock, new_id, Database(url), Brain(folder, settings, mind))

"""The composition root: puts every part together and runs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Connection
from watchfiles import awatch

from bot import effects
from bot.brain import Brain, read_mind
from bot.campaigns import flash
from bot.campaigns.announce import announcement
from bot.campaigns.carts import CartFollowUp
from bot.channels import has_robots, make_connectors, staff_robots
from bot.clock import Clock, IdMaker
from bot.connector import Connector, MediaSource
from bot.delivery.claims import Desk
from bot.delivery.gate import Rules
from bot.delivery.host import ChannelHost
from bot.delivery.intake import Intake
from bot.delivery.leases import Leases
from bot.delivery.media import fetch_media
from bot.delivery.pacer import Pacer
from bot.delivery.retention import Keep, clean_up_nightly
from bot.delivery.sender import Sender
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.delivery.turns import TurnRunner
from bot.errors import SettingsError
from bot.health import health_routes
from bot.settings import Settings
from bot.shop.api import shop_routes
from bot.shop.sql import SqlShop
from bot.staff import tell_staff
from bot.store.database import Database
from bot.store.upgrade import database_url, upgrade
from bot.transcript import StoredTranscript
from handoff.ownership import reopen, to_queue

OPENAPI = "/api/openapi.json"
Loop = Coroutine[Any, Any, None]


class Role(StrEnum):
    """What a process does. Several of each may run on one PostgreSQL; SQLite has one process, which does all."""

    ALL = "all"
    WEB = "web"
    """Answers the platforms and browsers: stores what comes in."""
    WORKER = "worker"
    """Thinks, sends, fires timers. A worker that dies is taken over by another within its leases."""
    CONSOLE = "console"
    """Serves the agents' console."""


@dataclass(slots=True)
class Shopkeeper:
    """The running parts. `web` serves everything; `running()` keeps the loops alive."""

    folder: Path
    settings: Settings
    clock: Clock
    new_id: IdMaker
    database: Database
    brain: Brain
    role: Role = Role.ALL
    changes: Signal = field(default_factory=Signal)
    """Something changed that a person may be looking at."""
    arrived: Signal = field(init=False)
    """Something came in."""
    written: Signal = field(init=False)
    """Something may have to be sent."""
    web: FastAPI = field(init=False)
    connectors: Sequence[Connector] = field(init=False)
    leases: Leases = field(init=False)
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        self.arrived, self.written = Signal(self.changes), Signal(self.changes)
        transcript = StoredTranscript(self.database, self.changes, self.clock)
        self.connectors = make_connectors(self.settings, self.folder, self.clock, self.new_id, transcript)
        self.leases = Leases(self.database, self.clock, self.new_id)
        self.intake = Intake(self.database, self.clock, self.new_id)
        self.web = self._web()

    async def start_sale(self, sale_id: str) -> int:
        """Start a flash sale and announce it. Return the number of announcements."""
        now = self.clock.now()
        say = announcement(self.brain.mind.voice, self.settings.shop.zone)
        told = await self.database.write(lambda c: flash.start(c, sale_id, say, now))
        self.written.notify()
        return told

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Receive, think, send and watch the files for as long as the context is open.

        Ends in the order in which nothing is lost: the loops, each sender with what it has on its way; then the
        connectors, which until then still store what arrives; then the database.
        """
        async with AsyncExitStack() as ending:  # undoes the last first
            ending.push_async_callback(asyncio.to_thread, self.database.close)
            if self.role is not Role.CONSOLE:
                await self._start_connectors(ending)
            loops = [asyncio.create_task(loop, name=name) for name, loop in self._loops().items()]
            ending.push_async_callback(_cancel, loops)
            yield

    async def _start_connectors(self, ending: AsyncExitStack) -> None:
        for connector in self.connectors:
            ending.push_async_callback(connector.stop)
            await connector.start(self._host(connector.channel))

    def _host(self, channel: str) -> ChannelHost:
        return ChannelHost(
            channel, self.database, self.clock, self.intake, self.leases, arrived=self.arrived, changes=self.changes
        )

    def _loops(self) -> dict[str, Loop]:
        loops: dict[str, Loop] = {"files": self._watch()}
        if not self.database.is_sqlite:
            from bot.delivery.bell import ring_and_listen  # loads the driver, which SQLite does not need

            signals = (self.arrived, self.written, self.changes)
            loops["bell"] = ring_and_listen(self.database.url, self.new_id(), signals)
        if self.role in (Role.ALL, Role.WORKER):
            loops |= self._work()
        return loops

    def _work(self) -> dict[str, Loop]:
        """Return what workers do: some of it side by side with other workers, some under a lease."""
        turns = TurnRunner(
            database=self.database,
            clock=self.clock,
            new_id=self.new_id,
            thinker=Thinker(self.brain, self.settings, SqlShop),
            apply_effects=effects.apply,
            to_queue=to_queue,
            reopen=reopen,
            wake=self.arrived,
            done=self.written,
        )
        timers = TimerRunner(self.database, self.clock, self._timers(), wake=self.written, fired=self.written)
        loops = {"turns": turns.run(), "timers": timers.run(), "nightly": self._nightly(), **self._channels()}
        return loops | ({"staff": self._staff()} if has_robots(self.settings) else {})

    def _nightly(self) -> Loop:
        keep = Keep(self.settings.retention.messages_days, self.settings.retention.media_days)
        return self.leases.while_held("nightly", lambda: clean_up_nightly(self.database, self.clock, keep))

    def _staff(self) -> Loop:
        def tell() -> Awaitable[None]:
            robots = staff_robots(self.settings, self.folder, self.clock)
            language = self.settings.shop.language
            return tell_staff(self.database, self.clock, self._host("staff"), robots, language, self.changes)

        return self.leases.while_held("staff", tell)

    def _channels(self) -> dict[str, Loop]:
        return {
            connector.channel: self.leases.while_held(f"channel:{connector.channel}", self._channel(connector))
            for connector in self.connectors
        }

    def _channel(self, connector: Connector) -> Callable[[], Awaitable[None]]:
        """Return what the one process does that holds a channel: send for it, poll it, fetch its files."""
        policy = self.settings.policy
        rules = Rules(self.settings.shop.zone, policy.quiet_from, policy.quiet_until, policy.marketing_per_day)
        others = frozenset(c.channel for c in self.connectors if not c.limits.counts_windows and not c.limits.own_page)

        async def work() -> None:
            desk = Desk(connector, rules, Pacer(connector.limits), others)
            sender = Sender(self.database, self.clock, desk, wake=self.written, done=self.changes)
            async with asyncio.TaskGroup() as together:
                together.create_task(sender.run())
                together.create_task(connector.hold())
                if isinstance(connector, MediaSource):
                    files = fetch_media(
                        self.database, self.clock, connector, connector.channel, self.arrived, self.changes
                    )
                    together.create_task(files)

        return work

    def _timers(self) -> Mapping[str, Any]:
        carts = CartFollowUp(SqlShop, lambda: self.brain.mind.voice, self.settings.shop.language)

        def sale_end(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
            flash.end(connection, payload["sale_id"], now)

        def sale_announce(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
            say = announcement(self.brain.mind.voice, self.settings.shop.zone)
            flash.announce_on(connection, payload["sale_id"], payload["place"], payload["after"], say, now)

        def claim_expire(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
            flash.expire(connection, payload["claim_id"], now)

        return {
            "cart_followup": carts.fire,
            "sale_announce": sale_announce,
            "sale_end": sale_end,
            "claim_expire": claim_expire,
        }

    async def _watch(self) -> None:
        folders = [self.folder / "knowledge", self.folder / "intents"]
        async for _ in awatch(*folders, debounce=600, step=300):
            await asyncio.to_thread(self.brain.reload)
            self.changes.notify()

    def _web(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            async with self.running():
                yield

        # No docs page: FastAPI's loads its scripts from other hosts.
        web = FastAPI(title="Zhanggui", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=OPENAPI)
        web.include_router(health_routes(self.database))
        if self.role in (Role.ALL, Role.WEB):
            for connector in self.connectors:
                web.routes.extend(connector.routes())
            api_key = self.settings.server.api_key.read(self.folder, "server.api_key")
            web.include_router(shop_routes(self.database, self.clock, api_key, self.new_id))
        if self.role in (Role.ALL, Role.CONSOLE):
            self._mount_console(web)
        return web

    def _mount_console(self, web: FastAPI) -> None:
        from handoff.console.mount import mount_console  # heavy: only in the processes that serve it

        mount_console(
            web,
            database=self.database,
            shop_of=SqlShop,
            clock=self.clock,
            new_id=self.new_id,
            outbox_signal=self.written,
            changes=self.changes,
            faults=lambda: [str(fault) for fault in self.brain.faults],
            counting=frozenset(c.channel for c in self.connectors if c.limits.counts_windows),
            storage_secret=self.settings.server.secret.read(self.folder, "server.secret"),
        )


async def _cancel(loops: Sequence[asyncio.Task[None]]) -> None:
    for task in loops:
        task.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


def build(folder: Path, settings: Settings, clock: Clock, new_id: IdMaker, role: Role = Role.ALL) -> Shopkeeper:
    """Read the files, bring the database up to date and put the parts together.

    Raises:
        ZhangguiError: files, settings or the database do not allow it; nothing was changed but the schema.
    """
    url = database_url(settings.store.url, folder)
    if role is not Role.ALL and url.startswith("sqlite"):
        raise SettingsError(f"--role {role}: several processes need PostgreSQL. Set [store] url, or leave --role away")
    mind = read_mind(folder, settings)
    upgrade(url)
    return Shopkeeper(folder, settings, clock, new_id, Database(url), Brain(folder, settings, mind), role)

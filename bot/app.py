"""The composition root: puts every part together and runs it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from watchfiles import awatch

from bot import audit, effects
from bot.advice import Advice
from bot.audit import What
from bot.brain import Brain, Mind
from bot.campaigns import flash, line
from bot.campaigns.announce import announcement
from bot.campaigns.links import VOTES, Links
from bot.campaigns.vote_words import VoteWords
from bot.channels import has_robots, make_connectors, public_url, rates_of, staff_groups, staff_robots
from bot.clock import Clock, IdMaker
from bot.connector import Connector, MediaSource
from bot.delivery import clocks
from bot.delivery.asked import last_questions
from bot.delivery.claims import Desk
from bot.delivery.gate import Rules
from bot.delivery.host import ChannelHost
from bot.delivery.intake import Intake
from bot.delivery.leases import Leases
from bot.delivery.media import fetch_media
from bot.delivery.outgoing import subscribe
from bot.delivery.pacer import Pacer
from bot.delivery.retention import Keep, clean_up_nightly
from bot.delivery.sender import Sender
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.delivery.turns import TurnRunner
from bot.delivery.volume import Volume
from bot.delivery.wishes import Wishes
from bot.errors import SettingsError
from bot.health import health_routes
from bot.loading import hand_back
from bot.mail import make_post
from bot.publishing.publisher import Publisher, history_of, open_brain
from bot.same_origin import SameOrigin
from bot.settings import Settings
from bot.shop.api import shop_routes
from bot.shop.case_api import case_routes
from bot.shop.claim_api import claim_routes
from bot.shop.codes import CodeMail, Post
from bot.shop.errands import Entrust, ErrandRunner
from bot.shop.hook_api import hook_routes
from bot.shop.platform import Platform
from bot.shop.platform_api import platform_routes
from bot.shop.platforms import make_platform
from bot.shop.sql import SqlShop
from bot.shop.sync import Sync, forget_platform
from bot.shop.vote_api import vote_routes
from bot.staff import tell_staff
from bot.store.database import Database
from bot.store.upgrade import database_url, upgrade
from bot.timer_handlers import timer_handlers
from bot.transcript import StoredTranscript
from handoff.answering import Answering
from handoff.arrivals import Arrivals
from handoff.assigning import Assigning
from handoff.ends import terms_of
from handoff.group.desk import GroupDesk
from handoff.group.staff import Group, enlist
from handoff.hooks import Messenger, Subscriber, key_of
from handoff.ownership import reopen
from handoff.places import Places
from handoff.queue import Queue

log = structlog.get_logger()
OPENAPI = "/api/openapi.json"
CALLED_FROM_ELSEWHERE = ("/api/shop/", "/kf/", "/miniprogram/", "/telegram/", "/vote/", "/webchat/", "/wechat/")
"""Beginnings of paths that other sites and platforms call by right: a key, a signature or a token opens them, never a
cookie."""
SETTLED_S = 2.0
"""Until every loop has looked once, whatever that loads."""
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
    platform: Platform | None = None
    """The shop's own system; None for the embedded shop."""
    post: Post | None = None
    """What sends one-time codes; None where the shop sends none."""
    changes: Signal = field(default_factory=Signal)
    """Something changed that a person may be looking at."""
    arrived: Signal = field(init=False)
    """Something came in."""
    written: Signal = field(init=False)
    """Something may have to be sent."""
    timed: Signal = field(init=False)
    """A timer may have been set; also told with `written`."""
    web: FastAPI = field(init=False)
    connectors: Sequence[Connector] = field(init=False)
    leases: Leases = field(init=False)
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        self.arrived, self.timed = Signal(self.changes), Signal(self.changes)
        self.written = Signal(self.timed)
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
            if self.platform is None:
                await self.database.write(forget_platform)
            else:
                ending.push_async_callback(self.platform.close)
            wants = {name: hook.events for name, hook in self.settings.hooks.items()}
            await self.database.write(lambda c: subscribe(c, wants))
            if self.role is not Role.CONSOLE:
                groups = staff_groups(self.settings)
                await self.database.write(lambda c: enlist(c, groups, self.new_id, self.clock.now()))
                await self._start_connectors(ending)
            loops = [asyncio.create_task(loop, name=name) for name, loop in self._loops().items()]
            ending.push_async_callback(_cancel, loops)
            asyncio.get_running_loop().call_later(SETTLED_S, hand_back)
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
        volume = Volume(self.database, self.clock, self.settings.shop.zone)
        secret = self.settings.server.secret.read(self.folder, "server.secret")
        thinker = Thinker(self.brain, self.settings, SqlShop, volume.popular, Wishes(secret))
        queue = self._queue(thinker)
        turns = TurnRunner(
            database=self.database,
            clock=self.clock,
            new_id=self.new_id,
            thinker=thinker,
            apply_effects=partial(effects.apply, carry=Entrust(self.platform)) if self.platform else effects.apply,
            to_queue=queue.arrivals.hand_over,
            reopen=reopen,
            wake=self.arrived,
            done=self.written,
            heard=queue.answering.customer_wrote,
            listened=self.timed,
        )
        handlers = {**timer_handlers(self.settings, lambda: self.brain.mind.voice), **queue.timers()}
        timers = TimerRunner(
            self.database,
            self.clock,
            handlers,
            wake=self.timed,
            fired=self.written,
            urgent=(line.LOOK,),
            silent=(clocks.TIMER,),
            passed=self.changes,
        )
        loops = {"turns": turns.run(), "timers": timers.run(), "nightly": self._nightly(), **self._channels()}
        loops |= {"volume": self.leases.while_held("volume", volume.count), "popular": volume.look()}
        if self.platform is not None:
            loops |= self._of_platform(self.platform)
        if hooks := subscribers_of(self.settings, self.folder):
            messenger = Messenger(self.database, self.clock, hooks, wake=self.changes)
            loops["hooks"] = self.leases.while_held("hooks", messenger.run)
        loops |= {
            f"group:{channel}": self._group(channel, chat) for channel, chat in staff_groups(self.settings).items()
        }
        return loops | ({"staff": self._staff()} if has_robots(self.settings) else {})

    def _of_platform(self, platform: Platform) -> dict[str, Loop]:
        """Return what keeps the copy of the shop's own system fresh, and what has it do things."""
        sync = Sync(self.database, self.clock, platform, self.settings.shop.zone, self.changes)
        errands = ErrandRunner(
            database=self.database,
            clock=self.clock,
            platform=platform,
            voice=lambda: self.brain.mind.voice,
            default_language=self.settings.shop.language,
            wake=self.written,
            said=self.written,
        )
        return {
            "shop_sync": self.leases.while_held("shop:sync", sync.run),
            "shop_errands": self.leases.while_held("shop:errands", errands.run),
        }

    def _queue(self, thinker: Thinker) -> Queue:
        wanted, hours = self.settings.queue, self.settings.shop.hours
        patience = {"web": timedelta(minutes=wanted.web_patience_min), "other": timedelta(hours=wanted.patience_h)}
        counting = frozenset(c.channel for c in self.connectors if c.limits.counts_windows)
        arrivals = Arrivals(hours, patience, frozenset(wanted.vip_tiers), thinker.unasked)
        winding = clocks.Winding(terms_of(self.settings).targets)
        return Queue(
            arrivals,
            Assigning(wanted.assign == "auto", wanted.answer_s, hours, arrivals.close),
            Answering(wanted.answer_s, wanted.answer_again_s, wanted.missed, winding),
            Places(thinker.unasked, counting),
        )

    def _nightly(self) -> Loop:
        keep = Keep(self.settings.retention.messages_days, self.settings.retention.media_days)
        return self.leases.while_held("nightly", lambda: clean_up_nightly(self.database, self.clock, keep))

    def _staff(self) -> Loop:
        def tell() -> Awaitable[None]:
            robots = staff_robots(self.settings, self.folder, self.clock)
            language = self.settings.shop.language
            return tell_staff(self.database, self.clock, self._host("staff"), robots, language, self.changes)

        return self.leases.while_held("staff", tell)

    def _group(self, channel: str, chat: str) -> Loop:
        from handoff.console.labels import LABELS

        shop, see = self.settings.shop, self.settings.agents.see
        counting = frozenset(c.channel for c in self.connectors if c.limits.counts_windows)
        group = Group(channel, chat, LABELS[shop.language], shop.zone, see, counting, SqlShop)
        desk = GroupDesk(self.database, self.clock, group, wake=self.changes, written=self.written)
        return self.leases.while_held(f"group:{channel}", desk.run)

    def _channels(self) -> dict[str, Loop]:
        mail = (CodeMail(self.database, self.clock, self.post, six_digits),) if self.post is not None else ()
        return {
            connector.channel: self.leases.while_held(f"channel:{connector.channel}", self._channel(connector))
            for connector in (*self.connectors, *mail)
        }

    def _channel(self, connector: Connector) -> Callable[[], Awaitable[None]]:
        """Return what the one process does that holds a channel: send for it, poll it, fetch its files."""
        rules = rules_of(self.settings)
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

    async def _watch(self) -> None:
        folders = [self.folder / "knowledge", self.folder / "intents"]
        publisher = Publisher(self.brain, self.clock)
        one_at_a_time = asyncio.Lock()

        async def replay(before: Mind) -> None:
            async with one_at_a_time:
                try:
                    questions = await self.database.read(last_questions)
                    await asyncio.to_thread(publisher.replay, before, questions)
                except Exception:  # what is only told must not end the watch
                    log.exception("knowledge_not_replayed")

        async def keep() -> None:
            try:
                await asyncio.to_thread(publisher.keep, "the shop started")
            except Exception:  # nor must this
                log.exception("knowledge_not_kept")

        async def publish() -> Mind | None:
            try:
                return await asyncio.to_thread(publisher.publish, "files saved")
            except Exception:  # the next save is another try
                log.exception("knowledge_not_published")
                return None

        async with asyncio.TaskGroup() as together:
            together.create_task(keep())
            async for _ in awatch(*folders, debounce=600, step=100):
                before = await publish()
                self.changes.notify()
                if before is not None:
                    await self._write_down()
                if before is not None and not one_at_a_time.locked():
                    together.create_task(replay(before))

    async def _write_down(self) -> None:
        """Tell the audit that other knowledge answers now; of several processes that see the files one does."""
        edition = await asyncio.to_thread(history_of(self.folder).published)
        if edition is None:
            return
        after = {"edition": edition.number}

        def once(connection: Connection) -> None:
            last = audit.entries(connection, what=What.KNOWLEDGE, limit=1)
            if not last or last[0].after != after:
                audit.record(connection, audit.SYSTEM, What.KNOWLEDGE, "knowledge", self.clock.now(), after=after)

        try:
            await self.database.write(once)
        except SQLAlchemyError as error:  # a database that is away must not end the watch over the files
            log.warning("knowledge_not_audited", error=type(error).__name__)

    def _web(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            async with self.running():
                yield

        # No docs page: FastAPI's loads its scripts from other hosts.
        web = FastAPI(title="Zhanggui", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=OPENAPI)
        web.add_middleware(SameOrigin, exempt=CALLED_FROM_ELSEWHERE, own=public_url(self.settings))
        web.include_router(health_routes(self.database))
        if self.role in (Role.ALL, Role.WEB):
            for connector in self.connectors:
                web.routes.extend(connector.routes())
            api_key = self.settings.server.api_key.read(self.folder, "server.api_key")
            web.include_router(shop_routes(self.database, self.clock, api_key, self.new_id))
            secret = self.settings.server.secret.read(self.folder, "server.secret")
            web.include_router(claim_routes(self.database, self.clock, api_key, Links(secret), self.new_id))
            links, zone = Links(secret, VOTES), self.settings.shop.zone
            words = lambda: VoteWords(self.brain.mind.voice, zone)  # noqa: E731
            web.include_router(vote_routes(self.database, self.clock, api_key, links, self.new_id, words))
            web.include_router(case_routes(self.database, self.clock, api_key))
            signed = self.settings.server.hook_secret
            hook_secret = signed.read(self.folder, "server.hook_secret") if signed else ""
            web.include_router(hook_routes(self.database, self.clock, hook_secret, self.new_id))
            if self.platform is not None:
                web.include_router(platform_routes(self.database, self.clock, self.platform))
        if self.role in (Role.ALL, Role.CONSOLE):
            self._mount_console(web)
        return web

    def _mount_console(self, web: FastAPI) -> None:
        from bot.pages.campaigns import campaign_routes
        from bot.signon import sign_on
        from handoff.console.mount import mount_console  # heavy: only in the processes that serve it
        from handoff.console.session import Safety
        from handoff.reports import standard_of

        settings = self.settings
        secret = settings.server.secret.read(self.folder, "server.secret")
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
            advice=Advice(self.brain, self.settings, self.clock),
            storage_secret=secret,
            safety=Safety(
                settings.agents.see,
                settings.agents.second_factor,
                public_url(settings),
                secret,
                sign_on(settings, self.folder),
            ),
            standard=standard_of(settings),
            more=(partial(campaign_routes, rates=partial(rates_of, settings)),),
        )


def rules_of(settings: Settings) -> Rules:
    """Return the shop's limits on marketing."""
    policy = settings.policy
    return Rules(
        settings.shop.zone,
        policy.quiet_from,
        policy.quiet_until,
        policy.marketing_per_day,
        policy.marketing_per_week,
        policy.holdout_pct,
    )


def six_digits() -> str:
    """Return a one-time code."""
    return f"{secrets.randbelow(10**6):06d}"


def subscribers_of(settings: Settings, folder: Path) -> list[Subscriber]:
    """Return who is told what happens.

    Raises:
        SettingsError: a secret is missing or has the wrong form.
    """
    return [
        Subscriber(name, hook.url, key_of(hook.secret.read(folder, f"hooks.{name}.secret"), f"hooks.{name}.secret"))
        for name, hook in settings.hooks.items()
    ]


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
    brain = open_brain(folder, settings)
    platform = make_platform(settings, folder, clock)
    post = make_post(settings.codes, folder) if settings.codes else None
    upgrade(url)
    return Shopkeeper(folder, settings, clock, new_id, Database(url), brain, role, platform, post)

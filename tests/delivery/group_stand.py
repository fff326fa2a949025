"""A shop whose staff answer in a group with topics: the real connector, the stand-in Telegram, a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import uvicorn
from sqlalchemy import Connection, func, select
from starlette.applications import Starlette

from bot import effects
from bot.clock import IdMaker
from bot.csat import AskCsat
from bot.delivery import clocks
from bot.delivery.claims import Desk
from bot.delivery.host import ChannelHost
from bot.delivery.inbox import store
from bot.delivery.intake import Intake
from bot.delivery.leases import Leases
from bot.delivery.media import fetch_media
from bot.delivery.pacer import Pacer
from bot.delivery.sender import Sender
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.delivery.turns import TurnRunner
from bot.messages import Chat, Inbound
from bot.shop.sql import SqlShop
from bot.store import tables as t
from bot.store.database import Database, T
from connectors.telegram.connector import TelegramConnector
from connectors.twin.telegram import TelegramTwin
from handoff import people
from handoff.console.labels import LABELS
from handoff.group import accounts
from handoff.group.desk import GroupDesk
from handoff.group.staff import Group, enlist
from handoff.ownership import reopen
from handoff.people import Agent
from tests.conftest import StandingClock
from tests.delivery.stand import RULES, Platform
from tests.loopback import base_of, listening
from tests.queue.stand import HOURS, WINDING, a_queue

CHANNEL, GROUP = "telegram:shopbot", -1_000_000_000_500
EMMA, WANG, LI, ZHAO, STRANGER = 1001, 2001, 2002, 2003, 2004
PEOPLE = {EMMA: "Emma", WANG: "Wang", LI: "Li", ZHAO: "Zhao", STRANGER: "Somebody"}
STAFF = {WANG: ("wang", "agent"), LI: ("li", "agent"), ZHAO: ("zhao", "lead")}
PATIENCE_S = 60.0
MOST_ROUNDS = 300


@dataclass
class Shop:
    """Customers on Telegram and in the web chat, and agents in the group; the clock moves only when told."""

    database: Database
    clock: StandingClock
    new_id: IdMaker
    thinker: Thinker
    base: str
    connector: TelegramConnector
    http: httpx.AsyncClient
    web: Platform = field(default_factory=Platform)
    changes: Signal = field(default_factory=Signal)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start every loop anew, as a process that was killed and comes up again."""
        signal, queue = Signal(), a_queue(auto=False)
        self.turns = TurnRunner(
            database=self.database,
            clock=self.clock,
            new_id=self.new_id,
            thinker=self.thinker,
            apply_effects=effects.apply,
            to_queue=queue.arrivals.hand_over,
            reopen=reopen,
            wake=signal,
            done=signal,
            heard=queue.answering.customer_wrote,
        )
        csat = AskCsat(lambda: self.thinker.brain.mind.voice, "en")
        handlers = {**queue.timers(), clocks.TIMER: WINDING.fire, "csat": csat.fire}
        self.timers = TimerRunner(self.database, self.clock, handlers, signal, signal)
        self.senders = [
            Sender(self.database, self.clock, Desk(to, RULES, Pacer(to.limits)), signal, signal)
            for to in (self.connector, self.web)
        ]
        labels, zone = LABELS["en"], HOURS.zone
        self.group = Group(CHANNEL, str(GROUP), labels, zone, "all", frozenset(), SqlShop)
        self.desk = GroupDesk(self.database, self.clock, self.group, wake=signal, written=signal)

    # --- what people do ------------------------------------------------------------------------------------------
    async def do(self, action: str, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(f"{self.base}/twin/telegram/control/{action}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def says(self, user: int, text: str, thread: int | None = None, settle: bool = True, **more: Any) -> int:
        """Write in a topic or, without one, in private; return the message's id."""
        before = await self.stored()
        action, place = more.pop("action", "say"), {"chat": GROUP} if user in STAFF or user == STRANGER else {}
        if thread:
            place["thread"] = thread
        done = await self.do(action, user=user, text=text, **place, **more)
        await self.until_stored(before + 1)
        if settle:
            await self.settle()
        return int(done.get("message_id", 0))

    async def until_stored(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.stored() < count:
                await asyncio.sleep(0.005)

    async def stored(self) -> int:
        return await self.see(lambda c: c.execute(select(func.count()).select_from(t.inbox)).scalar_one())

    async def writes_on_the_web(self, text: str, number: int) -> None:
        message = Inbound(f"web:{number}", Chat("web:shop", "anna"), "anna", self.clock.now(), text, "Anna")
        await self.database.write(lambda c: store(c, [message], self.clock.now(), self.new_id))
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that is due, and let time pass where the pace asks for it."""
        for _ in range(MOST_ROUNDS):
            busy = await self.turns.run_next()
            busy |= await self.timers.fire_next()
            busy |= await self.desk.step()
            for sender in self.senders:
                busy |= await sender.send_next()
            if not busy:
                now = self.clock.now()
                if (at := await self.see(lambda c: _next_paced(c, now))) is None:  # noqa: B023
                    return
                self.clock.at = at
        raise AssertionError("it never comes to rest")

    async def look_round(self) -> None:
        """Let every loop look once; no time passes."""
        await self.turns.run_next()
        await self.timers.fire_next()
        await self.desk.step()
        for sender in self.senders:
            await sender.send_next()

    async def passes(self, **time: float) -> None:
        self.clock.advance(timedelta(**time))
        await self.settle()

    async def as_agent(self, job: Callable[[Connection, Agent], T], login: str) -> T:
        """Do what an agent does in the console."""
        done = await self.database.write(lambda c: job(c, people.actor(c, login, "all")))
        await self.settle()
        return done

    # --- what is to be seen --------------------------------------------------------------------------------------
    async def see(self, job: Callable[[Connection], T]) -> T:
        return await self.database.read(job)

    async def look(self, what: str, **query: Any) -> dict[str, Any]:
        return dict((await self.http.get(f"{self.base}/twin/telegram/control/{what}", params=query)).json())

    async def topics(self) -> list[dict[str, Any]]:
        return list((await self.look("messages", chat=GROUP))["topics"])

    async def topic(self) -> int:
        """The newest topic."""
        return int((await self.topics())[-1]["message_thread_id"])

    async def heard(self, thread: int | None) -> list[str]:
        """What the bot said in a topic."""
        messages = (await self.look("messages", chat=GROUP))["messages"]
        return [m["text"] for m in messages if m["from"]["is_bot"] and m["thread"] == thread and not m["service"]]

    async def got(self) -> list[str]:
        """What Emma got."""
        messages = (await self.look("messages", chat=EMMA))["messages"]
        return [m["text"] for m in messages if m["from"]["is_bot"]]

    async def refused(self) -> list[dict[str, Any]]:
        return list((await self.look("refusals"))["refusals"])

    async def owner(self, channel: str = CHANNEL) -> str:
        of_talk = t.conversations.c.channel == channel, t.conversations.c.chat_kind == "private"
        query = select(t.conversations).where(*of_talk, t.conversations.c.chat.in_((str(EMMA), "anna")))
        row = await self.see(lambda c: c.execute(query).one())
        return str(row.agent_id or row.owner)

    async def wants_a_human(self) -> int:
        """Let Emma ask for a human; return her topic."""
        await self.says(EMMA, "I want to talk to a human")
        return await self.topic()


def _next_paced(connection: Connection, now: datetime) -> Any:
    """When the next message of the group or of a chat may leave, if the pace is all that holds it."""
    waiting = t.outbox.c.status == "waiting", t.outbox.c.not_before > now
    return connection.execute(select(func.min(t.outbox.c.not_before)).where(*waiting)).scalar()


@asynccontextmanager
async def a_group(database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker) -> AsyncIterator[Shop]:
    listener = listening()
    base = base_of(listener)
    forums = [(GROUP, "Staff")]
    twin = TelegramTwin("4242:token", "shop_bot", list(PEOPLE.items()), [], clock, forums=forums)
    connector = TelegramConnector(
        CHANNEL, "4242:token", "secret", "webhook", base, clock, f"{base}/twin/telegram", staff_group=str(GROUP)
    )
    app = Starlette(routes=list(connector.routes()))
    app.mount("/twin", Starlette(routes=twin.routes))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(PATIENCE_S):
        while not server.started:
            await asyncio.sleep(0.005)
    await database.write(lambda c: _staff(c, clock, new_id))
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as http:
        shop = Shop(database, clock, new_id, thinker, base, connector, http)
        intake, leases = Intake(database, clock, new_id), Leases(database, clock, new_id)
        host = ChannelHost(CHANNEL, database, clock, intake, leases, arrived=shop.changes, changes=shop.changes)
        await connector.start(host)
        await connector.hold()
        files = asyncio.create_task(fetch_media(database, clock, connector, CHANNEL, shop.changes, shop.changes))
        try:
            yield shop
        finally:
            files.cancel()
            await asyncio.gather(files, return_exceptions=True)
            await connector.stop()
            await twin.close()
            server.should_exit = True
            await serving


def _staff(connection: Connection, clock: StandingClock, new_id: IdMaker) -> None:
    now = clock.now()
    enlist(connection, {CHANNEL: str(GROUP)}, new_id, now)
    for user, (login, role) in STAFF.items():
        people.add_agent(connection, login, login, login.title(), role, now)
        accounts.keep_code(connection, "command", login, f"code-of-{login}", now)
        accounts.link(connection, CHANNEL, str(user), f"code-of-{login}", now)

"""A queue with agents and customers on a real database, and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select

from bot.delivery import clocks
from bot.delivery.signal import Signal
from bot.delivery.timers import TimerRunner
from bot.hours import Hours
from bot.messages import Source
from bot.skills.turn import Say
from bot.store import tables as t
from bot.store.database import Database, T
from bot.voice import Spoken
from handoff import answering, desk, ownership, people, presence
from handoff.answering import Answering
from handoff.arrivals import Arrivals
from handoff.assigning import Assigning
from handoff.places import Places
from handoff.queue import Queue
from tests.conftest import StandingClock

HOURS = Hours(ZoneInfo("Asia/Shanghai"), time(9), time(23))
PATIENCE = {"web": timedelta(minutes=10), "other": timedelta(hours=48)}
ANSWER_S, AGAIN_S, MISSED = 120, 600, 2
WINDING = clocks.Winding(clocks.Targets(timedelta(minutes=3), timedelta(hours=24), HOURS))
numbers = count(1)


def said(_connection: Connection, _conversation_id: str, say: Say) -> Spoken:
    """Say the phrase's id and its fields: what the words are is tested elsewhere."""
    return Spoken(" ".join((say.id, *say.fields.values())), (), (Source(say.id, "1"),))


def a_queue(hours: Hours = HOURS, auto: bool = True, counting: frozenset[str] = frozenset()) -> Queue:
    arrivals = Arrivals(hours, PATIENCE, frozenset({"gold"}), said)
    return Queue(
        arrivals,
        Assigning(auto, ANSWER_S, hours, arrivals.close),
        Answering(ANSWER_S, AGAIN_S, MISSED, WINDING),
        Places(said, counting),
    )


class Stand:
    """Customers `c…`, agents by name, and everything that happens to them, each in a transaction of its own."""

    def __init__(self, database: Database, clock: StandingClock, queue: Queue | None = None) -> None:
        self.database, self.clock = database, clock
        self.queue = queue or a_queue()
        handlers = {**self.queue.timers(), clocks.TIMER: WINDING.fire, "csat": lambda *_: None}
        self.timers = TimerRunner(database, clock, handlers, Signal(), Signal())

    # --- who there is ----------------------------------------------------------------------------------------------
    async def agent(self, name: str, capacity: int = 2, status: str = "on", **skills: list[str]) -> None:
        def hire(c: Connection) -> None:
            people.add_agent(c, name, name, name.title(), "agent", self.clock.now())
            mine = t.agents.c.id == name
            c.execute(t.agents.update().where(mine).values(capacity=capacity, status=status, **skills))

        await self.database.write(hire)

    async def customer(self, name: str, channel: str = "web:shop", language: str = "zh", tier: str = "") -> None:
        def meet(c: Connection) -> None:
            now = self.clock.now()
            if tier:
                c.execute(t.customers.insert().values(id=name, name=name, tier=tier, created_at=now))
            customer = {"customer_id": name} if tier else {}
            c.execute(t.persons.insert().values(id=name, name=name, language=language, created_at=now, **customer))
            identity = {"id": name, "person_id": name, "channel": channel, "user": name, "created_at": now}
            c.execute(t.identities.insert().values(identity))
            talk = {"id": name, "channel": channel, "chat": name, "identity_id": name}
            c.execute(t.conversations.insert().values(talk | {"created_at": now, "updated_at": now}))

        await self.database.write(meet)

    # --- what happens ----------------------------------------------------------------------------------------------
    async def asks(self, name: str, reason: str = "asked", priority: int = 0) -> None:
        await self.do(lambda c: self.queue.arrivals.hand_over(c, name, reason, priority, self.clock.now()))

    async def writes(self, name: str) -> None:
        def write(c: Connection) -> None:
            now, seq = self.clock.now(), next(numbers)
            row = {"key": f"m{seq}", "conversation_id": name, "seq": seq, "text": "?", "sent_at": now}
            c.execute(t.inbox.insert().values(row | {"received_at": now}))
            self.queue.answering.customer_wrote(c, name, seq, now)

        await self.do(write)

    async def answers(self, agent: str, name: str) -> None:
        await self.do(lambda c: desk.reply(c, name, agent, "您好", f"k{next(numbers)}", self.clock.now()))

    async def closes(self, agent: str, name: str) -> None:
        await self.do(lambda c: ownership.close(c, name, agent, "solved", self.clock.now()))

    async def turns(self, agent: str, status: str) -> None:
        await self.do(lambda c: presence.set_status(c, agent, status, self.clock.now()))

    async def beats(self, agent: str) -> None:
        await self.do(lambda c: presence.beat(c, agent, self.clock.now()))

    async def snoozes(self, agent: str, name: str, **time: float) -> None:
        until = self.clock.now() + timedelta(**time)
        await self.do(lambda c: answering.snooze(c, name, agent, until, self.clock.now()))

    async def do(self, job: Callable[[Connection], T]) -> T:
        """Do it, then fire what is due at this moment."""
        result = await self.database.write(job)
        await self.settle()
        return result

    async def settle(self) -> None:
        while await self.timers.fire_next():
            pass

    async def after(self, **time: float) -> None:
        """Let time pass, firing every timer when it is due."""
        end = self.clock.now() + timedelta(**time)
        query = select(t.timers.c.due_at).where(t.timers.c.due_at <= end).order_by(t.timers.c.due_at).limit(1)
        while due := await self.database.read(lambda c: c.execute(query).scalar()):
            self.clock.at = max(self.clock.at, due)
            await self.settle()
        self.clock.at = end

    # --- what came of it -------------------------------------------------------------------------------------------
    async def owner(self, name: str) -> str:
        """Return the agent's name, or who else owns the conversation."""
        row = await self.row(name)
        return str(row.agent_id or row.owner)

    async def row(self, name: str) -> Row[Any]:
        return await self.database.read(lambda c: c.execute(select(t.conversations).where(of(name))).one())

    async def status(self, agent: str) -> str:
        query = select(t.agents.c.status).where(t.agents.c.id == agent)
        return str(await self.database.read(lambda c: c.execute(query).scalar_one()))

    async def told(self, name: str) -> list[str]:
        query = select(t.outbox.c.text).where(t.outbox.c.conversation_id == name, t.outbox.c.author == "bot")
        return list(await self.database.read(lambda c: c.execute(query.order_by(t.outbox.c.id)).scalars().all()))


def of(name: str) -> Any:
    return t.conversations.c.id == name

"""A shop whose queue is tried: the real way of a message, the real queue and its timers, and processes that die."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, update

from bot import effects
from bot.bench.queue_rules import Broken, View, check, check_given, newest_note, unanswered, view
from bot.bench.stand import RULES, EchoPlatform, EchoThinker
from bot.delivery import clocks
from bot.delivery.claims import Desk
from bot.delivery.inbox import store
from bot.delivery.pacer import Pacer
from bot.delivery.sender import Sender
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thought
from bot.delivery.timers import TimerRunner
from bot.delivery.turns import TurnRunner
from bot.hours import Hours
from bot.messages import Chat, Inbound, Outbound, Source
from bot.skills.turn import Handoff, Say
from bot.store.database import AnyRow, Database, Job, T
from bot.store.tables import conversations, identities, inbox, persons, timers
from bot.voice import Spoken
from handoff import people, presence
from handoff.answering import Answering
from handoff.arrivals import Arrivals
from handoff.assigning import Assigning
from handoff.ownership import ASSIGN, reopen
from handoff.places import Places
from handoff.queue import Queue

EVE = datetime(2026, 10, 24, 14, 0, tzinfo=UTC)
"""An afternoon before a night in which Berlin puts its clocks back."""
HOURS = Hours(ZoneInfo("Europe/Berlin"), time(9), time(23))
CHANNELS = ("web:bench", "wechat:bench")
PATIENCE = {"web": timedelta(minutes=10), "other": timedelta(hours=48)}
WANTS_HUMAN, LEAVES = "human", "never mind"
LEASE_OVER = timedelta(seconds=31)
"""After so long another process may have what a dead one had begun."""


class Died(Exception):
    """A process died."""


class Mortal(Database):
    """A database whose process can be made to die: in the middle of a transaction, and with everything after it."""

    lives_for: int | None = None
    """Transactions after which the process dies in one; None: it lives."""

    async def write(self, job: Job[T]) -> T:
        if self.lives_for is None:
            return await super().write(job)
        self.lives_for -= 1

        def dies(connection: Connection) -> T:
            if self.lives_for == -1:
                job(connection)
            raise Died

        return await super().write(job if self.lives_for >= 0 else dies)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class Thinker(EchoThinker):
    """Says what it hears, hands over who asks for a human (`human REASON PRIORITY`), and is silent where one is."""

    def think_all(
        self, connection: Connection, conversation_ids: Sequence[str], now: datetime
    ) -> Mapping[str, Thought | Exception]:
        thoughts = EchoThinker.think_all(self, connection, conversation_ids, now)
        owners = select(conversations.c.id, conversations.c.owner, inbox.c.text).join(
            inbox, (inbox.c.conversation_id == conversations.c.id) & (inbox.c.seq == conversations.c.done_seq + 1)
        )
        rows = {row.id: row for row in connection.execute(owners.where(conversations.c.id.in_(conversation_ids)))}
        return {id_: _decided(thought, rows[id_].owner, rows[id_].text) for id_, thought in thoughts.items()}


def _decided(thought: Thought | Exception, owner: str, text: str) -> Thought | Exception:
    if isinstance(thought, Exception) or thought.step is None:
        return thought
    if owner == "queue" and text == LEAVES:
        return replace(thought, step=replace(thought.step, leaves_queue=True))
    if owner in ("queue", "agent"):
        return replace(thought, step=None)
    if text.startswith(WANTS_HUMAN):
        _, reason, priority = text.split(" ")
        return replace(thought, step=replace(thought.step, handoff=Handoff(reason, int(priority))))
    return thought


def _said(_connection: Connection, _conversation_id: str, say: Say) -> Spoken:
    return Spoken(say.id, (), (Source(say.id, "1"),))


@dataclass
class Process:
    """What one worker runs."""

    database: Mortal
    clock: Hand
    new_id: Callable[[], str]
    sent: Callable[[Outbound], None]

    def __post_init__(self) -> None:
        winding = clocks.Winding(clocks.Targets(timedelta(minutes=3), timedelta(hours=24), HOURS))
        arrivals = Arrivals(HOURS, PATIENCE, frozenset(), _said)
        queue = Queue(
            arrivals,
            Assigning(auto=True, answer_s=120, hours=HOURS, close=arrivals.close),
            Answering(first_s=120, again_s=600, missed=2, winding=winding),
            Places(_said, frozenset({"wechat:bench"})),
        )
        handlers = {**queue.timers(), clocks.TIMER: winding.fire, "csat": lambda *_: None}
        self.timers = TimerRunner(self.database, self.clock, handlers, Signal(), Signal())
        self.turns = TurnRunner(
            self.database,
            self.clock,
            self.new_id,
            Thinker(),
            effects.apply,
            to_queue=queue.arrivals.hand_over,
            reopen=reopen,
            wake=Signal(),
            done=Signal(),
            heard=queue.answering.customer_wrote,
        )
        platforms = [EchoPlatform(self.sent, channel=channel) for channel in CHANNELS]
        desks = [Desk(platform, RULES, Pacer(platform.limits)) for platform in platforms]
        self.senders = [Sender(self.database, self.clock, desk, Signal(), Signal()) for desk in desks]


@dataclass
class QueueShop:
    """Customers, agents, and a clock. Customers and agents are told by number.

    Attributes:
        talks: the conversations' ids, by customer.
        open_pages: agents whose page is open.
    """

    database: Mortal
    customers: int = 8
    crew: int = 4
    clock: Hand = field(default_factory=lambda: Hand(EVE))
    talks: list[str] = field(default_factory=list)
    open_pages: set[str] = field(default_factory=set)
    given: int = 0
    sent: int = 0
    _broken: str = ""
    _note: int = 0
    _owners: dict[str, AnyRow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = count(1)
        self._start()

    def _start(self) -> None:
        self.process = Process(self.database, self.clock, lambda: f"id{next(self._numbers)}", self._sent)

    async def open(self) -> None:
        """Let the customers say hello and the agents come."""
        for number in range(self.customers):
            await self.writes(number, "hello")
        rows = await self.database.read(lambda c: c.execute(select(conversations.c.chat, conversations.c.id)).all())
        by_chat = {row.chat: row.id for row in rows}
        self.talks = [by_chat[f"u{number}"] for number in range(self.customers)]
        await self.database.write(self._speak)

        def hire(connection: Connection) -> None:
            for number in range(self.crew):
                people.add_agent(connection, f"a{number}", f"a{number}", f"a{number}", "agent", self.clock.now())

        await self.database.write(hire)
        for number in range(self.crew):
            able = partial(presence.set_abilities, agent_id=f"a{number}", now=self.clock.now(), capacity=number % 3)
            await self.database.write(able)
        await self.settle()
        self._at = await self._look()
        self._note = await self.database.read(newest_note)

    def _speak(self, connection: Connection) -> None:
        """Let every third customer speak English, and every other third Chinese."""
        for number, talk in enumerate(self.talks):
            person = select(identities.c.person_id).join(conversations, conversations.c.identity_id == identities.c.id)
            of_person = persons.c.id == person.where(conversations.c.id == talk).scalar_subquery()
            connection.execute(update(persons).where(of_person).values(language=("en", "zh", "")[number % 3]))

    async def writes(self, customer: int, text: str) -> None:
        """Let a customer write; the bot has not thought about it yet."""
        chat = Chat(CHANNELS[customer % len(CHANNELS)], f"u{customer}")
        key = f"m{next(self._numbers)}"
        message = Inbound(key=key, chat=chat, user=chat.id, sent_at=self.clock.now(), text=text)
        await self.database.write(lambda c: store(c, [message], self.clock.now(), self.process.new_id))

    async def settle(self) -> None:
        """Let the bot think and the timers fire until nothing is left to do at this moment."""
        while await self.process.turns.run_next():
            pass
        while (kind := await self.database.read(self._next_kind)) is not None:
            before = await self._look() if kind == ASSIGN else None
            await self.process.timers.fire_next()
            if before is not None:
                after = await self._look()
                self.given += sum(after.talks[row.id].owner == "agent" for row in before.waiting)
                check_given(before, after)

    async def check(self) -> None:
        """Look whether everything holds, now that nothing is left to do.

        Raises:
            Broken: something does not.
        """
        after, overdue, self._note = await self.database.read(
            lambda c: (view(c, self.clock.now(), self._note), unanswered(c), newest_note(c))
        )
        check(self._at, after, HOURS, overdue)
        self._at = after
        if self._broken:
            raise Broken(self._broken)

    async def send(self) -> None:
        """Send what may be sent."""
        before = await self._look()
        self._owners = {row.chat: row for row in before.talks.values()}
        for sender in self.process.senders:
            while await sender.send_next():
                pass

    async def passes(self, step: timedelta) -> None:
        """Let time pass. Pages that are open say so, and every timer fires when it is due."""
        end = self.clock.at + step
        query = select(timers.c.due_at, timers.c.key).where(timers.c.due_at <= end).order_by(timers.c.due_at).limit(1)
        while due := await self.database.read(lambda c: c.execute(query).first()):
            self.clock.at = max(self.clock.at, due.due_at)
            agent = due.key.removeprefix("gone:")
            if agent in self.open_pages:
                await self.database.write(partial(presence.beat, agent_id=agent, now=self.clock.now()))
            await self.settle()
            await self.check()
        self.clock.at = end
        await self.settle()

    async def dies_in(self, transactions: int, doing: Callable[[], Any]) -> None:
        """Let the process die in its next transaction but so many, and another one go on."""
        self.database.lives_for = transactions
        with suppress(Died):
            await doing()
        self.database.lives_for = None
        self._start()

    def holder(self, talk: str) -> str | None:
        """Return the agent who had the conversation at the last check."""
        row = self._at.talks[talk]
        return None if row.agent_id is None else str(row.agent_id)

    def _next_kind(self, connection: Connection) -> str | None:
        due = select(timers.c.kind).where(timers.c.due_at <= self.clock.at)
        return connection.execute(due.order_by(timers.c.due_at, timers.c.id).limit(1)).scalar()

    async def _look(self) -> View:
        return await self.database.read(lambda c: view(c, self.clock.now()))

    def _sent(self, message: Outbound) -> None:
        self.sent += 1
        talk = self._owners.get(message.chat.id)
        if message.author != "bot" or talk is None or talk.owner != "agent":
            return
        if talk.place_at is None or not message.text.startswith(WANTS_HUMAN):  # else: what called the agent, unanswered
            self._broken = f"{message.chat.id}: the bot spoke ({message.text!r}) while an agent had the conversation"

"""One process of the crash run: the real way of a message, under a driver that is platform and murderer at once.

What the driver has read of a send was on the wire, whatever happens to the worker then: see `bot.bench.pool`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from bot import effects
from bot.bench.pool import Said, serve_orders
from bot.bench.stand import CHANNEL, RULES, EchoPlatform, EchoThinker, message
from bot.clock import IdMaker, SystemClock, new_id
from bot.delivery import inbox, receipts, sender, turns
from bot.delivery.bell import ring_and_listen
from bot.delivery.claims import Desk
from bot.delivery.host import ChannelHost
from bot.delivery.intake import Intake
from bot.delivery.leases import Leases
from bot.delivery.outbox import Draft, put
from bot.delivery.pacer import Pacer
from bot.delivery.sender import Sender
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thought
from bot.messages import Limits, Outbound, Purpose, Receipt, SendStatus
from bot.skills.turn import Effect, FailProof, PersonView, Say, State, Step
from bot.store.database import Database, Job
from bot.store.tables import conversations
from bot.voice import Speak, Spoken
from handoff.ownership import reopen, to_queue

T = TypeVar("T")
EFFECT_EVERY = 10
"""Every so many messages of a conversation one does something and is followed by a campaign."""
LIMITS = Limits(own_page=True, takes_key=True)
RULES_OF_RUN = replace(RULES, marketing_per_day=10**9, marketing_per_week=10**9)


@dataclass(frozen=True, slots=True)
class Orders:
    """How a worker works.

    Attributes:
        socket: the driver's.
        lease_s: of turns, sends and the channel alike.
        without: the guard that is taken away: `fence`, `key`, `receipt`, or nothing.
    """

    socket: str
    url: str
    lease_s: float
    without: str = ""


@dataclass(slots=True)
class Steps:
    """The steps of a worker's way: before, inside and after every transaction and every send.

    Attributes:
        die_at: the step at which the process kills itself.
        tell: told every step when it is first met.
    """

    tell: Callable[[str], None]
    die_at: str = ""
    met: set[str] = field(default_factory=set)

    def reach(self, step: str) -> None:
        if step == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if step not in self.met:
            self.met.add(step)
            self.tell(step)


class SteppedDatabase(Database):
    """A database whose calls are steps. A step is named after the function that makes the call."""

    def __init__(self, url: str, steps: Steps) -> None:
        super().__init__(url)
        self.steps = steps

    async def write(self, job: Job[T]) -> T:
        name = job.__qualname__.partition(".<locals>")[0]

        def stepped(connection: Connection) -> T:
            result = job(connection)
            self.steps.reach(f"inside {name}")  # all is written, nothing committed
            return result

        self.steps.reach(f"before {name}")
        result = await super().write(stepped)
        self.steps.reach(f"after {name}")
        return result

    async def read(self, job: Job[T]) -> T:
        name = job.__qualname__.partition(".<locals>")[0]
        self.steps.reach(f"before {name}")
        result = await super().read(job)
        self.steps.reach(f"after {name}")
        return result


@dataclass
class Driver:
    """The driver's end of the line."""

    writer: asyncio.StreamWriter
    sends: dict[int, asyncio.Future[None]] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=count)

    def tell(self, **line: Any) -> None:
        self.writer.write(json.dumps(line).encode() + b"\n")

    async def tell_now(self, **line: Any) -> None:
        self.tell(**line)
        await self.writer.drain()


@dataclass
class WirePlatform(EchoPlatform):
    """A platform that is the driver: a send is over when the driver has answered it."""

    driver: Driver = field(kw_only=True)
    steps: Steps = field(kw_only=True)

    async def send(self, message: Outbound) -> Receipt:
        self.steps.reach("before send")
        number, answered = next(self.driver.numbers), asyncio.get_running_loop().create_future()
        self.driver.sends[number] = answered
        self.driver.tell(send=number, id=message.id, chat=message.chat.id, text=message.text)
        self.steps.reach("inside send")
        await answered
        self.steps.reach("after send")
        return Receipt(SendStatus.SENT, platform_id=message.id)


@dataclass(slots=True)
class PausingThinker:
    """Echoes; now and then it wants something done too. Told to pause, it stops the process between two steps."""

    before_pause: Callable[[], None]
    echo: EchoThinker = field(default_factory=EchoThinker)
    pauses: bool = False

    def think_all(
        self, connection: Connection, conversation_ids: Sequence[str], now: datetime
    ) -> Mapping[str, Thought | Exception]:
        echoed = self.echo.think_all(connection, conversation_ids, now)
        if self.pauses:
            self.pauses = False
            self.before_pause()
            os.kill(os.getpid(), signal.SIGSTOP)
        return {conversation_id: _acting(thought) for conversation_id, thought in echoed.items()}

    def apology(self, connection: Connection, conversation_id: str) -> Spoken:
        return self.echo.apology(connection, conversation_id)


def _acting(thought: Thought | Exception) -> Thought | Exception:
    if isinstance(thought, Exception) or thought.step is None:
        return thought
    text = thought.step.says[0].fields["text"]
    if int(text) % EFFECT_EVERY:
        return thought
    order = f"{thought.person.identity_id}:{text}"  # of nobody else: orders at which many guess are slowed
    return replace(thought, step=Step(thought.step.says, State(), effects=(FailProof(order),)))


def apply(
    connection: Connection,
    wanted: Sequence[Effect],
    person: PersonView,
    channel: str,
    now: datetime,
    make_id: IdMaker,
    speak: Speak,
) -> list[Say]:
    """Do what a turn wants, and put a campaign's message to the same person into the outbox."""
    of_person = select(conversations.c.id).where(conversations.c.identity_id == person.identity_id)
    conversation_id = connection.execute(of_person).scalar_one()
    for effect in wanted:
        if isinstance(effect, FailProof):
            key = f"campaign:{conversation_id}:{effect.order_number}:{make_id()}"
            put(connection, Draft(key, conversation_id, Purpose.MARKETING, "sale"), now)
    return effects.apply(connection, wanted, person, channel, now, make_id, speak)


class Worker:
    """Intake, turns and the channel's sender of one process, put together as in `bot.app`."""

    def __init__(self, orders: Orders, writer: asyncio.StreamWriter) -> None:
        self.loop = asyncio.get_running_loop()
        self.driver = Driver(writer)
        self.steps = Steps(self._tell_step)
        self.database = SteppedDatabase(orders.url, self.steps)
        self.orders, self.clock = orders, SystemClock()
        self.arrived, self.changes = Signal(), Signal()
        leases = Leases(self.database, self.clock, new_id, orders.lease_s)
        intake = Intake(self.database, self.clock, new_id)
        self.host = ChannelHost(CHANNEL, self.database, self.clock, intake, leases, self.arrived, self.changes)
        self.thinker = PausingThinker(
            lambda: asyncio.run_coroutine_threadsafe(self.driver.tell_now(pauses=True), self.loop).result()
        )

    def _tell_step(self, step: str) -> None:
        self.loop.call_soon_threadsafe(lambda: self.driver.tell(step=step))

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Work until the driver hangs up."""
        runner = turns.TurnRunner(
            self.database,
            self.clock,
            new_id,
            self.thinker,
            apply,
            to_queue,
            reopen,
            wake=self.arrived,
            done=self.changes,
            lease_s=self.orders.lease_s,
        )
        loops = [runner.run(), self.host.leases.while_held(f"channel:{CHANNEL}", self._send)]
        if not self.database.is_sqlite:
            loops.append(ring_and_listen(self.orders.url, new_id(), (self.arrived, self.changes)))
        _running = [asyncio.create_task(loop) for loop in loops]
        self.driver.tell(hello=os.getpid())
        deliveries: set[asyncio.Task[None]] = set()
        async for line in reader:
            if (delivery := self._hear(json.loads(line))) is not None:
                deliveries.add(delivery)
                delivery.add_done_callback(deliveries.discard)
        os._exit(0)  # and not a step further, with whatever is on its way

    async def _send(self) -> None:
        platform = WirePlatform(lambda _: None, LIMITS, driver=self.driver, steps=self.steps)
        desk = Desk(platform, RULES_OF_RUN, Pacer(LIMITS), lease_s=self.orders.lease_s)
        await Sender(self.database, self.clock, desk, self.changes, self.changes).run()

    def _hear(self, line: Mapping[str, Any]) -> asyncio.Task[None] | None:
        match line:
            case {"deliver": number, "chat": chat, "text": text}:
                return asyncio.create_task(self._receive(number, chat, text))
            case {"answers": number}:
                self.driver.sends.pop(number).set_result(None)
            case {"die_at": step}:
                self.steps.die_at = step
            case {"pause": True}:
                self.thinker.pauses = True
        return None

    async def _receive(self, number: int, chat: str, text: int) -> None:
        """Acknowledge a delivery once it is stored; if it cannot be, the driver waits in vain and delivers again."""
        await self.host.receive([message(chat, text, str(text), self.clock.now())])
        self.steps.reach("stored, not acknowledged")
        self.driver.tell(stored=number)


async def work(orders: Orders) -> None:
    reader, writer = await asyncio.open_unix_connection(orders.socket)
    await Worker(orders, writer).run(reader)


def look_often(lease_s: float) -> None:
    """Look for leases that have ended as often as short ones end."""
    for loop in (sender, turns):
        vars(loop)["LOOK_EVERY_S"] = min(loop.LOOK_EVERY_S, lease_s / 2)
    vars(sender)["REPORT_S"] = min(sender.REPORT_S, lease_s / 4)


def break_guard(guard: str) -> None:
    """Take a guard away from this process, so that a run can show what it is for."""
    if guard == "fence":
        vars(turns)["passes_fence"] = lambda *_: True
    if guard == "key":
        vars(inbox)["_known"] = lambda *_: set()
    if guard == "receipt":
        vars(receipts)["_still_ours"] = lambda *_: True


def begin(said: Said) -> None:
    """Be one worker."""
    orders = Orders(**said)
    look_often(orders.lease_s)
    break_guard(orders.without)
    asyncio.run(work(orders))


if __name__ == "__main__":
    serve_orders(begin)

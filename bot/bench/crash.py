"""Whether anything is lost or done twice while workers are killed and stopped, at random and at every step.

The platform's side delivers each message one to three times, some of them at the same moment to two workers, repeats
late, and goes on with a chat as soon as its last message was acknowledged. What must hold is asked of the database and
of the wire in `bot.bench.crash_verdict`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from bot.bench.crash_platform import Platform
from bot.bench.crash_verdict import Verdict, judge, unsettled
from bot.bench.crash_worker import EFFECT_EVERY, Orders
from bot.bench.pool import socket_folder
from bot.errors import ZhangguiError
from bot.store.database import Database

CHATS = 60
AT_ONCE = 0.05
"""The share of messages that are delivered twice at the same moment."""
LATE_S = 0.5
"""A repeat comes at most this much later."""
MAX_AHEAD = 400
"""Messages that may wait for their answers: the rest of the run is told by how fast they are answered."""
PROGRESS = 100
"""Answers between two kills at least: a slow machine too comes to its end."""
STEP_S = 5.0
"""How long a worker may take to the step at which it is to die."""
STALLED_S = 30.0
PAUSES_OF_KILLS = 3
"""Every so many kills a worker is stopped instead, by turns anywhere and in the middle of a turn."""
Tell = Callable[[str], None]


class CrashStalled(ZhangguiError):
    """The run came to a stop: something is neither done nor given up. The log of the workers tells why."""

    code = "bench"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes.

    Attributes:
        workers: side by side; one on SQLite, whose file belongs to one process.
        kill_every_s: seconds between two kills; 0 for none.
        lease_s: of the workers; a worker stands still for half as long again.
        without: `fence`, `key` or `receipt` takes that guard away.
        answer_s: the longest time from a send until the platform answers it.
    """

    url: str
    messages: int
    workers: int
    kill_every_s: float
    lease_s: float = 2.0
    without: str = ""
    answer_s: float = 0.02

    @property
    def pause_s(self) -> float:
        return 1.5 * self.lease_s


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run and its verdict.

    Attributes:
        missed: steps at which no worker died, because each was behind them when its messages came.
    """

    verdict: Verdict
    messages: int
    deliveries: int
    kills: int
    pauses: int
    seconds: float
    missed: Sequence[str] = ()


def outcome_row(outcome: Outcome) -> dict[str, float]:
    """Return what a run came to, in numbers."""
    verdict = outcome.verdict
    return {
        "messages": outcome.messages,
        "deliveries": outcome.deliveries,
        "kills": outcome.kills,
        "pauses": outcome.pauses,
        **{what: found.count for what, found in verdict.faults.items()},
        "wire_repeats": verdict.repeats,
        "in_the_air": verdict.in_the_air,
        "most_in_the_air": verdict.most_in_the_air,
        "unsure": verdict.unsure,
        "campaigns": verdict.campaigns,
        "campaigns_out": verdict.campaigns_out,
        "given_up": verdict.given_up,
        "seconds": outcome.seconds,
        "messages_per_s": round(outcome.messages / outcome.seconds, 1),
    }


@dataclass(slots=True)
class Run:
    """One run: chats that talk, and workers that die."""

    plan: Plan
    chance: Random
    tell: Tell
    platform: Platform
    said: dict[str, int] = field(default_factory=dict)
    deliveries: int = 0
    answered: int = 0
    _ahead: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_AHEAD))
    _repeats: set[asyncio.Task[None]] = field(default_factory=set)

    async def talk(self) -> None:
        """Let all chats say what they have to say, while workers die."""
        murders = [asyncio.create_task(self._kill()), asyncio.create_task(self._watch())]
        each = -(-self.plan.messages // CHATS)
        try:
            talks = [self._chat(f"c{number}", each) for number in range(-(-self.plan.messages // each))]
            done = asyncio.gather(*talks)
            waits: list[asyncio.Future[Any]] = [done, *murders]
            ended, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for end in ended:
                end.result()
            await asyncio.gather(*self._repeats)
        finally:
            for murder in murders:
                murder.cancel()

    async def _chat(self, chat: str, count: int) -> None:
        for number in range(1, count + 1):
            await self._ahead.acquire()
            copies = 1 + (self.chance.random() < AT_ONCE)
            await self.platform.deliver(chat, number, copies)
            self.said[chat] = number
            repeats = self.chance.randint(0, 3 - copies)
            self.deliveries += copies + repeats
            for _ in range(repeats):
                repeat = asyncio.create_task(self._repeat(chat, number, self.chance.random() * LATE_S))
                self._repeats.add(repeat)
                repeat.add_done_callback(self._repeats.discard)

    async def _repeat(self, chat: str, number: int, late_s: float) -> None:
        await asyncio.sleep(late_s)
        await self.platform.deliver(chat, number)

    async def burst(self, chat: str, step: str = "") -> bool:
        """Let a chat say some things to a worker that dies at `step`. Return whether it died."""
        victim = await self.platform.a_link()
        victim.tell(die_at=step)
        for number in range(1, EFFECT_EVERY + 1):
            await self.platform.deliver(chat, number)
            self.said[chat] = number
            self.deliveries += 1
        until = time.monotonic() + STEP_S
        while step and victim in self.platform.pool.links and time.monotonic() < until:  # noqa: ASYNC110 (a death, not an event)
            await asyncio.sleep(0.01)
        died = victim not in self.platform.pool.links
        self.platform.pool.kills += died
        victim.tell(die_at="")
        return died

    def answer(self, outbound_id: str) -> None:
        if outbound_id.startswith("turn:"):
            self.answered += 1
            self._ahead.release()

    async def _kill(self) -> None:
        turn = 0
        while self.plan.kill_every_s:
            due = self.answered + PROGRESS
            await asyncio.sleep(self.plan.kill_every_s)
            while self.answered < due:  # noqa: ASYNC110 (a count, not an event)
                await asyncio.sleep(0.05)
            link, turn = await self.platform.a_link(), turn + 1
            if turn % PAUSES_OF_KILLS:
                self.platform.pool.kill(link)
            elif turn % (2 * PAUSES_OF_KILLS):
                self.platform.pause_in_turn(link)
            else:
                self.platform.pause(
                    max(self.platform.pool.links, key=lambda one: len(one.flying))
                )  # the one that sends

    async def _watch(self) -> None:
        before, since = (0, 0), time.monotonic()
        while True:
            await asyncio.sleep(1)
            now = (sum(self.said.values()), self.answered)
            if now != before:
                before, since = now, time.monotonic()
            if time.monotonic() - since > STALLED_S:
                raise CrashStalled(f"nothing was stored or answered for {STALLED_S:.0f} s, after {now[0]} messages")
            kills, pauses = self.platform.pool.kills, self.platform.pauses
            self.tell(f"{now[0]} stored, {now[1]} answered, {kills} kills, {pauses} pauses")


@asynccontextmanager
async def staged(plan: Plan, folder: Path, chance: Random, tell: Tell) -> AsyncIterator[Run]:
    """Yield a run whose workers live."""
    if plan.without == "key":
        drop_key(plan.url)
    with socket_folder() as sockets:
        orders = Orders(f"{sockets}/driver", plan.url, plan.lease_s, plan.without)
        platform = Platform(orders, plan.workers, plan.pause_s, plan.answer_s, chance)
        run = Run(plan, chance, tell, platform)
        platform.answered = run.answer
        async with platform.pool.open(folder / "workers.log"):
            yield run


async def crash(plan: Plan, folder: Path, chance: Random, tell: Tell) -> Outcome:
    """Make a run on the empty database at `plan.url`; workers log to `folder`.

    Raises:
        CrashStalled: it did not come to its end.
    """
    database = Database(plan.url)
    began = time.monotonic()
    try:
        async with staged(plan, folder, chance, tell) as run:
            await run.talk()
            await settle(database)
            seconds = time.monotonic() - began
        kills, pauses = run.platform.pool.kills, run.platform.pauses
        verdict = await database.read(lambda c: judge(c, run.said, run.platform.wire, kills + pauses))
    finally:
        database.close()
    return Outcome(verdict, sum(run.said.values()), run.deliveries, kills, pauses, round(seconds, 1))


async def crash_at_steps(plan: Plan, folder: Path, chance: Random, tell: Tell) -> Outcome:
    """Kill a worker at every step that workers go through, one after the other, ten messages each.

    The steps are those that the run meets itself: one that is new in the program is met too.

    Raises:
        CrashStalled: it did not come to its end.
    """
    database = Database(plan.url)
    began, missed, died = time.monotonic(), list[str](), set[str]()
    try:
        async with staged(plan, folder, chance, tell) as run:
            await run.burst("first")
            await settle(database)
            while steps := sorted(run.platform.steps - died):
                died.add(steps[0])
                if not await run.burst(f"c{len(died)}", steps[0]):
                    missed.append(steps[0])
                await settle(database)
                tell(f"{len(died)} of {len(run.platform.steps)} steps: {steps[0]}")
        kills = run.platform.pool.kills
        verdict = await database.read(lambda c: judge(c, run.said, run.platform.wire, kills))
    finally:
        database.close()
    seconds = round(time.monotonic() - began, 1)
    return Outcome(verdict, sum(run.said.values()), run.deliveries, kills, 0, seconds, missed)


async def settle(database: Database) -> None:
    """Wait until every turn and every send is over.

    Raises:
        CrashStalled: they never are.
    """
    left, since = -1, time.monotonic()
    while (now := await database.read(unsettled)) > 0:
        if now != left:
            left, since = now, time.monotonic()
        if time.monotonic() - since > STALLED_S:
            raise CrashStalled(f"{now} turns and sends are neither done nor given up after {STALLED_S:.0f} s")
        await asyncio.sleep(0.1)


def drop_key(url: str) -> None:
    """Let a message be stored twice."""
    engine = create_engine(url)
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("inbox") as table:
            table.drop_constraint("uq_inbox_key", type_="unique")
    engine.dispose()

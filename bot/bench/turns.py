"""Durable turns a second: customers who each wait for their answer before they say the next thing."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.bench.ceiling import ceiling
from bot.bench.stand import EchoPlatform, Line, message
from bot.bench.webhook import UNBOUNDED, knock
from bot.clock import SystemClock, new_id
from bot.delivery.inbox import unfinished
from bot.delivery.turns import Thinks
from bot.messages import Outbound
from bot.store.database import Database

WARM_UP_S = 1.0
ANSWER_WITHIN_S = 60.0
GROUPS = (1, 8, 32, 256)
"""Turns in one commit of the bare database, and customers at once."""
TEXTS = (
    "包邮吗",
    "我身高 175 体重 70 公斤穿多大",
    "什么时候发货",
    "怎么退货",
    "Do you ship to Hong Kong?",
    "how long do returns take",
    "几点上班",
    "可以用微信支付吗",
)
Percentiles = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one number of customers came to.

    Attributes:
        turns_per_s: from the message stored to the answer sent and its receipt on disk, all of it durable.
        of_ceiling: as a part of what the bare database does with as many turns in a commit.
        stored_ms, sent_ms: p50, p95 and p99 from the message's arrival until it is on disk, and until the platform
            has the answer.
        cpu_ms: processor time of a turn, all threads of this process, without the database server's.
    """

    conversations: int
    turns_per_s: float
    of_ceiling: float
    stored_ms: Percentiles
    sent_ms: Percentiles
    cpu_ms: float


@dataclass
class Customers:
    """People who talk to a line, each as fast as he is answered."""

    line: Line
    answered: dict[str, asyncio.Future[float]] = field(default_factory=dict)
    stored_s: list[float] = field(default_factory=list)
    sent_s: list[float] = field(default_factory=list)

    def hears(self, sent: Outbound) -> None:
        waiting = self.answered.pop(sent.chat.id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(time.perf_counter())

    async def one(self, chat: str, until: float) -> None:
        number = 0
        while time.perf_counter() < until:
            number += 1
            begun = time.perf_counter()
            answer = asyncio.get_running_loop().create_future()
            self.answered[chat] = answer
            said = message(chat, number, TEXTS[number % len(TEXTS)], self.line.clock.now())
            await self.line.receive([said])
            self.stored_s.append(time.perf_counter() - begun)
            self.sent_s.append(await asyncio.wait_for(answer, ANSWER_WITHIN_S) - begun)

    def forget(self) -> None:
        self.stored_s.clear()
        self.sent_s.clear()


async def measure(url: str, thinker: Thinks, conversations: int, seconds: float, top: float) -> Measured:
    """Let `conversations` customers talk for `seconds`; `top` is the ceiling in turns a second."""
    customers: Customers
    line = Line(Database(url), SystemClock(), new_id, thinker, EchoPlatform(lambda sent: customers.hears(sent)))  # noqa: PLW0108 (made below)
    customers = Customers(line)
    run = new_id()[:8]
    async with line.running():
        until = time.perf_counter() + WARM_UP_S + seconds
        people = [asyncio.create_task(customers.one(f"{run}-{number}", until)) for number in range(conversations)]
        await asyncio.sleep(WARM_UP_S)
        customers.forget()
        cpu, at = time.process_time(), time.perf_counter()
        await asyncio.gather(*people)
        took_s, cpu_s = time.perf_counter() - at, time.process_time() - cpu
    turns = len(customers.sent_s)
    return Measured(
        conversations=conversations,
        turns_per_s=turns / took_s,
        of_ceiling=turns / took_s / top,
        stored_ms=percentiles(customers.stored_s),
        sent_ms=percentiles(customers.sent_s),
        cpu_ms=1000 * cpu_s / max(1, turns),
    )


async def acknowledged(url: str, thinker: Thinks, seconds: float) -> tuple[float, Percentiles]:
    """Return half of the webhooks a second that a line takes over HTTP, and how long each waits at that pace."""
    line = Line(Database(url), SystemClock(), new_id, thinker, EchoPlatform(lambda _sent: None))
    async with line.running():
        most = await knock(line, per_s=UNBOUNDED, count=1000)
        while await line.database.read(unfinished):  # noqa: ASYNC110 (a database has no event for it)
            await asyncio.sleep(0.1)  # what the first run left over is not the second one's load
        half = most.per_s / 2
        return half, percentiles((await knock(line, half, count=int(half * seconds))).took_s)


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Return p50, p95 and p99 in milliseconds."""
    if not seconds:
        return (0.0, 0.0, 0.0)
    ordered = sorted(seconds)
    p50, p95, p99 = (1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99))
    return p50, p95, p99


def ceilings(url: str, seconds: float) -> dict[int, float]:
    """Return the bare database's turns a second by the number of turns in a commit."""
    return {group: ceiling(url, group, seconds) for group in GROUPS}


def peak_mb() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

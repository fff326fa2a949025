"""Durable turns a second: customers who each wait for their answer before they say the next thing."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.bench.ceiling import ceiling
from bot.bench.stand import EchoPlatform, Line, message
from bot.clock import SystemClock, new_id
from bot.delivery.turns import Thinks
from bot.messages import Outbound
from bot.store.database import Database

WARM_UP_S = 1.0
TEXTS = (
    "你好，这件大衣有 L 码吗？",
    "包邮吗",
    "我身高 175 体重 70 公斤穿多大",
    "什么时候发货",
    "怎么退货",
    "Do you ship to Hong Kong?",
    "how do I return this",
    "可以开发票吗",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one number of customers came to.

    Attributes:
        turns_per_s: from the message stored to the answer sent and its receipt on disk, all of it durable.
        stored_ms, sent_ms: p50, p95 and p99 from the message's arrival until it is on disk, and until the platform
            has the answer.
        cpu_ms: processor time of a turn, all threads of this process, without the database server's.
    """

    conversations: int
    turns_per_s: float
    of_ceiling: float
    stored_ms: tuple[float, float, float]
    sent_ms: tuple[float, float, float]
    cpu_ms: float


@dataclass
class Customers:
    """People who talk to a line, each at his own pace: as fast as he is answered, or at a steady one."""

    line: Line
    answered: dict[str, asyncio.Future[float]] = field(default_factory=dict)
    stored_s: list[float] = field(default_factory=list)
    sent_s: list[float] = field(default_factory=list)

    def hears(self, sent: Outbound) -> None:
        waiting = self.answered.pop(sent.chat.id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(time.perf_counter())

    async def one(self, chat: str, until: float, pause_s: float = 0.0) -> None:
        number = 0
        while time.perf_counter() < until:
            number += 1
            begun = time.perf_counter()
            answer = asyncio.get_running_loop().create_future()
            self.answered[chat] = answer
            said = message(chat, number, TEXTS[number % len(TEXTS)], self.line.clock.now())
            await self.line.receive([said])
            self.stored_s.append(time.perf_counter() - begun)
            self.sent_s.append(await asyncio.wait_for(answer, 30) - begun)
            if pause_s:
                await asyncio.sleep(max(0.0, pause_s - (time.perf_counter() - begun)))

    def forget(self) -> None:
        self.stored_s.clear()
        self.sent_s.clear()


async def measure(
    url: str, thinker: Thinks, conversations: int, seconds: float, top: float, pause_s: float = 0.0
) -> Measured:
    """Let `conversations` customers talk for `seconds`; `top` is the ceiling in turns a second."""
    database = Database(url)
    customers: Customers
    platform = EchoPlatform(lambda sent: customers.hears(sent))
    line = Line(database, SystemClock(), new_id, thinker, platform)
    customers = Customers(line)
    loops = line.loops()
    run = new_id()[:8]
    try:
        began = time.perf_counter()
        people = [
            asyncio.create_task(customers.one(f"{run}-{number}", began + WARM_UP_S + seconds, pause_s))
            for number in range(conversations)
        ]
        await asyncio.sleep(WARM_UP_S)
        customers.forget()
        cpu, at = time.process_time(), time.perf_counter()
        await asyncio.gather(*people)
        took_s, cpu_s = time.perf_counter() - at, time.process_time() - cpu
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        database.close()
    turns = len(customers.sent_s)
    return Measured(
        conversations=conversations,
        turns_per_s=turns / took_s,
        of_ceiling=turns / took_s / top,
        stored_ms=percentiles(customers.stored_s),
        sent_ms=percentiles(customers.sent_s),
        cpu_ms=1000 * cpu_s / max(1, turns),
    )


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Return p50, p95 and p99 in milliseconds."""
    if not seconds:
        return (0.0, 0.0, 0.0)
    ordered = sorted(seconds)
    p50, p95, p99 = (1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99))
    return p50, p95, p99


def ceilings(url: str, seconds: float) -> dict[int, float]:
    """Return the bare database's turns a second by the number of turns in a commit."""
    return {group: ceiling(url, group, seconds) for group in (1, 8, 32, 256)}


def peak_mb() -> float:
    """Return the most memory this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def real_thinker(folder: Path) -> Callable[[], Thinks]:
    """Return the maker of the bot's own mind over the shop in `folder`."""

    def make() -> Thinks:
        import os

        from bot.brain import Brain, read_mind
        from bot.delivery.thinking import Thinker
        from bot.settings import load_settings
        from bot.shop.sql import SqlShop

        settings = load_settings(folder, os.environ)
        return Thinker(Brain(folder, settings, read_mind(folder, settings)), settings, SqlShop)

    return make

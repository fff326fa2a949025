"""The driver of the crash run: the platform that delivers and takes messages, and whoever kills and stops workers."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random

from bot.bench import pool
from bot.bench.crash_worker import Orders
from bot.bench.pool import Pool, Said

PATIENCE_S = 1.0
"""How long the platform waits for an acknowledgement before it delivers again."""


@dataclass(slots=True)
class Wire:
    """What the platform saw: every send, in order.

    Attributes:
        sends: (outbound id, chat, text).
        times: how often each outbound id came.
        overlaps: ids that a worker sent while the platform had not yet answered its last send to the same chat.
    """

    sends: list[tuple[str, str, str]] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)
    overlaps: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Link(pool.Link):
    """A living worker. `flying` holds the chats of its sends that are not answered, by the number of the send."""

    waiting: dict[int, asyncio.Future[bool]] = field(default_factory=dict)
    flying: dict[int, str] = field(default_factory=dict)

    async def deliver(self, number: int, chat: str, text: int) -> bool:
        """Deliver a message; return whether it was acknowledged in time."""
        acknowledged = self.waiting[number] = asyncio.get_running_loop().create_future()
        self.tell(deliver=number, chat=chat, text=text)
        try:
            return await asyncio.wait_for(acknowledged, PATIENCE_S)
        except TimeoutError:
            return False
        finally:
            del self.waiting[number]

    def answer(self, number: int) -> None:
        """Answer a send."""
        del self.flying[number]
        self.tell(answers=number)


@dataclass(slots=True)
class Platform:
    """Delivers to whichever workers live, takes what they send, and keeps their number.

    Attributes:
        pause_s: how long a stopped worker stands still.
        answer_s: the longest time from a send until it is answered.
        answered: called at the first send of every outbound id.
        steps: all that workers have met, see `bot.bench.crash_worker.Steps`.
    """

    orders: Orders
    workers: int
    pause_s: float
    answer_s: float
    chance: Random
    answered: Callable[[str], None] = lambda _: None
    wire: Wire = field(default_factory=Wire)
    steps: set[str] = field(default_factory=set)
    pauses: int = 0
    pool: Pool[Link] = field(init=False)
    _deliveries: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.pool = Pool("bot.bench.crash_worker", self.orders, self.workers, Link, self._hear, _hang_up)

    def _hear(self, link: Link, line: Said) -> None:
        loop = asyncio.get_running_loop()
        match line:
            case {"stored": number}:
                acknowledged = link.waiting.get(number)
                if acknowledged is not None and not acknowledged.done():
                    acknowledged.set_result(True)
            case {"send": number, "id": outbound_id, "chat": chat, "text": text}:
                if chat in link.flying.values():
                    self.wire.overlaps.append(outbound_id)
                link.flying[number] = chat
                self.wire.sends.append((outbound_id, chat, text))
                self.wire.times[outbound_id] += 1
                if self.wire.times[outbound_id] == 1:
                    self.answered(outbound_id)
                loop.call_later(self.chance.random() * self.answer_s, lambda: link.answer(number))
            case {"step": step}:
                self.steps.add(step)
            case {"pauses": True}:
                self._go_on_later(link)

    async def a_link(self) -> Link:
        """Return some living worker, as soon as there is one."""
        while not self.pool.links:
            self.pool.came.clear()
            await self.pool.came.wait()
        return self.chance.choice(self.pool.links)

    async def deliver(self, chat: str, text: int, copies: int = 1) -> None:
        """Deliver a message, `copies` times at the same moment, again and again until it is acknowledged."""
        acknowledged = False
        while not acknowledged:
            links = [await self.a_link() for _ in range(copies)]
            others = [link for link in self.pool.links if link is not links[0]]
            links[1:] = [self.chance.choice(others) for _ in links[1:]] if others else links[1:]
            answers = await asyncio.gather(*(link.deliver(next(self._deliveries), chat, text) for link in links))
            acknowledged = any(answers)

    def pause(self, link: Link) -> None:
        """Stop a worker wherever it is."""
        link.signal(signal.SIGSTOP)
        self._go_on_later(link)

    def pause_in_turn(self, link: Link) -> None:
        """Let a worker stop in its next turn, between what it thought and the commit."""
        link.tell(pause=True)

    def _go_on_later(self, link: Link) -> None:
        self.pauses += 1
        asyncio.get_running_loop().call_later(self.pause_s, lambda: link.signal(signal.SIGCONT))


def _hang_up(link: Link) -> None:
    for acknowledged in link.waiting.values():
        if not acknowledged.done():
            acknowledged.set_result(False)

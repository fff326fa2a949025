"""The driver of the crash run: the platform that delivers and takes messages, and whoever kills and stops workers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import IO, Any

from bot.bench.crash_worker import Orders

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
class Link:
    """A living worker. `flying` holds the chats of its sends that are not answered, by the number of the send."""

    pid: int
    writer: asyncio.StreamWriter
    waiting: dict[int, asyncio.Future[bool]] = field(default_factory=dict)
    flying: dict[int, str] = field(default_factory=dict)

    def tell(self, **line: Any) -> None:
        if not self.writer.is_closing():
            self.writer.write(json.dumps(line).encode() + b"\n")

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

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


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
    kills: int = 0
    pauses: int = 0
    links: list[Link] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    _met: set[asyncio.StreamWriter] = field(default_factory=set)
    _deliveries: count[int] = field(default_factory=count)
    _nursery: IO[bytes] | None = None

    @asynccontextmanager
    async def open(self, log: Path) -> AsyncIterator[None]:
        """Start the workers, which write to `log`; at the end none is left."""
        command = [sys.executable, "-P", "-m", "bot.bench.crash_worker"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        server = await asyncio.start_unix_server(self._meet, self.orders.socket)
        with log.open("ab") as out:
            nursery = subprocess.Popen(  # noqa: S603, ASYNC220 (this program; the start of a process blocks for an instant)
                command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=environment
            )
        self._nursery = nursery.stdin
        try:
            for _ in range(self.workers):
                self._start_worker()
            yield
        finally:
            self._nursery = None
            nursery.communicate()
            for link in self.links:
                link.signal(signal.SIGKILL)
            for writer in tuple(self._met):
                writer.close()
            server.close()

    def _start_worker(self) -> None:
        if self._nursery is not None:
            self._nursery.write(json.dumps(asdict(self.orders)).encode() + b"\n")
            self._nursery.flush()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(0, writer)
        self._met.add(writer)
        try:
            async for line in reader:
                self._hear(link, json.loads(line))
        except (ConnectionError, ValueError):
            pass  # killed in the middle of a line
        finally:
            if link in self.links:
                self.links.remove(link)
            for acknowledged in link.waiting.values():
                if not acknowledged.done():
                    acknowledged.set_result(False)
            writer.close()
            self._met.discard(writer)
            self._start_worker()

    def _hear(self, link: Link, line: Mapping[str, Any]) -> None:
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
            case {"hello": pid}:
                link.pid = pid
                self.links.append(link)
                self.came.set()

    async def a_link(self) -> Link:
        """Return some living worker, as soon as there is one."""
        while not self.links:
            self.came.clear()
            await self.came.wait()
        return self.chance.choice(self.links)

    async def deliver(self, chat: str, text: int, copies: int = 1) -> None:
        """Deliver a message, `copies` times at the same moment, again and again until it is acknowledged."""
        acknowledged = False
        while not acknowledged:
            links = [await self.a_link() for _ in range(copies)]
            others = [link for link in self.links if link is not links[0]]
            links[1:] = [self.chance.choice(others) for _ in links[1:]] if others else links[1:]
            answers = await asyncio.gather(*(link.deliver(next(self._deliveries), chat, text) for link in links))
            acknowledged = any(answers)

    def kill(self, link: Link) -> None:
        self.kills += 1
        link.signal(signal.SIGKILL)

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


def socket_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder whose path is short enough for a socket."""
    return tempfile.TemporaryDirectory(prefix="zg-")

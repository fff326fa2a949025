"""Workers of a measurement that are killed, and the driver's end of the line to each.

A worker and its driver exchange lines of JSON over a socket; what the driver has read of a worker was so, whatever
happens to the worker then.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Generic, Protocol, TypeVar

Said = Mapping[str, Any]


class Orders(Protocol):
    """How a worker works: a dataclass. `socket` is the driver's; the rest is the measurement's own."""

    @property
    def socket(self) -> str: ...


@dataclass(slots=True, eq=False)
class Link:
    """The line to a living worker; `pid` is 0 until it has said hello."""

    writer: asyncio.StreamWriter
    pid: int = 0

    def tell(self, **line: Any) -> None:
        if not self.writer.is_closing():
            self.writer.write(json.dumps(line).encode() + b"\n")

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


L = TypeVar("L", bound=Link)


@dataclass(slots=True, eq=False)
class Pool(Generic[L]):
    """Keeps so many workers alive: where one dies, the next begins.

    Attributes:
        module: what a worker runs; it calls `serve_orders`.
        link: makes the driver's end of a line.
        hear: told what a worker says, first `{"hello": its pid}`.
        gone: told of a link whose worker is dead.
    """

    module: str
    orders: Any
    workers: int
    link: Callable[[asyncio.StreamWriter], L]
    hear: Callable[[L, Said], None]
    gone: Callable[[L], None]
    links: list[L] = field(default_factory=list)
    kills: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)
    _met: set[asyncio.StreamWriter] = field(default_factory=set)
    _meetings: set[asyncio.Task[Any]] = field(default_factory=set)
    _nursery: IO[bytes] | None = None

    @asynccontextmanager
    async def open(self, log: Path) -> AsyncIterator[None]:
        """Start the workers, which write to `log`; at the end none is left."""
        command = [sys.executable, "-P", "-m", self.module]
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
            await asyncio.gather(*self._meetings, return_exceptions=True)

    async def full(self) -> None:
        """Wait until all workers live."""
        while len(self.links) < self.workers:
            self.came.clear()
            await self.came.wait()

    def kill(self, link: L) -> None:
        self.kills += 1
        link.signal(signal.SIGKILL)

    def _start_worker(self) -> None:
        if self._nursery is not None:
            self._nursery.write(json.dumps(asdict(self.orders)).encode() + b"\n")
            self._nursery.flush()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = self.link(writer)
        self._met.add(writer)
        if (meeting := asyncio.current_task()) is not None:
            self._meetings.add(meeting)
            meeting.add_done_callback(self._meetings.discard)
        try:
            async for line in reader:
                self._hear(link, json.loads(line))
        except (ConnectionError, ValueError):
            pass  # killed in the middle of a line
        finally:
            if link in self.links:
                self.links.remove(link)
            self.gone(link)
            writer.close()
            self._met.discard(writer)
            self._start_worker()

    def _hear(self, link: L, said: Said) -> None:
        if "hello" in said:
            link.pid = said["hello"]
            self.links.append(link)
            self.came.set()
        self.hear(link, said)


def socket_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder whose path is short enough for a socket."""
    return tempfile.TemporaryDirectory(prefix="zg-")


def serve_orders(work: Callable[[Said], None]) -> None:
    """Fork a worker for every line of orders that comes in, until there are no more.

    A fork is there at once, where a new interpreter would spend most of its short life on imports.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    for line in sys.stdin:
        if os.fork() == 0:
            work(json.loads(line))
            os._exit(0)

"""A rush for a flash sale: many people claim at once, some never pay or pay late, and workers are killed meanwhile.

Processes, transactions and time are real; only the people are made up. What must hold is in `bot.bench.flash_verdict`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from typing import IO, Any

from sqlalchemy import Connection, select

from bot.bench.crash_platform import socket_folder
from bot.bench.flash_crowd import gather, open_sale
from bot.bench.flash_verdict import HAVING, OF_SALE, End, Watched, instant, judge
from bot.bench.flash_worker import Orders
from bot.errors import ZhangguiError
from bot.store.database import Database
from bot.store.tables import claims

LOOK_EVERY_S = 0.05
PROGRESS = 100
"""Claims between two kills at least: a slow machine too comes to its end."""
STALLED_S = 30.0
FAULTS = ("wrong", "idle_pieces", "above_limit", "out_of_line", "not_kept")
TARGETS = {**dict.fromkeys(FAULTS, 0.0), "decide_p99_ms": 200.0, "overdue_s": 2.0}


class RushStalled(ZhangguiError):
    """The run came to a stop. The log of the workers tells why."""

    code = "bench"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes.

    Attributes:
        workers: side by side; one on SQLite, whose file belongs to one process.
        at_once: claims that a worker is asked about at the same time.
        kill_every_s: seconds between two kills; 0 for none.
        without: `stock` takes the condition away that guards it.
    """

    url: str
    people: int
    pieces: int
    workers: int
    kill_every_s: float
    at_once: int = 8
    hold_s: int = 20
    offer_s: int = 10
    without: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A run and what it showed: `wrong`, `idle_pieces`, `above_limit`, `out_of_line` and `not_kept` must be 0.

    Attributes:
        instants: looks at the sale, each one statement; `wrong` where available + held + paid was not the total.
        paid_late: payments after the hold, that found no piece.
        decide_p50_ms, decide_p99_ms: from when a worker is asked to its durable answer.
        overdue_s: how long a hold outlived its time at most.
    """

    people: int
    pieces: int
    held: int
    waiting: int
    paid: int
    paid_late: int
    kills: int
    instants: int
    wrong: int
    idle_pieces: int
    above_limit: int
    out_of_line: int
    not_kept: int
    decide_p50_ms: float
    decide_p99_ms: float
    claims_per_s: float
    overdue_s: float
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong; how fast it was depends on the machine."""
        return not any(getattr(self, fault) for fault in FAULTS)


@dataclass(slots=True, eq=False)
class Link:
    """A living worker."""

    pid: int
    writer: asyncio.StreamWriter
    asked: dict[int, asyncio.Future[str | None]] = field(default_factory=dict)

    async def ask(self, number: int, do: str, person_id: str) -> str | None:
        """Ask a worker something; None if it died before it answered."""
        answered: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.asked[number] = answered
        if not self.writer.is_closing():
            said = json.dumps({"number": number, "do": do, "person": person_id})
            self.writer.write(said.encode() + b"\n")
        return await answered


@dataclass(slots=True)
class Rush:
    """One run: people who claim and pay, and workers that die."""

    plan: Plan
    orders: Orders
    chance: Random
    database: Database
    watched: Watched = field(default_factory=Watched)
    outcomes: Counter[str] = field(default_factory=Counter)
    told: dict[str, str] = field(default_factory=dict)
    took_ms: list[float] = field(default_factory=list)
    kills: int = 0
    links: list[Link] = field(default_factory=list)
    _slots: asyncio.Queue[Link] = field(default_factory=asyncio.Queue)
    """A link for each thing that it can be asked at once; those of a dead one are passed over."""
    _crowd: asyncio.Semaphore = field(init=False)
    _numbers: count[int] = field(default_factory=count)
    _payments: set[asyncio.Task[None]] = field(default_factory=set)
    _offered: set[str] = field(default_factory=set)
    _met: set[asyncio.StreamWriter] = field(default_factory=set)
    _meetings: set[asyncio.Task[Any]] = field(default_factory=set)
    _nursery: IO[bytes] | None = None

    def __post_init__(self) -> None:
        self._crowd = asyncio.Semaphore(self.plan.workers * self.plan.at_once)

    @asynccontextmanager
    async def open(self, log: Path) -> AsyncIterator[None]:
        """Start the workers, which write to `log`; at the end none is left."""
        command = [sys.executable, "-P", "-m", "bot.bench.flash_worker"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        server = await asyncio.start_unix_server(self._meet, self.orders.socket)
        with log.open("ab") as out:
            nursery = subprocess.Popen(  # noqa: S603, ASYNC220 (this program; the start of a process blocks for an instant)
                command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=environment
            )
        self._nursery = nursery.stdin
        try:
            for _ in range(self.plan.workers):
                self._start_worker()
            yield
        finally:
            self._nursery = None
            nursery.communicate()
            for link in self.links:
                _kill(link)
            for writer in tuple(self._met):
                writer.close()
            server.close()
            await asyncio.gather(*self._meetings, return_exceptions=True)

    def _start_worker(self) -> None:
        if self._nursery is not None:
            self._nursery.write(json.dumps(asdict(self.orders)).encode() + b"\n")
            self._nursery.flush()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(0, writer)
        self._met.add(writer)
        if (meeting := asyncio.current_task()) is not None:
            self._meetings.add(meeting)
        try:
            async for said in reader:
                self._hear(link, json.loads(said))
        except (ConnectionError, ValueError):
            pass  # killed in the middle of a line
        finally:
            if link in self.links:
                self.links.remove(link)
            for answered in link.asked.values():
                if not answered.done():
                    answered.set_result(None)
            writer.close()
            self._met.discard(writer)
            self._start_worker()

    def _hear(self, link: Link, said: Mapping[str, Any]) -> None:
        if "hello" in said:
            link.pid = said["hello"]
            self.links.append(link)
            for _ in range(self.plan.at_once):
                self._slots.put_nowait(link)
            return
        answered = link.asked.pop(said["number"])
        if not answered.done():
            answered.set_result(said["outcome"])

    async def ask(self, do: str, person_id: str) -> tuple[str, float]:
        """Ask whichever worker has room, again if it dies. Return the answer and the milliseconds it took."""
        while True:
            link = await self._slots.get()
            if link not in self.links:
                continue
            began = time.perf_counter()
            outcome = await link.ask(next(self._numbers), do, person_id)
            took_ms = (time.perf_counter() - began) * 1000
            if outcome is None:
                continue
            self._slots.put_nowait(link)
            return outcome, took_ms

    async def claim(self, person_id: str) -> None:
        async with self._crowd:  # who pays does not stand behind all who claim
            outcome, took_ms = await self.ask("claim", person_id)
        self.outcomes[outcome] += 1
        self.took_ms.append(took_ms)
        if outcome == "held":
            self.told[person_id] = "held"
            self._think_it_over(person_id, self.plan.hold_s)

    def _think_it_over(self, person_id: str, hold_s: float) -> None:
        task = asyncio.create_task(self._pay_or_not(person_id, hold_s))
        self._payments.add(task)
        task.add_done_callback(self._payments.discard)

    async def _pay_or_not(self, person_id: str, hold_s: float) -> None:
        """Six in ten pay in time, one pays slowly with an extension, one too late, two never."""
        mood = self.chance.random()
        if mood < 0.2:
            return
        if mood < 0.3:
            await asyncio.sleep(hold_s * 1.3)
        elif mood < 0.4:
            await asyncio.sleep(hold_s * 0.8)
            await self.ask("paying", person_id)
            await asyncio.sleep(hold_s * 0.5)
        else:
            await asyncio.sleep(hold_s * 0.8 * self.chance.random())
        outcome, _ = await self.ask("pay", person_id)
        self.outcomes[f"payment {outcome}"] += 1
        if outcome == "paid":
            self.told[person_id] = "paid"
        else:
            self.told.pop(person_id, None)

    async def watch(self) -> None:
        """Look at the sale as often as possible, and let people hear of offers."""
        while True:
            seen, offers = await self.database.read(self._look)
            self.watched.add(seen, self.plan.pieces)
            for person_id in offers:
                self._offered.add(person_id)
                self._think_it_over(person_id, self.plan.offer_s)
            await asyncio.sleep(LOOK_EVERY_S)

    def _look(self, connection: Connection) -> tuple[Any, list[str]]:
        seen = instant(connection, datetime.now(UTC))
        fresh = select(claims.c.person_id).where(OF_SALE, claims.c.status == HAVING[0], claims.c.place > 0)
        return seen, [one for one in connection.execute(fresh).scalars() if one not in self._offered]

    async def kill(self) -> None:
        while self.plan.kill_every_s:
            due = min(len(self.took_ms) + PROGRESS, self.plan.people)
            await asyncio.sleep(self.plan.kill_every_s)
            while len(self.took_ms) < due:  # noqa: ASYNC110 (a count, not an event)
                await asyncio.sleep(0.05)
            if self.links:
                _kill(self.chance.choice(self.links))
                self.kills += 1

    async def settle(self) -> None:
        """Wait until everything is sold, or nobody holds or waits; what went wrong already needs no end."""
        before, since = None, time.monotonic()
        while not self.watched.wrong:
            seen, _ = await self.database.read(self._look)
            sold = seen.paid == self.plan.pieces
            if not self._payments and (sold or seen.is_over):
                return
            stands = (seen.paid, seen.held, seen.waiting, len(self._payments))
            if stands != before:
                before, since = stands, time.monotonic()
            if time.monotonic() - since > STALLED_S:
                raise RushStalled(f"{seen} and {len(self._payments)} payments for {STALLED_S:.0f} s")
            await asyncio.sleep(0.1)


def _kill(link: Link) -> None:
    with suppress(ProcessLookupError):
        os.kill(link.pid, signal.SIGKILL)


async def rush(plan: Plan, folder: Path, chance: Random) -> Verdict:
    """Make a run on the empty database at `plan.url`; workers log to `folder`.

    Raises:
        RushStalled: it did not come to its end.
    """
    database = Database(plan.url)
    began_at = datetime.now(UTC)
    try:
        people = await database.write(lambda c: gather(c, plan.people, chance, began_at))
        with socket_folder() as sockets:
            run = Rush(plan, Orders(f"{sockets}/driver", plan.url, plan.without), chance, database)
            async with run.open(folder / "workers.log"):
                return await _run(run, people)
    finally:
        database.close()


async def _run(run: Rush, people: list[str]) -> Verdict:
    plan, database = run.plan, run.database
    while len(run.links) < plan.workers:  # noqa: ASYNC110 (processes begin)
        await asyncio.sleep(0.02)
    await database.write(lambda c: open_sale(c, plan.pieces, plan.hold_s, plan.offer_s, datetime.now(UTC)))
    began = time.monotonic()
    others = [asyncio.create_task(run.watch()), asyncio.create_task(run.kill())]
    try:
        claiming = asyncio.gather(*(run.claim(person_id) for person_id in people))
        waits: list[asyncio.Future[Any]] = [claiming, *others]
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
        claimed_s = time.monotonic() - began
        await run.settle()
    finally:
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    seen, end = await database.read(lambda c: (instant(c, datetime.now(UTC)), judge(c, run.told)))
    run.watched.add(seen, plan.pieces)
    return _verdict(run, end, seen.paid, claimed_s, time.monotonic() - began)


def _verdict(run: Rush, end: End, paid: int, claimed_s: float, seconds: float) -> Verdict:
    took = sorted(run.took_ms)
    watched = run.watched
    return Verdict(
        people=len(took),
        pieces=run.plan.pieces,
        held=run.outcomes["held"],
        waiting=run.outcomes["waiting"],
        paid=paid,
        paid_late=run.outcomes["payment late"],
        kills=run.kills,
        instants=watched.instants,
        wrong=watched.wrong,
        idle_pieces=watched.idle_pieces,
        above_limit=end.above_limit,
        out_of_line=end.out_of_line,
        not_kept=end.not_kept,
        decide_p50_ms=round(took[len(took) // 2], 1),
        decide_p99_ms=round(took[int(len(took) * 0.99)], 1),
        claims_per_s=round(len(took) / claimed_s, 1),
        overdue_s=round(watched.overdue_s, 2),
        seconds=round(seconds, 1),
    )

"""A rush for a flash sale: many people claim at once, some never pay or pay late, and workers are killed meanwhile.

Processes, transactions and time are real; only the people are made up. What must hold is in `bot.bench.flash_verdict`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, select

from bot.bench import pool
from bot.bench.flash_crowd import gather, open_sale
from bot.bench.flash_verdict import HAVING, OF_SALE, End, Watched, instant, judge
from bot.bench.flash_worker import Orders
from bot.bench.pool import Pool, Said, socket_folder
from bot.errors import ZhangguiError
from bot.store.database import Database
from bot.store.tables import claims

LOOK_EVERY_S = 0.05
AT_ONCE_OPEN = 64
"""What a worker is asked at the same time where claims come at a pace of their own."""
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
        per_s: claims that come in a second, however fast they are decided; 0: the next comes when one is decided.
        kill_every_s: seconds between two kills; 0 for none.
        without: `stock` takes the condition away that guards it.
    """

    url: str
    people: int
    pieces: int
    workers: int
    kill_every_s: float
    at_once: int = 8
    per_s: float = 0
    hold_s: int = 20
    offer_s: int = 10
    without: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A run and what it showed: `wrong`, `idle_pieces`, `above_limit`, `out_of_line` and `not_kept` must be 0.

    Attributes:
        instants: looks at the sale, each one statement; `wrong` where available + held + paid was not the total.
        paid_late: payments after the hold, that found no piece.
        decide_p50_ms, decide_p99_ms, decide_most_ms: from when a claim comes until its answer is on disk: with the wait
            for a worker that has room, for the database, and for another worker where the first was killed.
        load: of the machine in the last minute, at the end.
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
    decide_most_ms: float
    claims_per_s: float
    overdue_s: float
    seconds: float
    load: float

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong; how fast it was depends on the machine."""
        return not any(getattr(self, fault) for fault in FAULTS)


@dataclass(slots=True, eq=False)
class Link(pool.Link):
    """A living worker, and what it has been asked."""

    asked: dict[int, asyncio.Future[str | None]] = field(default_factory=dict)

    async def ask(self, number: int, do: str, person_id: str) -> str | None:
        """Ask a worker something; None if it died before it answered."""
        answered: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.asked[number] = answered
        self.tell(number=number, do=do, person=person_id)
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
    pool: Pool[Link] = field(init=False)
    _slots: asyncio.Queue[Link] = field(default_factory=asyncio.Queue)
    """A link for each thing that it can be asked at once; those of a dead one are passed over."""
    _crowd: asyncio.Semaphore = field(init=False)
    _numbers: count[int] = field(default_factory=count)
    _payments: set[asyncio.Task[None]] = field(default_factory=set)
    _offered: set[str] = field(default_factory=set)
    broken: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def __post_init__(self) -> None:
        self._crowd = asyncio.Semaphore(self.plan.workers * self.plan.at_once)
        self.pool = Pool("bot.bench.flash_worker", self.orders, self.plan.workers, Link, self._hear, _hang_up)

    def _hear(self, link: Link, said: Said) -> None:
        match said:
            case {"hello": _}:
                for _ in range(self.plan.at_once):
                    self._slots.put_nowait(link)
            case {"failed": what}:
                if not self.broken.done():
                    self.broken.set_exception(RushStalled(f"a worker failed: {what}"))
            case {"number": number, "outcome": outcome}:
                answered = link.asked.pop(number)
                if not answered.done():
                    answered.set_result(outcome)

    async def ask(self, do: str, person_id: str) -> str:
        """Ask whichever worker has room, again if it dies, and return the answer."""
        while True:
            link = await self._slots.get()
            if link not in self.pool.links:
                continue
            outcome = await link.ask(next(self._numbers), do, person_id)
            if outcome is None:
                continue
            self._slots.put_nowait(link)
            return outcome

    async def come(self, people: Sequence[str]) -> None:
        """Let all claim: each when there is room, or, if the plan says so, at a pace that waits for nobody."""
        if not self.plan.per_s:
            await asyncio.gather(*(self._claim_when_free(person_id) for person_id in people))
            return
        comes_at, coming = time.perf_counter(), list[asyncio.Task[None]]()
        for person_id in people:
            comes_at += self.chance.expovariate(self.plan.per_s)
            await asyncio.sleep(max(0.0, comes_at - time.perf_counter()))
            coming.append(asyncio.create_task(self.claim(person_id, comes_at)))
        await asyncio.gather(*coming)

    async def _claim_when_free(self, person_id: str) -> None:
        async with self._crowd:  # who pays does not stand behind all who claim
            await self.claim(person_id, time.perf_counter())

    async def claim(self, person_id: str, comes_at: float) -> None:
        outcome = await self.ask("claim", person_id)
        self.took_ms.append((time.perf_counter() - comes_at) * 1000)
        self.outcomes[outcome] += 1
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
        outcome = await self.ask("pay", person_id)
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
            if self.pool.links:
                self.pool.kill(self.chance.choice(self.pool.links))

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


def _hang_up(link: Link) -> None:
    for answered in link.asked.values():
        if not answered.done():
            answered.set_result(None)


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
            async with run.pool.open(folder / "workers.log"):
                return await _run(run, people)
    finally:
        database.close()


async def _run(run: Rush, people: list[str]) -> Verdict:
    plan, database = run.plan, run.database
    await run.pool.full()
    await database.write(lambda c: open_sale(c, plan.pieces, plan.hold_s, plan.offer_s, datetime.now(UTC)))
    began = time.monotonic()
    claiming = asyncio.create_task(run.come(people))
    others = [asyncio.create_task(run.watch()), asyncio.create_task(run.kill())]
    try:
        waits: list[asyncio.Future[Any]] = [claiming, *others, run.broken]
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        now = await database.read(lambda c: instant(c, datetime.now(UTC)))
        run.watched.add(now, plan.pieces)
        for one in () if run.watched.wrong else done:  # that something fails once a sale is oversold is no news
            one.result()
        claimed_s = time.monotonic() - began
        await run.settle()
    finally:
        for one in (claiming, *others):
            one.cancel()
        await asyncio.gather(claiming, *others, return_exceptions=True)
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
        kills=run.pool.kills,
        instants=watched.instants,
        wrong=watched.wrong,
        idle_pieces=watched.idle_pieces,
        above_limit=end.above_limit,
        out_of_line=end.out_of_line,
        not_kept=end.not_kept,
        decide_p50_ms=round(took[len(took) // 2], 1),
        decide_p99_ms=round(took[int(len(took) * 0.99)], 1),
        decide_most_ms=round(took[-1], 1),
        claims_per_s=round(len(took) / claimed_s, 1),
        overdue_s=round(watched.overdue_s, 2),
        seconds=round(seconds, 1),
        load=round(os.getloadavg()[0], 1),
    )

"""`bench queue --events`: random things happen to a queue, and after each one everything must hold."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random

from sqlalchemy import Connection

from bot import audit
from bot.bench.queue_rules import Broken
from bot.bench.queue_shop import LEASE_OVER, LEAVES, WANTS_HUMAN, Mortal, QueueShop
from bot.errors import ZhangguiError
from handoff import answering, board, desk, ownership, presence, staffing
from handoff.people import Agent

LEAD = Agent("lead", "lead", "Lead", "lead")
Act = tuple[str, int, int, int]
"""What somebody does, with the numbers that choose who and how."""
REASONS = ("asked", "complaint", "exchange")
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (1, 10, 40, 70, 150, 700))
NIGHTS = tuple(timedelta(hours=hours) for hours in (3, 8, 14))


@dataclass
class Events:
    """Everything that can happen. Each event takes three numbers, which choose who and how."""

    shop: QueueShop
    refused: int = 0
    _alone: bool = True

    async def happen_at_once(self, acts: Sequence[Act], more: Sequence[Act]) -> None:
        """Let people do so much at the same moment, and more while the queue is looked through because of it.

        Raises:
            Broken: something does not hold when all is over.
        """
        self._alone = False
        try:
            await asyncio.gather(*(self._tried_to(*act) for act in acts))
            fired = [self.shop.process.timers.fire_next() for _ in range(2)]
            await asyncio.gather(*(self._tried_to(*act) for act in more), *fired)
        finally:
            self._alone = True
        await self.shop.settle()
        await self.shop.check()

    async def happens(self, what: str, one: int, two: int, three: int) -> None:
        """Let it happen, and look whether everything holds.

        Raises:
            Broken: something does not.
        """
        if what == "crash":
            other = KINDS[two % len(KINDS)]
            await self.shop.dies_in(three % 4, lambda: self._done(other, one, three, two))
        else:
            await self._done(what, one, two, three)
        await self.shop.settle()
        await self.shop.check()
        if what != "pause" and three % 4:  # now and then what was said stays in the outbox for a while
            await self.shop.send()
            await self.shop.check()

    async def _done(self, what: str, one: int, two: int, three: int) -> None:
        await self._tried_to(what, one, two, three)
        await self.shop.settle()

    async def _tried_to(self, what: str, one: int, two: int, three: int) -> None:
        handle: Callable[[int, int, int], Awaitable[None]] = getattr(self, f"_{what}")
        try:
            await handle(one, two, three)
        except ZhangguiError:
            self.refused += 1

    # --- customers -------------------------------------------------------------------------------------------------
    async def _asks(self, one: int, two: int, three: int) -> None:
        text = f"{WANTS_HUMAN} {REASONS[two % 3]} {three % 3}"
        await self.shop.writes(one % self.shop.customers, text)

    async def _writes(self, one: int, two: int, three: int) -> None:
        await self.shop.writes(one % self.shop.customers, LEAVES if three % 3 == 0 else f"hello {two}")

    # --- agents ----------------------------------------------------------------------------------------------------
    async def _answers(self, one: int, two: int, three: int) -> None:
        talk, agent = self._of(one, two)
        key = f"k{self.shop.process.new_id()}"
        has_it = await self._has(talk, agent)
        taken = await self._tried(lambda c: desk.reply(c, talk, agent, "hi", key, self._now))
        if self._alone and taken != has_it:
            raise Broken(f"{talk}: {agent}'s answer was {'refused' if has_it else 'taken'}")

    async def _closes(self, one: int, two: int, three: int) -> None:
        talk, agent = self._of(one, two)
        await self._do(lambda c: ownership.close(c, talk, agent, "solved", self._now))

    async def _gives_back(self, one: int, two: int, three: int) -> None:
        talk, agent = self._of(one, two)
        await self._do(lambda c: ownership.give_back(c, talk, agent, "", self._now))

    async def _releases(self, one: int, two: int, three: int) -> None:
        talk, agent = self._of(one, two)
        await self._do(lambda c: ownership.release(c, talk, agent, self._now))

    async def _transfers(self, one: int, two: int, three: int) -> None:
        talk, agent = self._of(one, two)
        await self._do(lambda c: ownership.transfer(c, talk, agent, self._agent(three), "", self._now))

    async def _takes(self, one: int, two: int, three: int) -> None:
        talk, _ = self._of(one, two)
        await self._do(lambda c: ownership.take(c, talk, self._agent(three), self._now))

    async def _snoozes(self, one: int, two: int, three: int) -> None:
        talk, agent = self._of(one, two)
        until = self._now + timedelta(minutes=1 + three % 90)
        await self._do(lambda c: answering.snooze(c, talk, agent, until, self._now))

    async def _comes(self, one: int, two: int, three: int) -> None:
        agent = self._agent(one)
        self.shop.open_pages.add(agent)
        await self._do(lambda c: presence.beat(c, agent, self._now))
        await self._do(lambda c: presence.set_status(c, agent, "on", self._now))

    async def _pauses(self, one: int, two: int, three: int) -> None:
        await self._do(lambda c: presence.set_status(c, self._agent(one), ("away", "off")[two % 2], self._now))

    async def _loses_connection(self, one: int, two: int, three: int) -> None:
        self.shop.open_pages.discard(self._agent(one))

    async def _changes(self, one: int, two: int, three: int) -> None:
        topics = [] if three % 2 else [REASONS[three % 3]]
        speaks = ([], ["en"], ["zh"])[two % 3]
        await self._do(lambda c: presence.set_abilities(c, self._agent(one), self._now, two % 4, speaks, topics))

    # --- admins and leads ------------------------------------------------------------------------------------------
    async def _staffs(self, one: int, two: int, three: int) -> None:
        agent, who = self._agent(one), audit.SYSTEM
        acts: tuple[Callable[[Connection], None], ...] = (
            lambda c: staffing.disable(c, who, agent, self._now),
            lambda c: staffing.change_role(c, who, agent, "editor", self._now),
            lambda c: staffing.enable(c, who, agent, self._now),
            lambda c: staffing.change_role(c, who, agent, "agent", self._now),
        )
        await self._do(acts[two % 4])
        if three % 2:  # most are back soon: without a crew little happens
            await self._do(acts[2])
            await self._do(acts[3])

    async def _reassigns(self, one: int, two: int, three: int) -> None:
        talk, agent = self._of(one, two)
        to = self._agent(three) if three % 3 else ""
        if two % 4:
            await self._do(lambda c: board.reassign(c, LEAD, talk, to, "", self._now))
        else:
            await self._do(lambda c: board.reassign_all(c, LEAD, agent, to, "", self._now))

    async def _leads(self, one: int, two: int, three: int) -> None:
        agent, status = self._agent(one), presence.STATUSES[two % 3]
        wanted = partial(board.set_agent, lead=LEAD, agent_id=agent, now=self._now, status=status, capacity=three % 4)
        await self._do(partial(wanted, languages=(), topics=()))

    # --- time ------------------------------------------------------------------------------------------------------
    async def _pause(self, one: int, two: int, three: int) -> None:
        await self.shop.passes(PAUSES[one % len(PAUSES)])

    async def _night(self, one: int, two: int, three: int) -> None:
        self.shop.open_pages.clear()
        await self.shop.passes(NIGHTS[one % len(NIGHTS)])

    async def _lease_ends(self, one: int, two: int, three: int) -> None:
        await self.shop.passes(LEASE_OVER)

    # --- helpers ---------------------------------------------------------------------------------------------------
    @property
    def _now(self) -> datetime:
        return self.shop.clock.now()

    def _agent(self, number: int) -> str:
        return f"a{number % self.shop.crew}"

    def _of(self, one: int, two: int) -> tuple[str, str]:
        """Return a conversation and, mostly, the agent who has it, else just any."""
        talk = self.shop.talks[one % self.shop.customers]
        holder = self.shop.holder(talk)
        return talk, holder if holder and two % 5 else self._agent(two)

    async def _has(self, talk: str, agent: str) -> bool:
        held = await self.shop.database.read(lambda c: ownership.current(c, talk))
        return held.agent_id == agent

    async def _tried(self, job: Callable[[Connection], object]) -> bool:
        try:
            await self._do(job)
        except ZhangguiError:
            return False
        return True

    async def _do(self, job: Callable[[Connection], object]) -> None:
        await self.shop.database.write(job)


KINDS = (
    *("asks",) * 6,
    *("writes",) * 4,
    *("answers",) * 6,
    *("closes",) * 3,
    "gives_back",
    "releases",
    *("transfers",) * 2,
    *("takes",) * 2,
    *("snoozes",) * 2,
    *("comes",) * 4,
    "pauses",
    "loses_connection",
    "changes",
    "staffs",
    "reassigns",
    "leads",
    *("pause",) * 8,
    "lease_ends",
)
"""What happens, the likelier the oftener it stands here; nights are rarer and dying processes are beside it."""
ACTS = tuple(kind for kind in KINDS if kind not in ("pause", "lease_ends"))
"""What people do, without what time does."""
EVENTS = (*dict.fromkeys(KINDS), "night", "crash")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        refused: actions that were not allowed at that moment, and were told so.
        given: conversations that were given out.
        days: simulated days.
        broken: what did not hold; empty is good.
    """

    events: int
    refused: int
    given: int
    sent: int
    days: float
    took_s: float
    kinds: dict[str, int]
    broken: str = ""


async def run(url: str, events: int, seed: int) -> Outcome:
    """Let so many events happen to a fresh queue on the database `url`, the first broken rule ends it."""
    random, database = Random(seed), Mortal(url)
    kinds: Counter[str] = Counter()
    began = time.monotonic()
    broken = ""
    shop = QueueShop(database)
    happening = Events(shop)
    try:
        await shop.open()
        opened_at = shop.clock.at
        for number in range(events):
            what = "crash" if random.random() < 0.05 else "night" if random.random() < 0.005 else random.choice(KINDS)
            kinds[what] += 1
            numbers = [random.randrange(1000) for _ in range(3)]
            try:
                await happening.happens(what, *numbers)
            except Broken as error:
                broken = f"event {number} ({what} {numbers}, seed {seed}): {error}"
                break
            await asyncio.sleep(0)
    finally:
        database.close()
    return Outcome(
        sum(kinds.values()),
        happening.refused,
        shop.given,
        shop.sent,
        round((shop.clock.at - opened_at) / timedelta(days=1), 1),
        round(time.monotonic() - began, 1),
        dict(kinds),
        broken,
    )

"""Days of a made-up shop with two peaks, on which what is foretold to those who wait is compared with what came.

Who gets whom is decided by the real `handoff.routing`. Nothing else of the shop is there: no database, no clock.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import fmean, median

from handoff.forecast import AT_ONCE_S, DAY_S, Range, Wait, forecast
from handoff.routing import Seat, Waiter, order, pairs
from handoff.waits import DAYS_SAMPLE, LAST, LAST_ENDED

MORNING = datetime(2026, 11, 2, 1, tzinfo=UTC)
"""When the first day begins: 9:00 in Shanghai. Days last `OPEN_H` hours."""
OPEN_H = 14
BY_HOUR = (0.5, 0.8, 1.25, 1.2, 0.8, 0.75, 0.8, 0.8, 0.85, 0.9, 1.15, 1.45, 1.2, 0.5)
"""How many customers come in each open hour, 9 to 23: peaks before noon and in the evening."""
TOPICS = (("size", 5.0), ("exchange", 9.0), ("complaint", 14.0))
"""What it is about and how many minutes an agent has it on average."""
CLOSES_S = OPEN_H * 3600.0


@dataclass(frozen=True, slots=True)
class Crew:
    """A shop's people and its customers.

    Attributes:
        agents: how many there are; a third each works from the first, third and fifth hour on, for nine hours.
        capacity: conversations an agent has at once.
        busy: customers of an average hour, as a share of what the average crew can do.
    """

    agents: int = 12
    capacity: int = 4
    busy: float = 0.93


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody who had to wait was told, and what came.

    Attributes:
        by_formula_s: what Comm100's formula says: (floor((place - 1) / slots) + 1) x mean length of the last 100 chats.
    """

    began_s: float
    range: Range
    by_formula_s: float
    real_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """How true it was, over the days that are looked at.

    Attributes:
        waits: people who were told something and whom an agent came to.
        coverage: share whose wait lay in the range.
        error, formula_error: medians of |foretold - real| / real, of ours and of Comm100's formula.
        width: median of the range's upper end divided by its lower one.
        longest_min, likely_min: the longest and the median wait.
    """

    waits: int
    coverage: float
    error: float
    formula_error: float
    width: float
    longest_min: float
    likely_min: float


def verdict(told: list[Told]) -> Verdict:
    """Return how true what was told is."""
    return Verdict(
        waits=len(told),
        coverage=round(fmean(one.range.holds(one.real_s) for one in told), 3),
        error=round(median(abs(one.range.likely_s - one.real_s) / one.real_s for one in told), 3),
        formula_error=round(median(abs(one.by_formula_s - one.real_s) / one.real_s for one in told), 3),
        width=round(median(one.range.to_s / one.range.from_s for one in told), 2),
        longest_min=round(max(one.real_s for one in told) / 60, 1),
        likely_min=round(median(one.real_s for one in told) / 60, 1),
    )


def is_good(verdict: Verdict) -> bool:
    """Return whether customers may be told such waits: four of five inside, and nearer than the usual formula."""
    return verdict.coverage >= 0.8 and verdict.error <= 0.25 and verdict.error < verdict.formula_error


@dataclass
class Days:
    """The shop while its days go by. All times in seconds since the first morning."""

    crew: Crew
    random: Random
    told: list[Told] = field(default_factory=list)
    _events: list[tuple[float, int, str, str]] = field(default_factory=list)
    _number: int = 0
    _seats: dict[str, Seat] = field(default_factory=dict)
    _on: set[str] = field(default_factory=set)
    _queue: dict[str, Waiter] = field(default_factory=dict)
    _begun: dict[str, tuple[float, int, int, Range | None, float]] = field(default_factory=dict)
    _minutes: dict[str, float] = field(default_factory=dict)
    _past: deque[Wait] = field(default_factory=lambda: deque(maxlen=LAST))
    _took_s: deque[float] = field(default_factory=lambda: deque(maxlen=LAST_ENDED))
    _days: list[Wait] = field(default_factory=list)

    def run(self, days: int) -> None:
        """Let so many days go by."""
        for number in range(self.crew.agents):
            name = f"agent{number}"
            languages = frozenset({"zh", "en"} if number % 3 == 0 else {"zh"})
            self._seats[name] = Seat(name, self.crew.capacity, languages=languages)
        for day in range(days):
            self._plan(float(day * DAY_S))
        while self._events:
            at_s, _, what, who = heapq.heappop(self._events)
            getattr(self, f"_{what}")(who, at_s)
            self._give_out(at_s)

    def _plan(self, morning_s: float) -> None:
        for number in range(self.crew.agents):
            name = f"agent{number}"
            if self.random.random() < 0.05:
                continue  # ill
            starts_s = morning_s + (0, 2, 5)[number % 3] * 3600.0
            pause_s = starts_s + 3 * 3600 + number // 3 * 1800
            changes = ("comes", starts_s), ("goes", pause_s), ("comes", pause_s + 2700), ("goes", starts_s + 9 * 3600)
            for what, at_s in changes:
                self._later(what, name, at_s + self.random.uniform(-300, 600))
        self._later("closes", "", morning_s + CLOSES_S)
        volume = self.random.lognormvariate(0, 0.08)
        usual = fmean(minutes for _, minutes in TOPICS)
        on_duty = self.crew.agents * (9 - 0.75) / OPEN_H
        an_hour = self.crew.busy * on_duty * self.crew.capacity * 60 / usual * volume
        for hour, share in enumerate(BY_HOUR):
            at_s = self.random.expovariate(an_hour * share / 3600)
            while at_s < 3600:
                self._number += 1
                self._later("arrives", f"c{self._number}", morning_s + hour * 3600 + at_s)
                at_s += self.random.expovariate(an_hour * share / 3600)

    def _later(self, what: str, who: str, at_s: float) -> None:
        self._number += 1
        heapq.heappush(self._events, (at_s, self._number, what, who))

    # --- what happens ----------------------------------------------------------------------------------------------
    def _comes(self, agent: str, _at_s: float) -> None:
        self._on.add(agent)

    def _goes(self, agent: str, _at_s: float) -> None:
        self._on.discard(agent)

    def _arrives(self, customer: str, at_s: float) -> None:
        topic, minutes = self.random.choice(TOPICS)
        spread = 0.7  # of the logarithm: most are short, some are very long
        self._minutes[customer] = self.random.lognormvariate(math.log(minutes) - spread**2 / 2, spread)
        language = "en" if self.random.random() < 0.1 else "zh"
        priority = 1 if self.random.random() < 0.05 else 0
        self._queue[customer] = Waiter(customer, _at(at_s), priority, language, topic)
        self._later("leaves", customer, at_s + self.random.expovariate(1 / 5400))
        place = 1 + [waiter.id for waiter in order(self._queue.values())].index(customer)
        slots = sum(self._seats[name].capacity for name in self._on)
        some = self._days[:: 1 + len(self._days) // DAYS_SAMPLE]
        known = forecast(self._past, self._took_s, some)
        foretold = known.at(place, slots, at_s) if known else None
        self._begun[customer] = at_s, place, slots, foretold, self._by_formula(place, slots)

    def _leaves(self, customer: str, at_s: float) -> None:
        if customer in self._queue:
            del self._queue[customer]
            self._over(customer, at_s, was_taken=False)

    def _closes(self, _nobody: str, at_s: float) -> None:
        for customer in list(self._queue):
            self._leaves(customer, at_s)

    def _ends(self, both: str, _at_s: float) -> None:
        agent, _, took_s = both.partition(" ")
        self._took_s.append(float(took_s))
        seat = self._seats[agent]
        self._seats[agent] = replace(seat, load=seat.load - 1)

    def _give_out(self, at_s: float) -> None:
        if not self._queue:
            return
        on_duty = [self._seats[name] for name in sorted(self._on) if self._seats[name].is_free]
        for waiter, chosen in pairs(self._queue.values(), on_duty, _at(at_s)) if on_duty else ():
            seat = self._seats[chosen.agent_id]
            self._seats[seat.agent_id] = replace(seat, load=seat.load + 1, given_at=_at(at_s))
            del self._queue[waiter.id]
            self._over(waiter.id, at_s, was_taken=True)
            # who has more to do at once is slower with each
            took_s = 60 * self._minutes.pop(waiter.id) * (0.85 + 0.05 * seat.load)
            self._later("ends", f"{seat.agent_id} {took_s}", at_s + took_s)

    def _over(self, customer: str, at_s: float, was_taken: bool) -> None:
        began_s, place, slots, foretold, by_formula_s = self._begun.pop(customer)
        real_s = at_s - began_s
        likely_s = foretold.likely_s if foretold else None
        self._past.append(Wait(began_s, at_s, place, slots, likely_s, was_taken))
        self._days.append(self._past[-1])
        if foretold and was_taken and real_s >= AT_ONCE_S:
            self.told.append(Told(began_s, foretold, by_formula_s, real_s))

    def _by_formula(self, place: int, slots: int) -> float:
        if not slots or not self._took_s:
            return 0.0
        return ((place - 1) // slots + 1) * fmean(self._took_s)


def _at(seconds: float) -> datetime:
    return MORNING + timedelta(seconds=seconds)


def simulated(crew: Crew, days: int, seed: int) -> Verdict:
    """Let `days` days go by after a first one, from which the shop learns, and say how true it was on them."""
    shop = Days(crew, Random(seed))
    shop.run(1 + days)
    return verdict([one for one in shop.told if one.began_s >= DAY_S])

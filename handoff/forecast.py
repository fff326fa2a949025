"""How long a wait will be, from how long waits were: pure.

While somebody waits, every slot is taken, and the queue moves on whenever a slot gets free. With `slots` of them, each
taken for `pace_s` seconds on average, the one at place n waits for n such moments: a sum of n gaps of `pace_s / slots`
each, a gamma distribution. The pace is read off the shop's own queue, the last moments counting most; how the crew
grows and shrinks meanwhile, off the same time of the days before. How far from that the truth may be is read off what
was foretold before (split conformal prediction: the quantiles of past errors, with the theory's own as a start).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from statistics import NormalDist, fmean, median

ENOUGH = 5
"""Ended waits or conversations below which nothing is foretold."""
FORGETS = 100
"""Moments after which one counts half: a crew that gets slower is noticed."""
TOO_LONG = 12
"""A gap so many times the median is none of this queue: the shop was closed in it, or nobody was there."""
ALIKE = 1.5
"""The errors that count for a place are those of places between it divided and multiplied by this."""
LOW, HIGH = 0.05, 0.95
"""Which share of past errors the range leaves out at each end: a little more is inside than the 80 % aimed at."""
IN_THEORY = 20
"""As many errors does theory count for beside those that were seen."""
AT_ONCE_S = 5.0
"""A shorter wait was none: a slot was free."""
DAY_S, BIN_S, STEP_S = 86_400, 900, 60
"""The parts of the day in which the crew is compared with that of the days before, and the steps of the calculation."""
LONGEST_S = 12 * 3600
"""No wait is foretold to be longer."""


@dataclass(frozen=True, slots=True)
class Range:
    """How long a wait will be, in seconds: most likely between the two, and `likely_s` in the middle."""

    from_s: float
    likely_s: float
    to_s: float

    @property
    def from_min(self) -> int:
        return max(1, math.floor(self.from_s / 60))

    @property
    def to_min(self) -> int:
        return max(self.from_min + 1, math.ceil(self.to_s / 60))

    def holds(self, real_s: float) -> bool:
        """Return whether a wait of `real_s` lay in it."""
        return self.from_s <= real_s <= self.to_s


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait that is over.

    Attributes:
        began_s, ended_s: on any clock, the same for all of them.
        place: in the queue as it began, from 1.
        slots: conversations that the agents on duty had room for then, in all.
        foretold_s: what was foretold as likely, None for nothing.
        was_taken: whether an agent came; else the customer left.
    """

    began_s: float
    ended_s: float
    place: int
    slots: int
    foretold_s: float | None = None
    was_taken: bool = True

    @property
    def real_s(self) -> float:
        return self.ended_s - self.began_s


@dataclass(frozen=True, slots=True)
class Forecast:
    """Foretells waits.

    Attributes:
        pace_s: seconds for which a conversation takes a slot, as the queue feels it.
        errors: (place, real wait divided by the one foretold) of past waits.
        crew: the slots that there usually are in each part of the day (by number, `BIN_S` long).
    """

    pace_s: float
    errors: tuple[tuple[int, float], ...] = ()
    crew: Mapping[int, float] = field(default_factory=dict)

    def at(self, place: int, slots: int, now_s: float) -> Range | None:
        """Return how long the one at `place` waits for one of `slots`; None where there are none.

        Args:
            now_s: on the clock of the past waits.
        """
        if slots <= 0:
            return None
        likely_s = self._until_through(_median(place), slots, now_s)
        seen = [error for at, error in self.errors if place / ALIKE <= at <= place * ALIKE]
        errors = sorted([*seen, *_in_theory(place)])
        return Range(likely_s * _lower(errors), likely_s, likely_s * _upper(errors))

    def _until_through(self, moments: float, slots: int, now_s: float) -> float:
        """Return in how many seconds so many slots will have got free, the crew changing as on other days."""
        usual = self._usual(now_s)
        through, passed_s, before = 0.0, 0.0, float(slots)
        while passed_s < LONGEST_S:
            then = self._usual(now_s + passed_s)
            there = max(1.0, slots + then - usual) if usual is not None and then is not None else before
            through += max(0.0, there - before)  # who comes has all slots free; who goes just takes nobody more
            step = there * STEP_S / self.pace_s
            if through + step >= moments:
                return passed_s + max(1.0, (moments - through) / step * STEP_S)
            through, passed_s, before = through + step, passed_s + STEP_S, there
        return float(LONGEST_S)

    def _usual(self, at_s: float) -> float | None:
        """Return how many slots there usually are at this time of the day: between the two nearest parts of it."""
        place, share = divmod(at_s % DAY_S / BIN_S - 0.5, 1)
        bins = DAY_S // BIN_S
        left, right = self.crew.get(int(place) % bins), self.crew.get((int(place) + 1) % bins)
        if left is None or right is None:
            return left if right is None else right
        return left + (right - left) * share


def forecast(past: Sequence[Wait], took_s: Sequence[float], days: Sequence[Wait] = ()) -> Forecast | None:
    """Return what the shop's past says; None where there is too little of it.

    Args:
        past: the last waits that are over, the newest last.
        took_s: how long agents had their last conversations; used until enough people had to wait.
        days: waits of several days, or some of them, for how far off one is and when agents come and go.
    """
    gaps = _gaps(sorted((wait for wait in past if wait.real_s >= AT_ONCE_S), key=lambda wait: wait.ended_s))
    if len(gaps) < ENOUGH and len(took_s) < ENOUGH:
        return None
    weights = [0.5 ** (age / FORGETS) for age in reversed(range(len(gaps)))]
    if len(took_s) >= ENOUGH:  # as much as the first few moments, so that they alone do not decide
        gaps, weights = [fmean(took_s), *gaps], [0.5 ** (len(gaps) / FORGETS) * ENOUGH, *weights]
    pace_s = fmean(gaps, weights)
    return Forecast(pace_s, _errors(days or past), _crew(days)) if pace_s > 0 else None


def _gaps(waited: Sequence[Wait]) -> list[float]:
    """Return how long a slot was taken whenever somebody's wait ended: the time since the one before, times slots.

    Time in which nobody waited is left out; so is who waited while no agent was on duty.
    """
    gaps = []
    before_s = -math.inf
    for wait in waited:
        if wait.slots:
            gaps.append((wait.ended_s - max(before_s, wait.began_s)) * wait.slots)
        before_s = wait.ended_s
    most = TOO_LONG * median(gaps) if gaps else 0.0
    return [gap for gap in gaps if gap <= most]


def _errors(waits: Sequence[Wait]) -> tuple[tuple[int, float], ...]:
    waited = (wait for wait in waits if wait.was_taken and wait.foretold_s and wait.real_s >= AT_ONCE_S)
    return tuple((wait.place, wait.real_s / (wait.foretold_s or 1.0)) for wait in waited)


def _crew(days: Sequence[Wait]) -> dict[int, float]:
    seen: dict[int, list[int]] = {}
    for wait in days:
        seen.setdefault(int(wait.began_s % DAY_S / BIN_S), []).append(wait.slots)
    return {number: fmean(slots) for number, slots in seen.items()}


def _median(place: int) -> float:
    """Return the median of a gamma distribution of shape `place` and scale 1 (its expansion, good to 1 % from 1 on)."""
    return place - 1 / 3 + 0.0247 / place


@cache
def _in_theory(place: int) -> tuple[float, ...]:
    """Return the quantiles of that distribution, divided by its median (Wilson and Hilferty's approximation)."""
    levels = [NormalDist().inv_cdf((number + 0.5) / IN_THEORY) for number in range(IN_THEORY)]
    return tuple(place * (1 - 1 / (9 * place) + z / (3 * math.sqrt(place))) ** 3 / _median(place) for z in levels)


def _lower(errors: Sequence[float]) -> float:
    return errors[max(0, math.floor((len(errors) + 1) * LOW) - 1)]


def _upper(errors: Sequence[float]) -> float:
    return errors[min(len(errors), math.ceil((len(errors) + 1) * HIGH)) - 1]

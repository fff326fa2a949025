"""What one measure says of a size chart, and what several say together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.knowledge.entries import SizeChart
from bot.skills.labels import Places

EDGE = 0.1
"""Part of a size's range beside its ends in which the neighbour is as good: tapes and scales err by that much."""
BEYOND = 0.25
"""Part of the first or last range by which a measure may lie outside of all: the cloth gives that much."""
BODY = ("height", "weight")
"""They say something of a size from far; all other measures are taken where the garment sits."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one measure says.

    Attributes:
        places: of the sizes it fits, one or two neighbours; the nearest end if it lies outside.
        outside: -1 or 1 if it lies too far below the first size or above the last for it, else 0.
        upper: whether it lies in the upper half of the place that it fits.
    """

    measure: str
    places: Places
    outside: int = 0
    upper: bool = False


def vote(chart: SizeChart, measure: str, value: float) -> Vote:
    """Return what `value` (cm, kg, a foot in mm) says; the chart has to have this measure."""
    ranges = [size.ranges[measure] for size in chart.sizes]
    fitting = [i for i, span in enumerate(ranges) if _fits(span, value)]
    if fitting:
        low, high = ranges[fitting[0]]
        return Vote(measure, (fitting[0], fitting[-1])[: len(fitting)], upper=value > (low + high) / 2)
    last = len(ranges) - 1
    if value < ranges[0][0]:
        return Vote(measure, (0,), -1 if value < ranges[0][0] - _give(ranges[0]) else 0)
    if value > ranges[last][1]:
        return Vote(measure, (last,), 1 if value > ranges[last][1] + _give(ranges[last]) else 0, upper=True)
    below = max(i for i, span in enumerate(ranges) if span[1] < value)
    return Vote(measure, (below, below + 1))


def _fits(span: tuple[float, float], value: float) -> bool:
    low, high = span
    return max(low - value, value - high) <= 0 or max(low - value, value - high) < EDGE * (high - low)


def _give(span: tuple[float, float]) -> float:
    return BEYOND * (span[1] - span[0])


def girths(votes: Sequence[Vote]) -> list[Vote]:
    return [one for one in votes if one.measure not in BODY]


def agreed(votes: Iterable[Vote]) -> Places:
    """Return the places that all votes name, () if there is none."""
    named = [set(one.places) for one in votes]
    return tuple(sorted(set.intersection(*named))) if named else ()


def apart(one: Places, other: Places) -> int:
    """Return how many sizes lie from `one` to `other`, 0 if they touch; below 0 if `other` is smaller."""
    if set(one) & set(other):
        return 0
    return other[0] - one[-1] if other[0] > one[-1] else other[-1] - one[0]

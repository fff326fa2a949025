"""Draws how a sale went as lines of an SVG picture: pure numbers in, places on the picture out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.campaigns.course import Point

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 84, 12, 12, 30
LABEL_EVERY = 4
PIECES, PEOPLE = ("available", "held", "paid"), ("claims", "waiting")
ROWS = 12
_NICE = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Line:
    """One number over time: `path` is what an SVG polyline takes, `last` its newest value."""

    name: str
    path: str
    last: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis, `at` units from the left, or from the top."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of `WIDTH` × `HEIGHT` units."""

    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def chart(points: Sequence[Point], names: Sequence[str], zone: ZoneInfo) -> Chart | None:
    """Return the picture of some of the numbers of `points`, the earliest first; None where there is no time yet."""
    if len(points) < 2 or points[-1].at <= points[0].at:
        return None
    began, span = points[0].at, points[-1].at - points[0].at
    most = _round_up(max(getattr(point, name) for point in points for name in names))

    def x(at: datetime) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((at - began) / span)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most)

    lines = tuple(
        Line(
            name,
            " ".join(f"{x(point.at):.1f},{y(getattr(point, name)):.1f}" for point in points),
            getattr(points[-1], name),
        )
        for name in names
    )
    up = tuple(Tick(y(value), f"{value:,}") for value in sorted({0, most // 2, most}))
    times = [began + span * part / LABEL_EVERY for part in range(LABEL_EVERY + 1)]
    across = tuple(Tick(x(at), _time(at, span, zone)) for at in times)
    return Chart(lines, across, up)


def _round_up(value: int) -> int:
    """Return the next number of the form 1, 2 or 5 times a power of ten, at least 1."""
    power = 1
    while True:
        for nice in _NICE:
            if nice * power >= value:
                return nice * power
        power *= 10


def _time(at: datetime, span: timedelta, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    if span < timedelta(minutes=10):
        return f"{local:%H:%M:%S}"
    return f"{local:%H:%M}" if span < timedelta(days=1) else f"{local:%m-%d %H:%M}"


def some_of(points: Sequence[Point]) -> list[Point]:
    """Return a dozen points, the first and the last among them, for who reads numbers instead of a picture."""
    if len(points) <= ROWS:
        return list(points)
    return [points[round(place * (len(points) - 1) / (ROWS - 1))] for place in range(ROWS)]

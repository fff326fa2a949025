"""Days of the year that come again: birthdays and festivals, by the sun's calendar or by the Chinese one."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MORNING = time(10)
"""When somebody is greeted, where they live."""
A_DAY = timedelta(days=1)
_LONGEST_OF_MOON = 30


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the year. Where a month is too short for it, its last day is meant."""

    month: int
    day: int
    of_moon: bool = False


def day_in(said: str, *, of_moon: bool = False) -> Day:
    """Return the day that `MM-DD` names.

    Raises:
        ValueError: no year has such a day.
    """
    month, day = (int(part) for part in said.split("-"))
    if not of_moon:
        date(2000, month, day)  # a leap year
    elif not (1 <= month <= 12 and 1 <= day <= _LONGEST_OF_MOON):
        raise ValueError("there is no such day")
    return Day(month, day, of_moon)


def near(day: Day, today: date) -> date | None:
    """Return on which date the day is that falls yesterday, today or within two days; None: it does not."""
    soon = (one for one in _dates(day, today.year) if -A_DAY <= one - today <= 2 * A_DAY)
    return next(soon, None)


def upcoming(day: Day, today: date) -> date:
    """Return on which date the day is next, today included."""
    return next(one for one in _dates(day, today.year) if one >= today)


def hours_of(day: date, zones: Sequence[ZoneInfo]) -> tuple[datetime, datetime]:
    """Return from when on it is morning of a day in all zones, and when it is over in the last of them."""
    begins = max(datetime.combine(day, MORNING, zone).astimezone(UTC) for zone in zones)
    ends = max(datetime.combine(day + A_DAY, time(0), zone).astimezone(UTC) for zone in zones)
    return begins, ends


def written(days: Sequence[date]) -> list[str]:
    """Return which birthdays, as `MM-DD`, are kept on some dates."""
    found = [f"{one:%m-%d}" for one in days]
    leaps = [one for one in days if (one.month, one.day) == (2, monthrange(one.year, 2)[1])]
    return [*found, *(["02-29"] if leaps and "02-29" not in found else [])]


def _dates(day: Day, year: int) -> Iterator[date]:
    """Yield the dates of a day around a year, in order: the Chinese year ends in the next one of the sun."""
    for one in range(year - 1, year + 2):
        yield _of_moon(one, day.month, day.day) if day.of_moon else _of_sun(one, day)


def _of_sun(year: int, day: Day) -> date:
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))


@lru_cache(maxsize=64)
def _of_moon(year: int, month: int, day: int) -> date:
    from lunar_python import Lunar, LunarMonth  # its tables are read only where a plan names such a day

    length = LunarMonth.fromYm(year, month).getDayCount()
    solar = Lunar.fromYmd(year, month, min(day, length)).getSolar()
    return date(solar.getYear(), solar.getMonth(), solar.getDay())

"""Days and minutes from and until which something is said, in the shop's time zone."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

Moment = date | datetime
"""A day, or a naive minute (a `datetime`)."""
WRITTEN = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)(?:[ T]+(\d\d?):(\d\d)(?::00)?)?")


def moment_of(value: object) -> Moment | None:
    """Return what `2027-06-30`, `2027-06-30 18:00` or a value that was read from them says, None if it says neither."""
    if isinstance(value, datetime):
        whole = not value.second and not value.microsecond and value.tzinfo is None
        return datetime(value.year, value.month, value.day, value.hour, value.minute) if whole else None
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    found = WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    numbers = [int(part) for part in found.groups() if part is not None]
    try:
        return datetime(*numbers) if len(numbers) > 3 else date(*numbers)  # type: ignore[arg-type]
    except ValueError:
        return None


def written(moment: Moment) -> str:
    """Return `moment` as people write it in a file."""
    return moment.isoformat(" ", "minutes") if isinstance(moment, datetime) else moment.isoformat()


def begin_of(moment: Moment) -> datetime:
    """Return the first instant of a day, or the minute itself."""
    return moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)


def end_of(moment: Moment) -> datetime:
    """Return the first instant after a day, or the minute itself: what is said until 18:00 is over at 18:00."""
    if isinstance(moment, datetime):
        return moment
    return begin_of(moment) + timedelta(days=1) if moment < date.max else datetime.max


def is_within(when: Moment, first: Moment | None, last: Moment | None) -> bool:
    """Return whether `when`, a day or a time of any precision in the same zone, touches the span."""
    if isinstance(when, datetime):
        now = when.replace(tzinfo=None)
        return (first is None or begin_of(first) <= now) and (last is None or now < end_of(last))
    return (first is None or begin_of(first) < end_of(when)) and (last is None or begin_of(when) < end_of(last))

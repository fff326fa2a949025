"""Hours of the day in a shop's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Hours:
    """From when to when every day, past midnight too; the same time twice is the whole day."""

    zone: ZoneInfo
    opens: time
    closes: time

    def after(self, start: datetime, length: timedelta) -> datetime:
        """Return when `length` of open time has passed since `start`; all aware, the answer in UTC.

        Real time is counted: an hour that a change of the clocks repeats is an hour, one that it skips is none.
        """
        if self.opens == self.closes:
            return start + length
        day = start.astimezone(self.zone).date() - timedelta(days=1)  # last night's hours may reach past midnight
        while True:
            opens = datetime.combine(day, self.opens, self.zone).astimezone(start.tzinfo)
            last = day if self.opens < self.closes else day + timedelta(days=1)
            closes = datetime.combine(last, self.closes, self.zone).astimezone(start.tzinfo)
            begins = max(start, opens)
            if begins < closes:
                if begins + length <= closes:
                    return begins + length
                length -= closes - begins
            day += timedelta(days=1)

    def is_open(self, now: datetime) -> bool:
        """Return whether `now` lies in them."""
        local = now.astimezone(self.zone).time()
        if self.opens == self.closes:
            return True
        if self.opens < self.closes:
            return self.opens <= local < self.closes
        return local >= self.opens or local < self.closes

    def next_closing(self, now: datetime) -> datetime | None:
        """Return when they end next after `now`; None if they never do."""
        if self.opens == self.closes:
            return None
        day = now.astimezone(self.zone).date()
        today = datetime.combine(day, self.closes, self.zone).astimezone(now.tzinfo)
        if today > now:
            return today
        return datetime.combine(day + timedelta(days=1), self.closes, self.zone).astimezone(now.tzinfo)

    def next_opening(self, now: datetime) -> datetime:
        """Return when they begin next after `now`; `now` itself while they last."""
        if self.is_open(now):
            return now
        day = now.astimezone(self.zone).date()
        today = datetime.combine(day, self.opens, self.zone).astimezone(now.tzinfo)
        if today > now:
            return today
        return datetime.combine(day + timedelta(days=1), self.opens, self.zone).astimezone(now.tzinfo)

"""Until when a conversation can be put off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

MONDAY = 0


def times(now: datetime, zone: ZoneInfo, opens: time) -> Mapping[str, datetime]:
    """Return the times to choose from, by the key of their label: soon, and mornings at which the shop opens.

    Args:
        now: aware.
        zone: the shop's.
    """
    today = now.astimezone(zone).date()
    to_monday = (MONDAY - today.weekday()) % 7 or 7

    def morning(days: int) -> datetime:
        return datetime.combine(today + timedelta(days=days), opens, zone)

    return {
        "later_30_min": now + timedelta(minutes=30),
        "later_2_h": now + timedelta(hours=2),
        "later_tomorrow": morning(1),
        "later_monday": morning(to_monday),
    }

"""How often an account may still call each API. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))
_MINUTE = timedelta(minutes=1)


class Quotas:
    """Counts calls by day, which begins in Beijing, and by minute."""

    def __init__(self, per_day: Mapping[str, int], per_minute: Mapping[str, int]) -> None:
        self._per_day, self._per_minute = per_day, per_minute
        self._left: dict[tuple[str, date], int] = {}
        self._recent: dict[str, deque[datetime]] = {}

    def take(self, api: str, now: datetime) -> int:
        """Count one call and return 0, or return WeChat's error code."""
        today = api, now.astimezone(BEIJING).date()
        left = self._left.get(today, self._per_day.get(api))
        if left == 0:
            return 45009
        if self._is_too_fast(api, now):
            return 45011
        if left is not None:
            self._left[today] = left - 1
        return 0

    def leave(self, api: str, left: int, now: datetime) -> None:
        """Set how many calls are left until midnight in Beijing."""
        self._left[api, now.astimezone(BEIJING).date()] = left

    def _is_too_fast(self, api: str, now: datetime) -> bool:
        if api not in self._per_minute:
            return False
        recent = self._recent.setdefault(api, deque())
        while recent and now - recent[0] >= _MINUTE:
            recent.popleft()
        if len(recent) >= self._per_minute[api]:
            return True
        recent.append(now)
        return False

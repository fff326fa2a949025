"""How many times a minute somebody may do something, and how many bytes a day somebody may leave."""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime, time, timedelta

from bot.clock import Clock
from bot.errors import TooOften

WINDOW_S = 60.0
SWEEP_AT_KEYS = 10_000


class SlidingWindow:
    """Allows `limit` times in any 60 seconds for each key. Refused tries do not count."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._times: dict[str, deque[float]] = {}
        self._sweep_at = SWEEP_AT_KEYS

    def take(self, key: str) -> float:
        """Return 0.0 and count this try, or the seconds until the next one is allowed."""
        now = self._clock.now().timestamp()
        if len(self._times) >= self._sweep_at:
            self._sweep(now)
        times = self._times.setdefault(key, deque())
        while times and times[0] <= now - WINDOW_S:
            times.popleft()
        if len(times) >= self._limit:
            return times[0] + WINDOW_S - now
        times.append(now)
        return 0.0

    def spend(self, key: str) -> None:
        """Count this try.

        Raises:
            TooOften: the next one is not allowed yet.
        """
        if wait_s := self.take(key):
            raise TooOften(f"That was too often. Try again in {wait_s:.0f} seconds.")

    def _sweep(self, now: float) -> None:
        """Forget who has been quiet for a minute; wait for twice the rest before the next look, to stay cheap."""
        self._times = {key: times for key, times in self._times.items() if times and times[-1] > now - WINDOW_S}
        self._sweep_at = max(SWEEP_AT_KEYS, 2 * len(self._times))


class DayBudget:
    """Allows `limit` bytes for each key in a day of UTC. Refused tries do not count."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._used: Counter[str] = Counter()
        self._ends_at = datetime.min.replace(tzinfo=UTC)

    def take(self, key: str, size: int) -> float:
        """Return 0.0 and count `size` bytes, or the seconds until the next day."""
        now = self._clock.now()
        if now >= self._ends_at:
            self._used.clear()
            self._ends_at = datetime.combine(now.astimezone(UTC) + timedelta(days=1), time(), UTC)
        if self._used[key] + size > self._limit:
            return (self._ends_at - now).total_seconds()
        self._used[key] += size
        return 0.0

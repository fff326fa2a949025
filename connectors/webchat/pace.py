"""A sliding window over the last minute: how many times somebody may do something."""

from __future__ import annotations

from collections import deque

from bot.clock import Clock

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

    def _sweep(self, now: float) -> None:
        """Forget who has been quiet for a minute; wait for twice the rest before the next look, to stay cheap."""
        self._times = {key: times for key, times in self._times.items() if times and times[-1] > now - WINDOW_S}
        self._sweep_at = max(SWEEP_AT_KEYS, 2 * len(self._times))

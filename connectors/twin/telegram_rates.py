"""How fast the stand-in Telegram lets the bot write (Telegram: Bots FAQ, My bot is hitting limits)."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Window:
    """At most `count` messages in any `per_s` seconds; None for no limit."""

    count: int | None
    per_s: float
    sent: dict[int, deque[datetime]] = field(default_factory=dict)

    def wait_s(self, key: int, now: datetime) -> float:
        """Return how long until one more fits; 0 means now."""
        sent = self.sent.setdefault(key, deque())
        while sent and (now - sent[0]).total_seconds() >= self.per_s:
            sent.popleft()
        if self.count is None or len(sent) < self.count:
            return 0.0
        return self.per_s - (now - sent[0]).total_seconds()


@dataclass(slots=True)
class Rates:
    """Every window slides and none lets a burst pass: stricter than Telegram, which does not publish its bursts."""

    overall: Window = field(default_factory=lambda: Window(30, 1))
    per_chat: Window = field(default_factory=lambda: Window(1, 1))
    per_group: Window = field(default_factory=lambda: Window(20, 60))

    def take(self, chat_id: int, is_group: bool, now: datetime) -> int:
        """Count one message, or return after how many whole seconds to come back."""
        windows = [(self.overall, 0), (self.per_chat, chat_id), *([(self.per_group, chat_id)] if is_group else [])]
        wait_s = max(window.wait_s(key, now) for window, key in windows)
        if wait_s > 0:
            return max(1, math.ceil(wait_s))
        for window, key in windows:
            window.sent[key].append(now)
        return 0

"""What WeChat remembers and enforces: tokens, followers, windows, the chat itself. No I/O."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_OVERLAP = timedelta(seconds=300)

MESSAGE_COUNT, MESSAGE_LIFE = 5, timedelta(hours=48)
ACTION_COUNT, ACTION_LIFE = 3, timedelta(seconds=60)


@dataclass(slots=True)
class Window:
    """A right to send: `left` messages until `ends`."""

    left: int
    ends: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chat.

    Attributes:
        side: `user`, `account`, or `notice` (the grey line of the platform).
    """

    id: int
    side: str
    text: str
    at: datetime


@dataclass(slots=True)
class Follower:
    """One WeChat user, as the platform sees him."""

    openid: str
    name: str
    follows: bool = True
    by_message: Window | None = None
    by_action: Window | None = None
    lines: list[Line] = field(default_factory=list)
    last_push: dict[str, str | int] | None = None
    last_said: datetime | None = None
    typing_until: datetime | None = None

    def said(self, now: datetime) -> None:
        """Open the full window; it replaces what was left of the last one."""
        self.last_said = now
        self.by_message = Window(MESSAGE_COUNT, now + MESSAGE_LIFE)

    def acted(self, now: datetime) -> None:
        """Open the short window of a follow, scan or menu click."""
        self.by_action = Window(ACTION_COUNT, now + ACTION_LIFE)

    def left(self) -> None:
        """Unfollow: every window ends."""
        self.follows = False
        self.by_message = self.by_action = None

    def spend(self, now: datetime) -> int:
        """Take one message from the windows and return 0, or return WeChat's error code.

        Windows do not add up: with two open, each message counts in both.
        """
        if not self.follows:
            return 43004
        running = [window for window in (self.by_message, self.by_action) if window and now < window.ends]
        if not running:
            return 45015
        if not any(window.left > 0 for window in running):
            return 45047
        for window in running:
            window.left = max(0, window.left - 1)
        return 0

    def add(self, side: str, text: str, at: datetime) -> None:
        """Append a line to the chat."""
        self.lines.append(Line(len(self.lines) + 1, side, text, at))


class Tokens:
    """Access tokens: one stable line, and the plain kind, whose newest alone is good."""

    def __init__(self) -> None:
        self._ends: dict[str, datetime] = {}
        self._stable = ""
        self._plain = ""
        self.fetches = 0

    def stable(self, now: datetime, force: bool) -> tuple[str, int]:
        """Return the stable token and the seconds it has left; a new one near its end or if forced."""
        self.fetches += 1
        if force:
            self._ends.pop(self._stable, None)
        if now + TOKEN_OVERLAP >= self._ends.get(self._stable, now):
            self._stable = self._issue(now)
        return self._stable, int((self._ends[self._stable] - now).total_seconds())

    def plain(self, now: datetime) -> tuple[str, int]:
        """Return a new plain token; the one before it dies."""
        self.fetches += 1
        self._ends.pop(self._plain, None)
        self._plain = self._issue(now)
        return self._plain, int(TOKEN_LIFE.total_seconds())

    def check(self, token: str, now: datetime) -> int:
        """Return 0 or WeChat's error code."""
        if not token:
            return 41001
        if token not in self._ends:
            return 40001
        return 0 if now < self._ends[token] else 42001

    def _issue(self, now: datetime) -> str:
        token = secrets.token_urlsafe(96)
        self._ends[token] = now + TOKEN_LIFE
        return token

"""One WeChat user as the platform sees him: what may be sent to him, and his side of the chat. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.twin.wechat_cipher import Fields

MESSAGE_COUNT, MESSAGE_LIFE = 5, timedelta(hours=48)
ACTION_COUNT, ACTION_LIFE = 3, timedelta(seconds=60)
ENTRY_COUNT = 2  # WeChat: 小程序客服消息 / Mini-program customer messages


@dataclass(slots=True)
class Window:
    """A right to send: `left` messages until `ends`."""

    left: int
    ends: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """What a message shows.

    Attributes:
        kind: `text`, `image`, `voice`, `video`, `news`, `msgmenu`, `miniprogrampage`, `link`, `template` and so on.
        text: its words, for a picture empty.
        details: what else it has, ready for JSON: `media`, `title`, `url`, `items`, `data`.
    """

    kind: str
    text: str
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chat.

    Attributes:
        side: `user`, `account`, or `notice` (the grey line of the platform).
    """

    id: int
    side: str
    content: Content
    at: datetime


@dataclass(slots=True)
class Follower:
    """One WeChat user.

    Attributes:
        blocked: on the account's black list.
        transferred: a passive reply gave the chat to WeChat's own customer service.
        credits: accepted and unused subscription notices, by template.
        authorised: one-time subscription messages that wait, as (template, scene).
        masses: mass messages received, by Beijing month, `2026-11`.
    """

    openid: str
    name: str
    follows: bool = True
    blocked: bool = False
    transferred: bool = False
    by_message: Window | None = None
    by_action: Window | None = None
    lines: list[Line] = field(default_factory=list)
    last_push: Fields | None = None
    last_said: datetime | None = None
    typing_until: datetime | None = None
    tags: set[int] = field(default_factory=set)
    credits: Counter[str] = field(default_factory=Counter)
    authorised: set[tuple[str, str]] = field(default_factory=set)
    masses: Counter[str] = field(default_factory=Counter)

    def said(self, now: datetime) -> None:
        """Open the full window; it replaces what was left of the last one."""
        self.last_said = now
        self.by_message = Window(MESSAGE_COUNT, now + MESSAGE_LIFE)

    def acted(self, now: datetime, count: int = ACTION_COUNT) -> None:
        """Open the short window of a follow, scan, menu click or entry."""
        self.by_action = Window(count, now + ACTION_LIFE)

    def left(self) -> None:
        """Unfollow: every window ends."""
        self.follows = False
        self.by_message = self.by_action = None

    def spend(self, now: datetime) -> int:
        """Take one message from the windows and return 0, or return WeChat's error code.

        Windows do not add up: with two open, each message counts in both.
        """
        if self.blocked:
            return 43019
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

    def show(self, side: str, content: Content, at: datetime) -> None:
        """Append a line to the chat."""
        self.lines.append(Line(len(self.lines) + 1, side, content, at))

    def add(self, side: str, text: str, at: datetime) -> None:
        """Append a line of plain text to the chat."""
        self.show(side, Content("text", text), at)

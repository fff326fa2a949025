"""What may still be sent to a customer where the platform counts, and until when."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from bot.delivery.gate import HUMAN_RESERVE
from bot.messages import WINDOW, Purpose
from bot.store.tables import grants


@dataclass(frozen=True, slots=True)
class Window:
    """The window that one action of the customer opened.

    Attributes:
        action: what opened it, see `bot.messages.Grant`.
        allowed, left: messages; None where the platform does not count.
    """

    action: str
    allowed: int | None
    left: int | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credit:
    """Notices that the customer asked for and has not got yet."""

    name: str
    left: int


@dataclass(frozen=True, slots=True)
class Rights:
    """What an agent may still send now.

    Attributes:
        windows: that are open; they do not add up. None open means that the customer has to write first.
        kept: messages that the bot leaves for a human.
    """

    windows: tuple[Window, ...] = ()
    credits: tuple[Credit, ...] = ()
    kept: int = 0

    @property
    def left(self) -> float:
        """Messages left, infinite where they are not counted."""
        return max(map(_most, self.windows), default=0)


def windows_of(connection: Connection, conversation_ids: Collection[str], now: datetime) -> Mapping[str, Window]:
    """Return the best open window for an agent's words, by conversation; none where the platform counts none."""
    best: dict[str, Window] = {}
    for row in connection.execute(_OF_TALKS, {"talks": list(conversation_ids)}):
        if Purpose.HUMAN.value not in row.purposes or (row.expires_at is not None and row.expires_at <= now):
            continue
        window, known = _window(row), best.get(row.conversation_id)
        if known is None or _most(window) >= _most(known):
            best[row.conversation_id] = window
    return best


# Made once: the console asks them after every message.
_OF_TALKS = (
    select(grants)
    .where(grants.c.conversation_id.in_(bindparam("talks", expanding=True)), grants.c.needs == WINDOW)
    .order_by(grants.c.opened_at, grants.c.id)
)
_OF_TALK = (
    select(grants).where(grants.c.conversation_id == bindparam("talk")).order_by(grants.c.opened_at.desc(), grants.c.id)
)


def _window(row: Row[Any]) -> Window:
    left = None if row.allowed is None else max(0, row.allowed - row.used)
    return Window(row.action, row.allowed, left, row.expires_at)


def _most(window: Window) -> float:
    return math.inf if window.left is None else window.left


def rights(connection: Connection, conversation_id: str, counts_windows: bool, now: datetime) -> Rights | None:
    """Return what is left of a conversation's rights, None where the channel asks for none and has none."""
    windows, credits_left = [], []
    for row in connection.execute(_OF_TALK, {"talk": conversation_id}):
        if row.expires_at is not None and row.expires_at <= now:
            continue
        window = _window(row)
        if row.needs != WINDOW:
            credits_left.append(Credit(row.needs.removeprefix("credit:"), window.left or 0))
        elif Purpose.HUMAN.value in row.purposes:
            windows.append(window)
    if not (windows or credits_left or counts_windows):
        return None
    counted = max((w.left for w in windows if w.left is not None), default=0)
    return Rights(tuple(windows), tuple(credits_left), min(HUMAN_RESERVE, counted))

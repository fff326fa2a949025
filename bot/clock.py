"""Time and identifiers, passed in wherever they are needed so that nothing reads the wall by itself."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

IdMaker = Callable[[], str]


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock, with an offset that `advance` moves forward (zero unless someone calls it)."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance(self, step: timedelta) -> None:
        """Move the clock forward by `step`.

        Raises:
            ValueError: `step` is negative: stored times would lie in the future.
        """
        if step < timedelta():
            raise ValueError("a clock only goes forward")
        self._offset += step


def new_id() -> str:
    """Return 32 random hexadecimal characters."""
    return uuid.uuid4().hex

"""Time and identifiers, passed in wherever they are needed so that nothing reads the wall by itself."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

IdMaker = Callable[[], str]
_OFFSET = "data/demo-clock"


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

    @property
    def offset(self) -> timedelta:
        """How far it is ahead of the machine's clock."""
        return self._offset

    def advance(self, step: timedelta) -> None:
        """Move the clock forward by `step`.

        Raises:
            ValueError: `step` is negative: stored times would lie in the future.
        """
        if step < timedelta():
            raise ValueError("a clock only goes forward")
        self._offset += step


def keep_offset(folder: Path, clock: SystemClock) -> None:
    """Write down how far the clock of the shop in `folder` is ahead: only a demo's ever is."""
    (folder / _OFFSET).write_text(str(clock.offset.total_seconds()), encoding="utf-8")


def clock_of(folder: Path) -> SystemClock:
    """Return a clock that shows what the shop in `folder` shows, for commands that run beside it."""
    clock = SystemClock()
    with suppress(FileNotFoundError):
        clock.advance(timedelta(seconds=float((folder / _OFFSET).read_text(encoding="utf-8"))))
    return clock


def new_id() -> str:
    """Return 32 random hexadecimal characters."""
    return uuid.uuid4().hex

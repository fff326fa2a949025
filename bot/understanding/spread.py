"""Spreads work over the processors, in a process that allows it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from typing import TypeVar

Given = TypeVar("Given")
Done = TypeVar("Done")
WORTH_IT = 24
"""Fewer pieces of work are done here: splitting takes longer."""
MOST = 4
"""Processes at once: each takes memory."""

_processes = 1
_work: Callable[..., object] | None = None
"""What the split processes do: they inherit it, whatever it holds, and nothing has to be sent."""


def allow_splitting() -> None:
    """Let `spread` split this process. Only for one without threads: a copy of a held lock is never released."""
    global _processes  # noqa: PLW0603 - what holds for a whole process stands in its module
    if "fork" in multiprocessing.get_all_start_methods() and hasattr(os, "sched_getaffinity"):
        _processes = min(MOST, len(os.sched_getaffinity(0)))


def spread(work: Callable[[Given], Done], pieces: Sequence[Given]) -> list[Done]:
    """Return `work` of every piece, in order."""
    global _work  # noqa: PLW0603 - see its docstring
    if len(pieces) < WORTH_IT or _processes < 2:
        return [work(piece) for piece in pieces]
    _work = work
    try:
        with multiprocessing.get_context("fork").Pool(_processes) as pool:
            return pool.map(_do, pieces, chunksize=max(1, len(pieces) // (_processes * 8)))  # type: ignore[arg-type]
    finally:
        _work = None


def _do(piece: object) -> object:
    assert _work is not None  # noqa: S101 - it was set before the split
    return _work(piece)

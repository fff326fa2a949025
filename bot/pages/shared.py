"""What all pages of a process show at the same moment is read once for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
FRESH_FOR_S = 0.5
REST = 20
"""Reading takes at most a twentieth of the time, however long it takes: a sale may have been told to a million."""
MOST = 50


@dataclass(slots=True)
class _Kept(Generic[T]):
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    found: list[T] = field(default_factory=list)
    good_until_s: float = 0.0


class Shared(Generic[T]):
    """Use it from the event loop's own thread only. Who may see it is asked before, for each page."""

    def __init__(self, read: Callable[[str], Awaitable[T]]) -> None:
        self._read = read
        self._kept: dict[str, _Kept[T]] = {}

    async def get(self, key: str, *, fresh: bool) -> T:
        """Return what is known under a key.

        Args:
            fresh: whether it has to tell of this moment: somebody has just come, or done something.
        """
        time = asyncio.get_running_loop().time
        kept = self._kept.pop(key, None) or _Kept()
        self._kept[key] = kept
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        async with kept.reading:
            if fresh or not kept.found or time() > kept.good_until_s:
                began_s = time()
                kept.found[:] = [await self._read(key)]
                kept.good_until_s = time() + max(FRESH_FOR_S, REST * (time() - began_s))
            return kept.found[0]

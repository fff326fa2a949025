"""Ends what was begun: a loop that is asked to stop finishes the step it is in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
FINISH_S = 5.0


async def whole(step: Coroutine[Any, Any, T]) -> T:
    """Return what `step` returns; cancelled meanwhile, wait up to `FINISH_S` for its end first.

    Else what it has just leased in the database would belong to nobody until the lease ends.
    """
    running = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running], timeout=FINISH_S)
        running.cancel()  # whoever comes next must not meet what it would still do
        raise

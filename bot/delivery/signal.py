"""Wakes whoever waits inside this process. A lost wake-up is harmless: every loop also looks by itself."""

from __future__ import annotations

import asyncio


class Signal:
    """A counter that can be waited on. Use it from the event loop's own thread only."""

    def __init__(self) -> None:
        self.count = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Wake every waiter."""
        self.count += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seen: int, timeout_s: float) -> int:
        """Return the count once it differs from `seen`, or after `timeout_s` seconds."""
        if self.count == seen:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await asyncio.wait_for(waiter, timeout_s)
            except TimeoutError:
                pass
            finally:
                self._waiters.discard(waiter)
        return self.count

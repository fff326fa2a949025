"""Wakes whoever waits inside this process. A lost wake-up is harmless: every loop also looks by itself."""

from __future__ import annotations

import asyncio


class Signal:
    """A counter that can be waited on. Use it from the event loop's own thread only.

    Attributes:
        count: all wake-ups.
        own: those that came from this process, not by `bot.delivery.bell`.
        then: another signal that hears of each of them.
    """

    def __init__(self, then: Signal | None = None) -> None:
        self.count = 0
        self.own = 0
        self.then = then
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self, heard: bool = False) -> None:
        """Wake every waiter; `heard` if another process rang."""
        self.count += 1
        self.own += not heard
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        if self.then is not None:
            self.then.notify(heard)

    async def wait(self, seen: int, timeout_s: float) -> int:
        """Return the count once it differs from `seen`, or after `timeout_s` seconds."""
        if self.count == seen and timeout_s > 0:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await asyncio.wait_for(waiter, timeout_s)
            except TimeoutError:
                pass
            finally:
                self._waiters.discard(waiter)
        return self.count

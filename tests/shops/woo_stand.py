"""A WooCommerce stand-in on the loopback with the adapter in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.shop.platform import Kind, Told
from bot.shop.woocommerce.platform import WooCommerce
from tests.shops.twins.serving import HandClock, serving
from tests.shops.twins.woocommerce import HOOK_SECRET, KEY, SECRET, WooTwin


@dataclass
class WooStand:
    twin: WooTwin
    platform: WooCommerce
    clock: HandClock
    base: str
    waits: list[float]

    async def told(self, since: datetime | None = None) -> list[Told]:
        return [one for page in [page async for page in self.platform.changes(since)] for one in page]


@asynccontextmanager
async def woo_stand(timeout_s: float = 5, **options: Any) -> AsyncIterator[WooStand]:
    """Yield the stand; the adapter's waits between tries are written down instead of waited."""
    clock, waits = HandClock(), list[float]()
    twin = WooTwin(clock)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with serving(twin.app) as base:
        platform = WooCommerce(
            base, KEY, SECRET, HOOK_SECRET, "USD", clock, timeout_s=timeout_s, sleep=sleep, **options
        )
        try:
            yield WooStand(twin, platform, clock, base, waits)
        finally:
            await platform.close()


def of(kind: Kind, told: Sequence[Told]) -> dict[str, Any]:
    """Return the bodies of one kind by id; the last counts, as in a copy."""
    return {one.id: one.body for one in told if one.kind is kind}

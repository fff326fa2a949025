"""A Shopify stand-in on the loopback with the adapter in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.shop.platform import Told
from bot.shop.shopify.platform import Shopify
from tests.shops.twins.serving import HandClock, serving
from tests.shops.twins.shopify import CLIENT_ID, SECRET, SHOP, TOKEN, ShopifyTwin, Ticker
from tests.shops.twins.shopify_world import Row


@dataclass
class ShopifyStand:
    twin: ShopifyTwin
    platform: Shopify
    clock: HandClock
    ticker: Ticker

    async def told(self, since: datetime | None = None) -> list[Told]:
        return [one for page in [page async for page in self.platform.changes(since)] for one in page]

    def shirt(self, pieces: int = 5, sku: str = "shirt-M") -> Row:
        """Add a product with one variant and return that."""
        variant: Row = self.twin.world.add_product([sku])["variants"][0]
        variant["inventoryQuantity"] = pieces
        return variant


@asynccontextmanager
async def shopify_stand(
    token: str = TOKEN, timeout_s: float = 5, bucket: dict[str, float] | None = None, **options: Any
) -> AsyncIterator[ShopifyStand]:
    """Yield the stand; seconds go on only when the adapter waits."""
    clock, ticker = HandClock(), Ticker()
    twin = ShopifyTwin(clock, ticker, **(bucket or {}))
    async with serving(twin.app) as base:
        client_id = "" if token else CLIENT_ID
        platform = Shopify(
            SHOP, base, client_id, SECRET, token, "USD", clock, timeout_s, ticker.sleep, ticker, **options
        )
        try:
            yield ShopifyStand(twin, platform, clock, ticker)
        finally:
            await platform.close()

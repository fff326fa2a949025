"""Every shop that the conformance suite is run against."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing

import pytest

from bot.store.database import Database
from tests.conftest import StandingClock
from tests.shops.stand import ShopStand
from tests.shops.stands.embedded import EmbeddedStand
from tests.shops.stands.remote import RemoteStand
from tests.shops.stands.shopify import shopify
from tests.shops.stands.woo import woo

Opener = Callable[[Database, StandingClock], AbstractAsyncContextManager[ShopStand]]
REMOTE: dict[str, Opener] = {
    "remote": lambda database, clock: aclosing(RemoteStand(database, clock)),
    "woocommerce": woo,
    "shopify": shopify,
}
STANDS: dict[str, Opener] = {"embedded": lambda database, clock: aclosing(EmbeddedStand(database, clock)), **REMOTE}


@pytest.fixture(params=STANDS)
async def stand(request: pytest.FixtureRequest, database: Database, clock: StandingClock) -> AsyncIterator[ShopStand]:
    async with STANDS[request.param](database, clock) as shop:
        yield shop


@pytest.fixture(params=REMOTE)
async def remote_stand(
    request: pytest.FixtureRequest, database: Database, clock: StandingClock
) -> AsyncIterator[ShopStand]:
    """A shop with a system of its own, which may be down and whose words may be lost."""
    async with STANDS[request.param](database, clock) as shop:
        yield shop

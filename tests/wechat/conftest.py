from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from connectors.wechat.account import Kind
from tests.wechat.stage import Stage, staged


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as stage:
        yield stage


@pytest_asyncio.fixture
async def held() -> AsyncIterator[Stage]:
    """A stage whose connector holds the channel."""
    async with staged(holding=True) as stage:
        yield stage


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Stage]:
    """A test account."""
    async with staged(Kind.TEST, twins_key="") as stage:
        yield stage

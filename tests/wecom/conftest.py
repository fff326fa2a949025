"""The stage that the tests of WeCom play on."""

from collections.abc import AsyncIterator

import pytest

from tests.wecom.stage import Stage, staged


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one

from collections.abc import AsyncIterator

import pytest
from telegram import Bot

from tests.telegram.stage import Stage, client_of, staged


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as made:
        yield made


@pytest.fixture
async def begun(stage: Stage) -> Stage:
    await stage.begin()
    return stage


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[Bot]:
    async with client_of(stage) as bot:
        yield bot

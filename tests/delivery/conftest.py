"""The bot's own knowledge and engine, read once for all tests of delivery."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from structlog.processors import JSONRenderer, add_log_level, format_exc_info

from bot.brain import Brain, read_mind
from bot.delivery.thinking import Thinker
from bot.settings import Settings, Shop
from bot.shop.sql import SqlShop
from bot.starter import starter_folder


@pytest.fixture(scope="session")
def thinker() -> Thinker:
    """The real thinker over the starter set and the embedded shop."""
    settings = Settings(shop=Shop(name={"zh": "示例店", "en": "Example shop"}))
    folder = starter_folder()
    return Thinker(Brain(folder, settings, read_mind(folder, settings)), settings, SqlShop)


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> Iterator[None]:
    """Log without drawing the locals of every frame: a traceback through the thinker holds the whole knowledge."""
    structlog.configure(processors=[add_log_level, format_exc_info, JSONRenderer()])
    yield
    structlog.reset_defaults()

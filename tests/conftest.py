"""Fixtures that many tests share: the two databases, a clock that stands, ids that count."""

import uuid
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import psycopg
import pytest

from bot.clock import IdMaker
from bot.store.database import Database
from bot.store.upgrade import upgrade
from tests import needs


class StandingClock:
    """A clock that moves only when told."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, step: timedelta) -> None:
        self.at += step


@pytest.fixture
def clock() -> StandingClock:
    """Monday, 11:00 in Shanghai: agents are there, no quiet hours."""
    return StandingClock(datetime(2026, 11, 23, 3, 0, tzinfo=UTC))


@pytest.fixture
def new_id() -> IdMaker:
    numbers = count(1)
    return lambda: f"id{next(numbers)}"


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database with today's schema, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'test.db'}"
        upgrade(url)
        with closing(Database(url)) as opened:
            yield opened
        return
    server = needs.postgresql_url()
    name = f"zhanggui_{uuid.uuid4().hex}"
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f'create database "{name}"')
    url = f"{server.rpartition('/')[0]}/{name}"
    try:
        upgrade(url)
        with closing(Database(url)) as opened:
            yield opened
    finally:
        with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as admin:
            admin.execute(f'drop database "{name}" with (force)')

"""Fixtures that many tests share: the two databases, a clock that stands, ids that count."""

import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
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


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database with today's schema, to be copied: that is much faster than to migrate."""
    path = tmp_path_factory.mktemp("migrated") / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_template() -> Iterator[str]:
    """The name of an empty PostgreSQL database with today's schema, to be copied."""
    with postgresql_database() as name:
        upgrade(postgresql_address(name))
        yield name


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database with today's schema, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        copy = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "test.db")
        with closing(Database(f"sqlite:///{copy}")) as opened:
            yield opened
        return
    with (
        postgresql_database(request.getfixturevalue("migrated_template")) as name,
        closing(Database(postgresql_address(name))) as opened,
    ):
        yield opened


def postgresql_address(name: str) -> str:
    """Return the address of a database on the server of the tests."""
    return f"{needs.postgresql_url().rpartition('/')[0]}/{name}"


@contextmanager
def postgresql_database(template: str = "template1") -> Iterator[str]:
    """Make a database, a copy of `template`, and drop it in the end. Gives its name."""
    name = f"zhanggui_{uuid.uuid4().hex}"
    with psycopg.connect(needs.postgresql_url().replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f'create database "{name}" template "{template}"')
        try:
            yield name
        finally:
            admin.execute(f'drop database "{name}" with (force)')

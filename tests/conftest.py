"""Fixtures that many tests share: the two databases, a clock that stands, ids that count."""

import gc
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a worker a core is enough, more threads spin
import psycopg
import pytest
import structlog

from bot.clock import IdMaker
from bot.store.database import Database
from bot.store.upgrade import upgrade
from tests import needs

collect_ignore = [] if os.environ.get("ZHANGGUI_TEST_SEMANTIC") else ["semantic"]
"""The main suite never loads PyTorch; `ZHANGGUI_TEST_SEMANTIC=1 pytest tests/semantic` does."""


structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)
"""Plain tracebacks: the pretty ones print all variables, and for a whole shop that takes half a minute."""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Learn the starter set once, before workers and processes that must be ready in time all do it at once."""
    if not hasattr(session.config, "workerinput"):
        from bot.brain import read_mind
        from bot.demo.shop import demo_settings
        from bot.starter import starter_folder

        read_mind(starter_folder(), demo_settings())


def pytest_collection_finish() -> None:
    """Keep what was imported and collected out of every later garbage collection: it stays to the end."""
    gc.collect()
    gc.freeze()


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

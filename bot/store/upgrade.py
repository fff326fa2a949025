"""Brings a database to this version's schema, and refuses one that is newer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bot.errors import DatabaseError

if TYPE_CHECKING:
    from alembic.config import Config

UPGRADE_LOCK = 0x7A676E67
"""A number of our own (the letters z g n g)."""
MIGRATIONS = Path(__file__).parent / "migrations"
"""Its files are named `{revision}_{what}.py`, in the order in which they apply."""


def database_url(url: str, folder: Path) -> str:
    """Return `url` with a relative SQLite path put below the shop's folder.

    Raises:
        DatabaseError: the address has no known form.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError(f"store.url {url!r} is not a database address, e.g. sqlite:///data/zhanggui.db") from None
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise DatabaseError(f"store.url {url!r}: use sqlite:///path or postgresql+psycopg://user@host/name")
    return f"sqlite:///{(folder / parsed.database).resolve()}"


def upgrade(url: str) -> None:
    """Upgrade the database at `url`, making it if it is SQLite and not there yet.

    Raises:
        DatabaseError: it cannot be reached, or was made by a newer version.
    """
    if (path := _sqlite_path(url)) is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"the folder {path.parent} cannot be made: {error.strerror}") from error
    with _opened(url) as connection:
        if connection.dialect.name == "postgresql":  # several processes may start on one empty database
            connection.execute(text(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})"))
        if not _is_current(connection):
            from alembic import command  # 8 MB that most starts do not need

            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def needs_upgrade(url: str) -> bool:
    """Return whether the database is missing or older than this version, without changing it.

    Raises:
        DatabaseError: it cannot be reached, or was made by a newer version.
    """
    path = _sqlite_path(url)
    if path is not None and not path.exists():
        return True
    with _opened(url) as connection:
        return not _is_current(connection)


def _sqlite_path(url: str) -> Path | None:
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@contextmanager
def _opened(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        shown = make_url(url).render_as_string(hide_password=True)
        raise DatabaseError(f"the database {shown} does not answer: {getattr(error, 'orig', error)}") from error
    finally:
        engine.dispose()


def _is_current(connection: Connection) -> bool:
    known = sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    current = None
    if inspect(connection).has_table("alembic_version"):
        current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if current is not None and current not in known:
        raise DatabaseError(f"a newer version made the database (schema {current}). Install that version")
    return current == known[-1]

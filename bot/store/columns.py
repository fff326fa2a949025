"""What columns are made of, and the one `metadata` of all tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, Index, Integer, MetaData, String, TypeDecorator, event, text
from sqlalchemy.types import BigInteger

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC by both databases (SQLite forgets the zone, so it is put back)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime must not reach the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def partial(name: str, *columns: str, where: str) -> Index:
    """Return an index of the rows for which `where` holds."""
    return Index(name, *columns, info={"where": where})


@event.listens_for(metadata, "before_create")
def _limit_partials(made: MetaData, connection: Connection, **_: Any) -> None:
    """Tell the conditions when tables are made, and to one database: an index that names another loads all of it."""
    for index in (index for table in made.tables.values() for index in table.indexes if "where" in index.info):
        index.dialect_kwargs[f"{connection.dialect.name}_where"] = text(index.info["where"])


Id = String(64)
Serial = BigInteger().with_variant(Integer(), "sqlite")

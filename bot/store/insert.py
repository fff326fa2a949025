"""Insert once: the same statement on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row; return False, changing nothing, if one of its unique keys is there already."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(dict(values)).on_conflict_do_nothing()
    # Without the option SQLAlchemy fetches the new key on PostgreSQL and forgets the row count.
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount == 1

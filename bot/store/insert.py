"""Inserts that leave alone what is there already: the same statements on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table

# Without the option SQLAlchemy fetches the new key on PostgreSQL and forgets the row count.
COUNTED = {"preserve_rowcount": True}


def insert_once(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row; return False, changing nothing, if one of its unique keys is there already."""
    statement = _insert_once(connection.dialect.name, table)
    return connection.execute(statement, dict(values), execution_options=COUNTED).rowcount == 1


def insert_or_lock(connection: Connection, table: Table, values: Mapping[str, Any], key: str) -> None:
    """Insert a row, or lock the one that has the same `key` until the transaction ends, changing nothing of it."""
    statement = _insert(connection)(table)
    same = statement.on_conflict_do_update(index_elements=[key], set_={key: statement.excluded[key]})
    connection.execute(same, dict(values))


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of `rows` (all with the same columns) whose unique keys are not there yet."""
    if rows:
        connection.execute(_insert(connection)(table).on_conflict_do_nothing(), [dict(row) for row in rows])


def insert_from(connection: Connection, table: Table, names: Sequence[str], rows: Select[Any]) -> int:
    """Insert what a query with a WHERE returns, but for unique keys that are there already. Return how many it were.

    Args:
        names: of the columns that `rows` has; the others get their defaults.
    """
    statement = _insert(connection)(table).from_select(list(names), rows).on_conflict_do_nothing()
    return connection.execute(statement, execution_options=COUNTED).rowcount


@cache
def _insert_once(dialect: str, table: Table) -> Any:
    return _insert_of(dialect)(table).on_conflict_do_nothing()  # made once: making it takes longer than running it


def _insert(connection: Connection) -> Any:
    return _insert_of(connection.dialect.name)


def _insert_of(dialect: str) -> Any:
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite  # each 4 MB, and a shop has one

        return sqlite.insert
    from sqlalchemy.dialects import postgresql

    return postgresql.insert

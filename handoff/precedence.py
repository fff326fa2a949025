"""The order of the queue for the database: the same as `handoff.routing.order` has, for every list and every place."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from bot.store.tables import conversations
from handoff.routing import AGEING

_AGEING_US = int(AGEING.total_seconds()) * 1_000_000


class Precedence(FunctionElement[int]):
    """Microseconds since 1970 at which a conversation of the queue came into it, less its priority: small is first."""

    type = BigInteger()
    inherit_cache = True

    def __init__(self, queued_at: Column[Any], priority: Column[Any]) -> None:
        super().__init__(queued_at, priority)


@compiles(Precedence, "postgresql")
def _postgresql(element: Precedence, compiler: Any, **kwargs: Any) -> str:
    queued_at, priority = (compiler.process(column, **kwargs) for column in element.clauses)
    return f"(CAST(extract(epoch FROM {queued_at}) * 1000000 AS BIGINT) - CAST({priority} AS BIGINT) * {_AGEING_US})"


@compiles(Precedence, "sqlite")
def _sqlite(element: Precedence, compiler: Any, **kwargs: Any) -> str:
    queued_at, priority = (compiler.process(column, **kwargs) for column in element.clauses)
    micros = f"CAST(strftime('%s', {queued_at}) AS INTEGER) * 1000000 + CAST(substr({queued_at}, 21, 6) AS INTEGER)"
    return f"({micros} - {priority} * {_AGEING_US})"


PRECEDENCE: ColumnElement[int] = Precedence(conversations.c.queued_at, conversations.c.priority)
BY_PRECEDENCE = PRECEDENCE, conversations.c.id
"""To order by: the next one first."""

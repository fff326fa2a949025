"""The time a day after another one, in the words of both databases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from bot.store.columns import Utc


class DayAfter(FunctionElement[datetime]):
    """24 hours after what a column holds."""

    type = Utc()
    inherit_cache = True

    def __init__(self, at: Column[Any]) -> None:
        super().__init__(at)


@compiles(DayAfter, "postgresql")
def _postgresql(element: DayAfter, compiler: Any, **kwargs: Any) -> str:
    (at,) = (compiler.process(column, **kwargs) for column in element.clauses)
    return f"({at} + interval '24 hours')"


@compiles(DayAfter, "sqlite")
def _sqlite(element: DayAfter, compiler: Any, **kwargs: Any) -> str:
    (at,) = (compiler.process(column, **kwargs) for column in element.clauses)
    return f"(strftime('%Y-%m-%d %H:%M:%S', {at}, '+24 hours') || substr({at}, 20))"  # as times are kept there

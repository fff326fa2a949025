"""One thing that cannot be read stops no other: it is left out and logged by its id, without its content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec

import structlog

from bot.shop.platform import Told
from bot.shop.wire import Json

P = ParamSpec("P")

_log = structlog.get_logger(__name__)


def read_or_skip(
    read: Callable[Concatenate[Json, P], Told | Iterable[Told] | None],
    rows: Iterable[Json],
    *args: P.args,
    **named: P.kwargs,
) -> list[Told]:
    """Return what `read` makes of each row; a row that breaks it is logged as `shop_thing_not_read`."""
    told: list[Told] = []
    for row in rows:
        try:
            found = read(row, *args, **named)
        except (ValueError, TypeError, KeyError, ArithmeticError, AttributeError) as error:
            # pydantic's faults are ValueErrors; their text holds what was written, so only their kind is told.
            _log.warning(
                "shop_thing_not_read", id=str(row.get("id"))[:64], reader=read.__name__, error=type(error).__name__
            )
            continue
        told += [] if found is None else [found] if isinstance(found, Told) else found
    return told

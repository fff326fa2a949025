"""Puts one thing of any kind: for the mirror of a remote shop, for bulk loading and for imported sheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot.errors import ZhangguiError
from bot.shop.aftersale import put_case
from bot.shop.bodies import CaseBody, CustomerBody, OrderBody, ProductBody
from bot.shop.load import put_customer, put_order, put_product

Thing = ProductBody | CustomerBody | OrderBody | CaseBody


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be put; `where` it stands, for who has to correct it: `orders.csv:12`."""

    id: str
    body: Thing
    where: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an item cannot be put."""

    where: str
    problem: str


class NotPut(ZhangguiError):
    """Nothing was put, as some of it cannot be. Correct what is listed and load it again."""

    code = "request"

    def __init__(self, refused: Sequence[Refused]) -> None:
        super().__init__("; ".join(f"{one.where}: {one.problem}" for one in refused[:20]))
        self.refused = tuple(refused)


def put_thing(
    connection: Connection, ident: str, body: Thing, now: datetime, changed_at: datetime | None = None
) -> None:
    """Put a product, customer, order or case.

    Args:
        changed_at: when it was changed in the shop's system, if that tells.

    Raises:
        NotFound: it names something that is not there.
        Conflict: it contradicts what is there.
    """
    match body:
        case ProductBody():
            put_product(connection, ident, body, now)
        case CustomerBody():
            put_customer(connection, ident, body, now)
        case OrderBody():
            put_order(connection, ident, body, now, changed_at)
        case CaseBody():
            put_case(connection, ident, body, changed_at or now)


_ORDER = (ProductBody, CustomerBody, OrderBody, CaseBody)


def in_order(body: Thing) -> int:
    """Return what things are sorted by, so that what others name comes first."""
    return _ORDER.index(type(body))


def put_all(
    connection: Connection, items: Sequence[Item], now: datetime, done: Callable[[int], None] = lambda _count: None
) -> None:
    """Put many things in the caller's transaction: all of them or none.

    Args:
        done: told after each item how many there were.

    Raises:
        NotPut: with everything that cannot be put; the caller's transaction has to be rolled back.
    """
    refused: list[Refused] = []
    for count, item in enumerate(sorted(items, key=lambda item: in_order(item.body)), 1):
        try:
            with connection.begin_nested():  # what one refusal leaves behind must not make others
                put_thing(connection, item.id, item.body, now)
        except ZhangguiError as error:
            refused.append(Refused(item.where, str(error)))
        done(count)
    if refused:
        raise NotPut(refused)

"""Copies what a remote shop tells into the tables that skills read. Repeats and old news change nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, or_, select, update

from bot.errors import ZhangguiError
from bot.shop.batch import Thing, put_thing
from bot.shop.bodies import CaseBody, CustomerBody, OrderBody, ProductBody
from bot.shop.cases import OVER, set_status
from bot.shop.erasing import erase, without_erased
from bot.shop.platform import Kind, Told
from bot.shop.port import CaseStatus
from bot.shop.todo import leave
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import cases, customers, orders, products, untold, variants

STAYS_UNTOLD = timedelta(minutes=30)
"""So long what an order names may be on its way."""
log = structlog.get_logger()
_ORDER = (Kind.PRODUCT, Kind.CUSTOMER, Kind.ORDER, Kind.CASE)
_BODIES: dict[Kind, type[Thing]] = {
    Kind.PRODUCT: ProductBody,
    Kind.CUSTOMER: CustomerBody,
    Kind.ORDER: OrderBody,
    Kind.CASE: CaseBody,
}
_TABLES: dict[Kind, Table] = {
    Kind.PRODUCT: products,
    Kind.CUSTOMER: customers,
    Kind.ORDER: orders,
    Kind.CASE: cases,
}


@dataclass(frozen=True, slots=True)
class Copied:
    """What came of a page: how many things were news, and how many wait for what they name."""

    news: int = 0
    kept: int = 0

    def __add__(self, other: Copied) -> Copied:
        return Copied(self.news + other.news, self.kept + other.kept)


def copy(connection: Connection, told: Sequence[Told], now: datetime) -> Copied:
    """Copy what was told, in the caller's transaction; then what waited for it.

    What names something that is not here is kept in `untold` until that comes. The shop's system is always right: a
    thing that contradicts what is here is kept there too, and logged.
    """
    found, news = Copied(), list[Told]()
    for one in sorted(without_erased(connection, told), key=lambda one: (_ORDER.index(one.kind), one.changed_at)):
        came = _copy_one(connection, one, now)
        found += came
        news += [one] * came.news
    return found + _copy_untold(connection, news, now)


def _copy_one(connection: Connection, told: Told, now: datetime) -> Copied:
    known = _known_at(connection, told)
    if known is not None and told.changed_at < known:
        connection.execute(delete(untold).where(_same(told), untold.c.changed_at < known))
        return Copied()
    is_news = known is None or told.changed_at > known
    if told.body is None:
        _gone(connection, told, now)
        return Copied(news=int(is_news))
    try:
        with connection.begin_nested():
            put_thing(connection, told.id, told.body, now, told.changed_at)
            _stamp(connection, told)
    except ZhangguiError as error:
        _keep(connection, told, str(error), now)
        return Copied(kept=1)
    connection.execute(delete(untold).where(_same(told)))
    return Copied(news=int(is_news))


def _known_at(connection: Connection, told: Told) -> datetime | None:
    """Return when what is here of a thing was changed there."""
    table = _TABLES[told.kind]
    found: datetime | None = connection.execute(
        select(table.c.changed_at).where(_key(table) == told.id).with_for_update()
    ).scalar()
    return found


def _key(table: Table) -> Column[str]:
    return next(iter(table.primary_key))


def _stamp(connection: Connection, told: Told) -> None:
    table = _TABLES[told.kind]
    connection.execute(update(table).where(_key(table) == told.id).values(changed_at=told.changed_at))


def _gone(connection: Connection, told: Told, now: datetime) -> None:
    """Take out of sight what is gone there: old orders, cases and conversations still name it."""
    match told.kind:
        case Kind.PRODUCT:
            _hide(connection, told.id)
        case Kind.CUSTOMER:
            erase(connection, told.id, now)
        case Kind.ORDER:
            not_left = orders.c.number == told.id, orders.c.status.in_(("unpaid", "paid", "packed"))
            connection.execute(update(orders).where(*not_left).values(status="cancelled"))
        case Kind.CASE:
            alive = cases.c.number == told.id, cases.c.status.not_in(OVER)
            if connection.execute(select(cases.c.number).where(*alive)).first():
                set_status(connection, told.id, CaseStatus.CANCELLED, now)
    _stamp(connection, told)
    connection.execute(delete(untold).where(_same(told)))


def _hide(connection: Connection, product_id: str) -> None:
    connection.execute(update(products).where(products.c.id == product_id).values(active=False))
    connection.execute(update(variants).where(variants.c.product_id == product_id).values(stock=0))


def _same(told: Told) -> ColumnElement[bool]:
    return and_(untold.c.kind == told.kind.value, untold.c.id == told.id)


def _keep(connection: Connection, told: Told, why: str, now: datetime) -> None:
    """Keep what cannot be put yet, the newest word of it."""
    body = told.body.model_dump(mode="json") if told.body is not None else None
    row = {"kind": told.kind.value, "id": told.id, "body": body, "changed_at": told.changed_at, "why": why}
    if not insert_once(connection, untold, {**row, "kept_at": now}):
        older = untold.c.changed_at <= told.changed_at
        connection.execute(update(untold).where(_same(told), older).values(row))
    log.info("shop_kept_for_later", kind=told.kind.value, id=told.id, why=why)


def _copy_untold(connection: Connection, news: Sequence[Told], now: datetime) -> Copied:
    """Put what waited for what came, for as long as that makes room for more. What waits for something else rests."""
    found = Copied()
    while news:
        came = set[str]().union(*(_names(one) for one in news))
        rows = connection.execute(select(untold).order_by(untold.c.kept_at)).all()
        waiting = [told_of(row) for row in rows if not came.isdisjoint({row.id, *_waits_for(row.body or {})})]
        waiting.sort(key=lambda one: _ORDER.index(one.kind))
        news = [one for one in waiting if _copy_one(connection, one, now).news]
        found += Copied(news=len(news))
    return found


def _names(told: Told) -> set[str]:
    """Return by what names others speak of a thing."""
    match told.body:
        case ProductBody(variants=goods):
            return {told.id, *(one.sku for one in goods)}
        case CaseBody(order_number=number):  # a case that is over lets go of a line
            return {told.id, number}
    return {told.id}


def _waits_for(body: Mapping[str, Any]) -> set[str]:
    """Return what a stored body names: its customer, its order, its goods."""
    goods = (*body.get("lines", ()), *body.get("parts", ()), *body.get("variants", ()))
    named = {str(one.get(name)) for one in goods for name in ("sku", "wanted_sku")}
    return named | {str(body.get(name)) for name in ("customer_id", "order_number")}


def leave_untold(connection: Connection, now: datetime) -> None:
    """Leave to the staff each order that still cannot be shown to anybody, as it names something unknown."""
    stays = untold.c.kind == Kind.ORDER.value, untold.c.kept_at <= now - STAYS_UNTOLD
    for row in connection.execute(select(untold.c.id, untold.c.why).where(*stays)).all():
        text = f"Order {row.id} came from the shop's system but customers cannot be told of it: {row.why}"
        leave(connection, f"untold:{row.id}", "errand", None, text, now)


def told_of(row: AnyRow) -> Told:
    """Return what a row of `untold` says."""
    kind = Kind(row.kind)
    body = _BODIES[kind].model_validate(row.body) if row.body is not None else None
    return Told(kind, row.id, body, row.changed_at)


def missing_products(connection: Connection, told: Collection[str], before: datetime) -> set[str]:
    """Return the products on sale, changed before `before`, that are not among all that were told."""
    known = products.c.active, or_(products.c.changed_at.is_(None), products.c.changed_at < before)
    return set(connection.execute(select(products.c.id).where(*known)).scalars()) - set(told)


def hide_products(connection: Connection, missing: Collection[str]) -> Copied:
    """Take products out of sight. Their times stay: if one was only missed, the shop's next word brings it back."""
    for product_id in sorted(missing):
        _hide(connection, product_id)
    return Copied(news=len(missing))

"""Pieces that can be sold: taken by one conditional statement each, so that none is promised twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, or_, select, update

from bot.delivery.standing import talks_of_person
from bot.delivery.timers import set_timer
from bot.errors import NotFound
from bot.shop import price_watch
from bot.store.insert import insert_once
from bot.store.tables import case_parts, variants, watches

BACK_IN_STOCK = "back_in_stock"
"""Kind of the timer that tells who waits for a variant."""


def take(connection: Connection, pieces: Mapping[str, int]) -> bool:
    """Take pieces by sku off the stock: all of them, or none and return False if one is not there any more."""
    taken: dict[str, int] = {}
    for sku, quantity in sorted(pieces.items()):  # in one order, so that two never wait in a circle
        enough = variants.c.sku == sku, variants.c.stock >= quantity
        left = connection.execute(update(variants).where(*enough).values(stock=variants.c.stock - quantity))
        if not left.rowcount:
            _give(connection, taken)
            return False
        taken[sku] = quantity
    return True


def put_back(connection: Connection, pieces: Mapping[str, int], now: datetime) -> None:
    """Put pieces by sku back into the stock; who waits for them hears of it."""
    _give(connection, pieces)
    tell_watchers(connection, pieces, now)


def _give(connection: Connection, pieces: Mapping[str, int]) -> None:
    for sku, quantity in sorted(pieces.items()):
        connection.execute(update(variants).where(variants.c.sku == sku).values(stock=variants.c.stock + quantity))


def held(connection: Connection, skus: Sequence[str]) -> dict[str, int]:
    """Return by sku how many pieces are held for exchanges, which the shop's own count does not know."""
    here = case_parts.c.held, case_parts.c.wanted_sku.in_(skus)
    query = select(case_parts.c.wanted_sku, func.sum(case_parts.c.quantity).label("pieces")).where(*here)
    return {row.wanted_sku: int(row.pieces) for row in connection.execute(query.group_by(case_parts.c.wanted_sku))}


def set_stock(connection: Connection, sku: str, pieces: int, changed_at: datetime, now: datetime) -> bool:
    """Record how many pieces the shop counted at `changed_at`. Return False if something newer is known already.

    What is held for an exchange stays held: it is taken off.

    Raises:
        NotFound: there is no such sku.
    """
    pieces = max(0, pieces - held(connection, [sku]).get(sku, 0))
    older = or_(variants.c.stock_changed_at.is_(None), variants.c.stock_changed_at < changed_at)
    changed = connection.execute(
        update(variants).where(variants.c.sku == sku, older).values(stock=pieces, stock_changed_at=changed_at)
    ).rowcount
    if changed:
        tell_watchers(connection, [sku], now)
    elif connection.execute(select(variants.c.sku).where(variants.c.sku == sku)).first() is None:
        raise NotFound(f"There is no sku {sku}. Take skus from GET /api/shop/products.")
    return bool(changed)


def watch(connection: Connection, conversation_id: str, sku: str, now: datetime) -> bool:
    """Remember who wants to hear when a variant can be bought again. Return False if there is no such sku."""
    if connection.execute(select(variants.c.sku).where(variants.c.sku == sku)).first() is None:
        return False
    insert_once(connection, watches, {"conversation_id": conversation_id, "sku": sku, "asked_at": now})
    tell_watchers(connection, [sku], now)  # it may have come back a moment ago
    return True


def unwatch_all_of(connection: Connection, person_id: str) -> None:
    """Forget for what variants a person waits, in all their conversations."""
    theirs = watches.c.conversation_id.in_(talks_of_person())
    connection.execute(delete(watches).where(theirs), {"person": person_id})


def tell_watchers(connection: Connection, skus: Mapping[str, int] | list[str], now: datetime) -> None:
    """Have those told, by a timer due now, who wait for one of `skus` that can be bought.

    Whether one of them has become cheaper is looked at, too: it comes with the same news.
    """
    waited_for = (
        select(variants.c.sku)
        .where(variants.c.sku.in_(list(skus)), variants.c.stock > 0)
        .where(select(watches.c.sku).where(watches.c.sku == variants.c.sku).exists())
    )
    for sku in connection.execute(waited_for.order_by(variants.c.sku)).scalars().all():
        set_timer(connection, f"{BACK_IN_STOCK}:{sku}", BACK_IN_STOCK, {"sku": sku}, now)
    price_watch.look(connection, skus, now)

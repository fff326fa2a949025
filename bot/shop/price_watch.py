"""Who wants to hear once when a product gets cheaper, and what it cost each of its variants when they asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from bot.delivery.gate import NO_LONGER_TRUE
from bot.delivery.standing import talks_of_person
from bot.delivery.timers import set_timer
from bot.shop.rows import tier_minor
from bot.store.insert import insert_once
from bot.store.tables import conversations, customers, identities, outbox, persons, price_watches, variants

PRICE_DROP = "price_drop"
"""Kind of the timer that tells who waits for a product to get cheaper."""
TIER_NOW = func.coalesce(customers.c.tier, "regular").label("tier_now")
"""The tier of the customer who waits, who may have another one than when they asked."""


def watch(connection: Connection, conversation_id: str, product_id: str, tier: str, now: datetime) -> bool:
    """Remember who wants to hear when a product gets cheaper. Return False if there is no such product.

    Who asks again compares with what it costs then.

    Args:
        tier: the customer's member tier, whose prices they saw.
    """
    prices = _prices_of(connection, product_id)
    if not prices:
        return False
    row = {"conversation_id": conversation_id, "product_id": product_id, "tier": tier, "prices_minor": prices}
    if not insert_once(connection, price_watches, {**row, "asked_at": now}):
        mine = price_watches.c.conversation_id == conversation_id, price_watches.c.product_id == product_id
        connection.execute(update(price_watches).where(*mine).values(**row, asked_at=now))
    return True


def unwatch(connection: Connection, conversation_id: str) -> bool:
    """Forget what a conversation waits for. Return False if that was nothing."""
    mine = price_watches.c.conversation_id == conversation_id
    return bool(connection.execute(delete(price_watches).where(mine)).rowcount)


def unwatch_all_of(connection: Connection, person_id: str) -> None:
    """Forget what a person waits for, in all their conversations."""
    theirs = price_watches.c.conversation_id.in_(talks_of_person())
    connection.execute(delete(price_watches).where(theirs), {"person": person_id})


def look(connection: Connection, skus: Collection[str], now: datetime) -> None:
    """Have it looked, by timers due now, whether somebody waits for a product of these skus to get cheaper."""
    waited_for = select(price_watches.c.product_id).where(
        price_watches.c.product_id.in_(select(variants.c.product_id).where(variants.c.sku.in_(list(skus))))
    )
    for product_id in connection.execute(waited_for.distinct().order_by(price_watches.c.product_id)).scalars().all():
        set_timer(connection, f"{PRICE_DROP}:{product_id}", PRICE_DROP, {"product": product_id}, now)


def _prices_of(connection: Connection, product_id: str) -> dict[str, list[Any]]:
    """Return by sku what everybody pays: minor units, currency, and by tier what its members pay.

    The rows stay locked as a put locks them: one that is going on is read, and a later one finds who waits.
    """
    query = select(variants).where(variants.c.product_id == product_id).order_by(variants.c.sku)
    rows = connection.execute(query.with_for_update(read=True))
    return {row.sku: [row.price_minor, row.currency, row.tier_prices_minor or {}] for row in rows}


def still_costs(connection: Connection, guard: Mapping[str, Any]) -> bool:
    """Return whether what a notice says still holds, and somebody waits for it.

    `{"priced": sku, "minor": number, "currency": code, "tier": tier}`: it can be had for just that, by a customer who
    still has that tier. `{"talk": conversation, "product": id, "asked_at": time}`: who waits, and since when.
    """
    if connection.execute(select(price_watches.c.tier).where(*_that_of(guard))).first() is None:
        return False
    if _tier_in(connection, guard["talk"]) != guard["tier"]:
        return False
    row = connection.execute(select(variants).where(variants.c.sku == guard["priced"])).one_or_none()
    if row is None or row.stock <= 0:
        return False
    costs = tier_minor(row.price_minor, row.tier_prices_minor, guard["tier"]), row.currency
    return bool(costs == (guard["minor"], guard["currency"]))


def settle(connection: Connection, keys: Iterable[str], status: str, reason: str, now: datetime) -> None:
    """Forget who has heard, of rows of the outbox that are over; whose notice was dropped waits on, under a new time.

    The time makes the key of the next notice another one. Rows that are no notices are passed over.
    """
    mine = [key for key in keys if key.startswith(f"{PRICE_DROP}:")]
    if not mine:
        return
    guards = list(connection.execute(select(outbox.c.guard).where(outbox.c.key.in_(mine))).scalars())
    for guard in sorted(guards, key=lambda one: (one["asked_at"], one["talk"])):  # as who tells them locks them
        if status != "dropped":
            connection.execute(delete(price_watches).where(*_that_of(guard)))
            continue
        if reason == NO_LONGER_TRUE:  # it may cost something else now that is less, too
            set_timer(connection, f"{PRICE_DROP}:{guard['product']}", PRICE_DROP, {"product": guard["product"]}, now)
        anew = max(now, datetime.fromisoformat(guard["asked_at"]) + timedelta(microseconds=1))
        connection.execute(update(price_watches).where(*_that_of(guard)).values(asked_at=anew))


def _that_of(guard: Mapping[str, Any]) -> Sequence[ColumnElement[bool]]:
    return (
        price_watches.c.conversation_id == guard["talk"],
        price_watches.c.product_id == guard["product"],
        price_watches.c.asked_at == datetime.fromisoformat(guard["asked_at"]),
    )


def _tier_in(connection: Connection, conversation_id: str) -> str | None:
    of_talk = (
        select(TIER_NOW)
        .select_from(conversations)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .join(persons, identities.c.person_id == persons.c.id)
        .outerjoin(customers, persons.c.customer_id == customers.c.id)
    )
    return connection.execute(of_talk.where(conversations.c.id == conversation_id)).scalar()

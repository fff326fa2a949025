"""Who wants to hear once when a product gets cheaper, and what it cost each of its variants when they asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, update

from bot.delivery.standing import everybody
from bot.delivery.timers import set_timer
from bot.shop.rows import tier_minor
from bot.store.insert import insert_once
from bot.store.tables import conversations, customers, identities, persons, price_watches, variants

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


def talks_of_person() -> Select[str]:
    """Return the query for the conversations of everybody who is the person bound as `person`."""
    return (
        select(conversations.c.id)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .where(identities.c.person_id.in_(everybody()))
    )


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
    """Return whether `{"priced": sku, "at_most": minor, "tier": tier, "talk": conversation}` holds.

    It can be had for that, or for less, by the one who waits: they still have that tier.
    """
    if _tier_in(connection, guard["talk"]) != guard["tier"]:
        return False
    row = connection.execute(select(variants).where(variants.c.sku == guard["priced"])).one_or_none()
    if row is None or row.stock <= 0:
        return False
    return bool(tier_minor(row.price_minor, row.tier_prices_minor, guard["tier"]) <= guard["at_most"])


def _tier_in(connection: Connection, conversation_id: str) -> str | None:
    of_talk = (
        select(TIER_NOW)
        .select_from(conversations)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .join(persons, identities.c.person_id == persons.c.id)
        .outerjoin(customers, persons.c.customer_id == customers.c.id)
    )
    return connection.execute(of_talk.where(conversations.c.id == conversation_id)).scalar()

"""Whether what a campaign says to one person still holds: they stay away, or are there to be greeted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, func, or_, select

from bot.store.tables import campaigns, carts, conversations, customers, identities, orders, outbox, persons

NOT_BOUGHT = ("unpaid", "cancelled")
"""Statuses of orders that are no purchase."""
CART_OF_ORDER = timedelta(days=1)
"""How much later than its order the same purchase may be told of as a cart."""


def bought_since(connection: Connection, customer_id: str, since: datetime) -> bool:
    """Return whether a customer has bought after `since`: an order, or a cart of which no order was told.

    A cart is paid when the shop tells so: one that is told soon after `since` is of the purchase that was then.
    """
    at = func.coalesce(orders.c.paid_at, orders.c.created_at)
    an_order = exists().where(orders.c.customer_id == customer_id, orders.c.status.not_in(NOT_BOUGHT), at > since)
    later = carts.c.updated_at > since + CART_OF_ORDER
    a_cart = exists().where(carts.c.customer_id == customer_id, carts.c.status == "paid", later)
    return bool(connection.execute(select(or_(an_order, a_cart))).scalar())


def sleeps(connection: Connection, guard: Mapping[str, Any]) -> bool:
    """Return whether `{"asleep": customer, "since": time, "campaign": id}` holds.

    The customer is there and has not bought since, and the campaign runs.
    """
    if not _runs_for(connection, guard["campaign"], guard["asleep"]):
        return False
    return not bought_since(connection, guard["asleep"], datetime.fromisoformat(guard["since"]))


def is_greeted(connection: Connection, guard: Mapping[str, Any]) -> bool:
    """Return whether `{"greeting": customer, "campaign": id}` holds: the customer is there, and the campaign runs."""
    return _runs_for(connection, guard["campaign"], guard["greeting"])


def _runs_for(connection: Connection, campaign_id: str, customer_id: str) -> bool:
    running = select(campaigns.c.id).where(campaigns.c.id == campaign_id, campaigns.c.status == "running")
    there = select(customers.c.id).where(customers.c.id == customer_id, customers.c.erased_at.is_(None))
    return connection.execute(running.where(exists(there))).first() is not None


def is_paused(connection: Connection, guard: Mapping[str, Any]) -> bool:
    """Return whether a message belongs to a campaign that is paused: it may go on."""
    status = select(campaigns.c.status).where(campaigns.c.id == guard["campaign"])
    return bool(connection.execute(status).scalar() == "paused")


def called_back(connection: Connection, customer_id: str, bought_at: datetime) -> list[str]:
    """Return the keys of recalls that wait for a customer, and are over by a purchase at `bought_at`."""
    talks = (
        select(conversations.c.id)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .join(persons, identities.c.person_id == persons.c.id)
        .where(persons.c.customer_id == customer_id)
    )
    waiting = (
        select(outbox.c.key, outbox.c.guard)
        .where(outbox.c.conversation_id.in_(talks), outbox.c.status == "waiting")
        .where(outbox.c.guard["asleep"].as_string() == customer_id)
    )
    rows = connection.execute(waiting).all()
    return [row.key for row in rows if datetime.fromisoformat(row.guard["since"]) < bought_at]

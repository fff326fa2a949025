"""What a customer left open: a cart that is not checked out, or an order that is not paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from bot.delivery.facts import gone_of
from bot.shop.port import Line, Money, Shop
from bot.store.tables import carts, orders

CART, ORDER = "cart", "order"


@dataclass(frozen=True, slots=True)
class Left:
    """A cart or an order as it is now.

    Attributes:
        what: `cart` or `order`.
        id: the cart's id, or the order's number.
        version: of the facts that are told.
        guard: the condition under which they are still true, see `bot.delivery.facts.guard_holds`.
        pay_url: where it can be paid; empty where the shop told none.
        closes_at: when the order closes by itself; None for a cart.
        gone: the lines of a cart that cannot be bought any more.
    """

    what: str
    id: str
    customer_id: str
    lines: tuple[Line, ...]
    total: Money
    version: str
    guard: dict[str, Any]
    pay_url: str
    closes_at: datetime | None = None
    gone: Sequence[Line] = ()


def open_cart(connection: Connection, shop: Shop, cart_id: str) -> Left | None:
    """Return a cart, None if it is paid or empty, or if the customer has begun a newer one."""
    row = connection.execute(select(carts.c.customer_id, carts.c.pay_url).where(carts.c.id == cart_id)).one_or_none()
    cart = shop.open_cart(row.customer_id) if row else None
    if row is None or cart is None or cart.id != cart_id or not cart.lines or not cart.total.amount_minor:
        return None
    gone = gone_of(connection, cart_id)
    as_of = cart.updated_at.isoformat()
    return Left(
        what=CART,
        id=cart_id,
        customer_id=cart.customer_id,
        lines=cart.lines,
        total=cart.total,
        version=as_of,
        guard={"cart_open": cart_id, "as_of": as_of, "gone": gone},
        pay_url=row.pay_url,
        gone=tuple(line for line in cart.lines if line.sku in gone),
    )


def unpaid_order(connection: Connection, shop: Shop, number: str, open_for: timedelta, now: datetime) -> Left | None:
    """Return an order, None if it is not waiting for its payment any more.

    Args:
        open_for: how long after it was made an unpaid order closes.
    """
    row = connection.execute(select(orders.c.status, orders.c.pay_url).where(orders.c.number == number)).one_or_none()
    order = shop.order(number) if row and row.status == "unpaid" else None
    if row is None or order is None or now >= order.created_at + open_for:
        return None
    return Left(
        what=ORDER,
        id=number,
        customer_id=order.customer_id,
        lines=order.lines,
        total=order.total,
        version=order.created_at.isoformat(),
        guard={"order_unpaid": number},
        pay_url=row.pay_url,
        closes_at=order.created_at + open_for,
    )

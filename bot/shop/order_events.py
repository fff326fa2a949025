"""Orders and parcels as the shop's events tell of them, in whatever order the events come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from bot.delivery.touches import count_payment
from bot.errors import Conflict, NotFound
from bot.shop.bodies import ShipmentBody
from bot.shop.cases import lock_order
from bot.shop.changes import end_order
from bot.shop.event_bodies import OrderCancelled, OrderCreated, OrderDelivered, OrderMoved, OrderShipped
from bot.shop.load import count_spent, put_order, put_trail
from bot.shop.parcel_news import look_at
from bot.store.database import AnyRow
from bot.store.tables import orders, shipments, tracking

_WAY = ("unpaid", "paid", "packed", "shipped", "delivered", "returned", "refunded")
"""The way of an order; events only move it forward."""


def order_created(connection: Connection, event: OrderCreated, now: datetime) -> bool:
    """Put a new order; one that is known and was changed since stays as it is."""
    order = lock_order(connection, event.order_number)
    if order is not None and (order.changed_at is None or order.changed_at >= event.changed_at):
        return False
    put_order(connection, event.order_number, event.order, now, event.changed_at)
    return True


def order_moved(connection: Connection, event: OrderMoved) -> bool:
    """Move an order to where the event says, unless it was there or further on already.

    Raises:
        NotFound: there is no such order (yet: the sender tells it again).
        Conflict: it was cancelled in one place and shipped in another.
    """
    order = known_order(connection, event.order_number)
    match event:
        case OrderCancelled():
            if order.status in ("shipped", "delivered") and _is_newer(order, event.changed_at):
                raise Conflict(f"Order {order.number} is {order.status} already. Open a return instead.")
            end_order(connection, order.number, "cancelled", event.changed_at)
            moved = order.status in ("unpaid", "paid", "packed")
            return moved and _change(connection, order, event.changed_at, status="cancelled")
        case OrderShipped():
            told = event.shipment is not None and put_shipment(
                connection, order.number, event.shipment, event.changed_at
            )
            return _forward(connection, order, "shipped", event.changed_at) or told
        case OrderDelivered():
            if order.delivered_at is None and order.status in ("returned", "refunded"):
                return _change(connection, order, order.changed_at or event.changed_at, delivered_at=event.changed_at)
            at = event.changed_at
            return _forward(connection, order, "delivered", at, delivered_at=order.delivered_at or at)


def known_order(connection: Connection, number: str) -> AnyRow:
    """Return an order (a row of `orders`), locked.

    Raises:
        NotFound: there is none.
    """
    order = lock_order(connection, number)
    if order is None:
        raise NotFound(f"order_number: there is no order {number}. Put it there first.")
    return order


def _forward(connection: Connection, order: AnyRow, status: str, changed_at: datetime, **facts: Any) -> bool:
    if order.status == "cancelled":
        raise Conflict(f"Order {order.number} was cancelled and is told to be {status}. Put it as it really is.")
    if _WAY.index(order.status) >= _WAY.index(status):
        return False
    paid = {} if order.paid_at else {"paid_at": changed_at}  # what left was paid for; `order.paid` comes late
    if paid:
        end_order(connection, order.number, "paid", changed_at)
        count_payment(connection, order.customer_id, order.total_minor, changed_at)
    return _change(connection, order, changed_at, status=status, **facts, **paid)


def _is_newer(order: AnyRow, changed_at: datetime) -> bool:
    return order.changed_at is None or order.changed_at < changed_at


def _change(connection: Connection, order: AnyRow, changed_at: datetime, **values: Any) -> bool:
    newest = max(order.changed_at or changed_at, changed_at)
    connection.execute(update(orders).where(orders.c.number == order.number).values(**values, changed_at=newest))
    count_spent(connection, order.customer_id)
    return True


def put_shipment(connection: Connection, order_number: str, parcel: ShipmentBody, changed_at: datetime) -> bool:
    """Put one parcel of an order, whole. Return False if something newer is known of it."""
    of_order = shipments.c.order_number == order_number
    known = {row.tracking_number: row for row in connection.execute(select(shipments).where(of_order)).all()}
    before = known.get(parcel.tracking_number)
    if before is not None and before.changed_at is not None and before.changed_at >= changed_at:
        # Shops write whole seconds: of two words of the same one the longer trail is the newer.
        same_second = select(func.count()).where(tracking.c.shipment_id == before.id)
        if before.changed_at > changed_at or connection.execute(same_second).scalar_one() >= len(parcel.events):
            return False
    row = {**parcel.model_dump(exclude={"events"}), "changed_at": changed_at}
    if before is None:
        taken = {one.id for one in known.values()}
        shipment_id = next(i for n in range(1, len(taken) + 2) if (i := f"{order_number}-{n}") not in taken)
        connection.execute(shipments.insert().values(id=shipment_id, order_number=order_number, **row))
    else:
        shipment_id = before.id
        connection.execute(update(shipments).where(shipments.c.id == shipment_id).values(row))
        connection.execute(delete(tracking).where(tracking.c.shipment_id == shipment_id))
    put_trail(connection, shipment_id, parcel)
    look_at(connection, order_number, changed_at)
    return True

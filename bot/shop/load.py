"""Fills the embedded shop: each function puts one thing as the shop's servers have it, inside the caller's transaction.

Putting the same again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, update

from bot.delivery.touches import count_payment
from bot.errors import Conflict, NotFound
from bot.shop.bodies import CouponBody, CustomerBody, OrderBody, OrderLineBody, ProductBody, SaleBody, ShipmentBody
from bot.shop.changes import end_order, order_waits, sold_out, withdraw_follow_ups_of
from bot.shop.parcel_news import FRESH, look_at
from bot.shop.port import OrderStatus
from bot.shop.stock import held, tell_watchers
from bot.store.insert import insert_once
from bot.store.tables import (
    case_parts,
    cases,
    coupons,
    customers,
    order_lines,
    orders,
    products,
    sales,
    shipments,
    tracking,
    variants,
)

_NOT_SPENT = ("unpaid", "cancelled", "refunded")
_VOID = ("cancelled", "rejected")


def put_product(connection: Connection, product_id: str, body: ProductBody, now: datetime) -> None:
    """Put a product with its variants. A variant that is left out has no stock any more; old orders still name it.

    `stock` is as the shop counts it: pieces that are held for exchanges are taken off.

    Raises:
        Conflict: a sku belongs to another product.
    """
    skus = [variant.sku for variant in body.variants]
    put(
        connection,
        products,
        products.c.id == product_id,
        {
            "id": product_id,
            "name_zh": body.name.zh,
            "name_en": body.name.en,
            "category": body.category,
            "size_chart": body.size_chart,
            "material_zh": body.material.zh,
            "material_en": body.material.en,
            "care_zh": body.care.zh,
            "care_en": body.care.en,
            "fit_zh": body.fit.zh,
            "fit_en": body.fit.en,
            "returnable": body.returnable,
            "hygiene": body.hygiene,
            "cross_border": body.cross_border,
            "active": body.active,
        },
    )
    strangers = select(variants.c.sku, variants.c.product_id).where(
        variants.c.sku.in_(skus), variants.c.product_id != product_id
    )
    if taken := connection.execute(strangers.order_by(variants.c.sku)).first():
        raise Conflict(f"variants: the sku {taken.sku} belongs to the product {taken.product_id}. Choose another sku.")
    gone = variants.c.product_id == product_id, variants.c.sku.not_in(skus)
    connection.execute(update(variants).where(*gone).values(stock=0))
    # The rows are the lock of their stock: a hold that is being made now is counted, or taken off what is put.
    connection.execute(
        select(variants.c.sku).where(variants.c.sku.in_(skus)).order_by(variants.c.sku).with_for_update()
    )
    pieces_held = held(connection, skus)
    for variant in sorted(body.variants, key=lambda variant: variant.sku):
        row = variant.model_dump(exclude={"colour"})
        row["stock"] = max(0, variant.stock - pieces_held.get(variant.sku, 0))
        row |= {"product_id": product_id, "colour_zh": variant.colour.zh, "colour_en": variant.colour.en}
        put(connection, variants, variants.c.sku == variant.sku, row)
    tell_watchers(connection, skus, now)
    sold_out(connection, skus, now)


def put_customer(connection: Connection, customer_id: str, body: CustomerBody, now: datetime) -> None:
    """Put a customer."""
    row = {"id": customer_id, **body.model_dump(exclude_none=True)}
    put(connection, customers, customers.c.id == customer_id, row, {"created_at": now})


def put_coupon(connection: Connection, customer_id: str, code: str, body: CouponBody) -> None:
    """Put a coupon of a customer.

    Raises:
        NotFound: there is no such customer.
    """
    known(connection, customers.c.id, [customer_id], "customer_id", "customer")
    row = {"customer_id": customer_id, "code": code, **body.model_dump()}
    put(connection, coupons, (coupons.c.customer_id == customer_id) & (coupons.c.code == code), row)


def put_order(
    connection: Connection, number: str, body: OrderBody, now: datetime, changed_at: datetime | None = None
) -> None:
    """Put an order with its lines and parcels, and count anew what its customer has spent.

    Args:
        changed_at: when it was changed in the shop's system, if that tells.

    An order that was not known as paid withdraws the follow-ups of the carts that its customer left before the payment.

    Raises:
        NotFound: there is no such customer or sku.
        Conflict: the order is another customer's, or a line that is left out has a return case.
    """
    known(connection, customers.c.id, [body.customer_id], "customer_id", "customer")
    known(connection, variants.c.sku, [line.sku for line in body.lines], "lines", "sku")
    before = connection.execute(select(orders).where(orders.c.number == number).with_for_update()).one_or_none()
    if before is not None and before.customer_id != body.customer_id:
        raise Conflict(f"customer_id: the order {number} belongs to {before.customer_id}. Choose another number.")
    row = body.model_dump(exclude={"lines", "shipments"}) | {"number": number, "status": body.status.value}
    row |= {"changed_at": changed_at} if changed_at else {}
    put(connection, orders, orders.c.number == number, row)
    _put_lines(connection, number, body.lines)
    _put_shipments(connection, number, body.shipments, changed_at)
    arrived_at = body.delivered_at if body.status is OrderStatus.DELIVERED else None
    if body.status is OrderStatus.SHIPPED or (arrived_at is not None and now - arrived_at < FRESH):
        look_at(connection, number, now)
    count_spent(connection, body.customer_id)
    newly_paid = before is None or before.paid_at is None
    if body.paid and newly_paid and body.paid_at is not None:
        withdraw_follow_ups_of(connection, body.customer_id, body.paid_at, now)
        count_payment(connection, body.customer_id, body.total_minor, body.paid_at)
    if body.status is not OrderStatus.UNPAID:
        end_order(connection, number, "paid" if body.paid else body.status.value, now)
    elif before is None:
        order_waits(connection, number, body.created_at, now)


def _put_lines(connection: Connection, number: str, lines: Iterable[OrderLineBody]) -> None:
    """Lines keep their ids, because cases name them."""
    of_order = order_lines.c.order_number == number
    wanted = {line.sku: line for line in lines}
    ids = {row.sku: row.id for row in connection.execute(select(order_lines).where(of_order))}
    gone = [line_id for sku, line_id in ids.items() if sku not in wanted]
    in_case = (
        select(case_parts.c.case_number)
        .join(cases, case_parts.c.case_number == cases.c.number)
        .where(case_parts.c.line_id.in_(gone))
    )
    if case := connection.execute(in_case.where(cases.c.status.not_in(_VOID))).scalars().first():
        raise Conflict(f"lines: a line that is left out is in the case {case}. Put the line back.")
    connection.execute(delete(case_parts).where(case_parts.c.line_id.in_(gone)))  # of cases that came to nothing
    connection.execute(delete(order_lines).where(order_lines.c.id.in_(gone)))
    for sku, line in wanted.items():
        row = {"order_number": number, **line.model_dump()}
        if sku in ids:
            connection.execute(update(order_lines).where(order_lines.c.id == ids[sku]).values(row))
        else:
            connection.execute(order_lines.insert().values(row))


def _put_shipments(
    connection: Connection, number: str, parcels: Iterable[ShipmentBody], changed_at: datetime | None
) -> None:
    old = select(shipments.c.id).where(shipments.c.order_number == number)
    connection.execute(delete(tracking).where(tracking.c.shipment_id.in_(old)))
    connection.execute(delete(shipments).where(shipments.c.order_number == number))
    for place, parcel in enumerate(parcels, 1):
        shipment_id = f"{number}-{place}"
        row = {"id": shipment_id, "order_number": number, **parcel.model_dump(exclude={"events"})}
        row["changed_at"] = changed_at
        connection.execute(shipments.insert().values(row))
        put_trail(connection, shipment_id, parcel)


def put_trail(connection: Connection, shipment_id: str, parcel: ShipmentBody) -> None:
    """Store where a parcel was when; it has no trail yet."""
    trail = [
        {"shipment_id": shipment_id, "at": e.at, "place_zh": e.place.zh, "place_en": e.place.en, "status": e.status}
        for e in parcel.events
    ]
    if trail:
        connection.execute(tracking.insert(), trail)


def count_spent(connection: Connection, customer_id: str) -> None:
    """Count anew what a customer has spent: the sum of their paid orders."""
    # Locked first and summed in a statement of its own, so that two orders put at once both count.
    connection.execute(select(customers.c.id).where(customers.c.id == customer_id).with_for_update())
    spent = select(func.coalesce(func.sum(orders.c.total_minor), 0)).where(
        orders.c.customer_id == customer_id, orders.c.status.not_in(_NOT_SPENT)
    )
    total_minor = int(connection.execute(spent).scalar_one())
    connection.execute(update(customers).where(customers.c.id == customer_id).values(spent_minor=total_minor))


def put_sale(connection: Connection, sale_id: str, body: SaleBody) -> None:
    """Put the draft of a flash sale.

    Raises:
        NotFound: there is no such sku.
        Conflict: the sale was started, or planned from a file.
    """
    known(connection, variants.c.sku, [body.sku], "sku", "sku")
    audiences = [audience.model_dump(exclude_none=True) for audience in body.audiences]
    row = {"id": sale_id, **body.model_dump(exclude={"audiences"}), "audiences": audiences, "available": body.total}
    row["approved_by"] = ""  # another one was approved
    if insert_once(connection, sales, {**row, "status": "draft"}):
        return
    is_draft = sales.c.id == sale_id, sales.c.status == "draft", sales.c.was_planned.is_(False)
    if not connection.execute(update(sales).where(*is_draft).values(row)).rowcount:
        raise Conflict(f"Sale {sale_id} was planned or started already. Put a new draft under another id.")


def put(
    connection: Connection,
    table: Table,
    which: ColumnElement[bool],
    row: dict[str, Any],
    at_first: dict[str, Any] | None = None,
) -> None:
    """Put a row: insert it, with what it has `at_first`, or bring the one that is there up to date."""
    if not insert_once(connection, table, {**row, **(at_first or {})}):
        connection.execute(update(table).where(which).values(row))


def known(connection: Connection, column: ColumnElement[str], keys: list[str], field: str, what: str) -> None:
    """Refuse what names something that is not there.

    Raises:
        NotFound: the message names the field and the first of `keys` that is missing.
    """
    found = set(connection.execute(select(column).where(column.in_(keys))).scalars())
    if unknown := sorted(set(keys) - found):
        raise NotFound(f"{field}: there is no {what} {unknown[0]}. Put it there first.")

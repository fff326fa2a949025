"""What happens in the shop: each function is one change inside the caller's transaction, safe to repeat."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from bot.clock import IdMaker
from bot.delivery.timers import cancel, set_timer
from bot.errors import Conflict, NotFound
from bot.store.insert import insert_once
from bot.store.tables import cart_lines, carts, customers, order_lines, orders, outbox, returns, variants

FOLLOW_UP_AFTER = timedelta(minutes=60)


def pay_order(connection: Connection, order_number: str, now: datetime) -> bool:
    """Record that an order was paid. Return False if that was known already.

    Raises:
        NotFound: there is no such order.
        Conflict: the order was cancelled: the money must go back.
    """
    order = connection.execute(
        update(orders)
        .where(orders.c.number == order_number, orders.c.status == "unpaid")
        .values(status="paid", paid_at=now)
        .returning(orders.c.customer_id, orders.c.total_minor)
    ).one_or_none()
    if order is None:
        _refuse_unpayable(connection, order_number)
        return False
    connection.execute(
        update(customers)
        .where(customers.c.id == order.customer_id)
        .values(spent_minor=customers.c.spent_minor + order.total_minor)
    )
    return True


def _refuse_unpayable(connection: Connection, order_number: str) -> None:
    status = connection.execute(select(orders.c.status).where(orders.c.number == order_number)).scalar_one_or_none()
    if status is None:
        raise NotFound(f"There is no order {order_number}. Send its number as the shop knows it.")
    if status == "cancelled":
        raise Conflict(f"Order {order_number} was cancelled before it was paid. Refund the payment.")


def pay_cart(connection: Connection, cart_id: str, now: datetime) -> bool:
    """Record that a cart was paid and withdraw its follow-ups in the same transaction. Return False if known already.

    Raises:
        NotFound: there is no such cart.
    """
    paid = connection.execute(
        update(carts).where(carts.c.id == cart_id, carts.c.status != "paid").values(status="paid", updated_at=now)
    ).rowcount
    if not paid:
        _status_of_cart(connection, cart_id)
    _withdraw_follow_ups(connection, cart_id, "paid")
    return bool(paid)


def put_cart(connection: Connection, customer_id: str, lines: Mapping[str, int], now: datetime, new_id: IdMaker) -> str:
    """Replace what lies in a customer's open cart, opening one if there is none. Return the cart's id.

    Args:
        lines: pieces by sku, each at least 1; an empty mapping empties the cart.

    Raises:
        NotFound: there is no such customer or sku.
    """
    # The customer's row is the lock: two requests at once must not open two carts.
    if (
        connection.execute(select(customers.c.id).where(customers.c.id == customer_id).with_for_update()).first()
        is None
    ):
        raise NotFound(f"There is no customer {customer_id}. Create the customer in the shop first.")
    known = set(connection.execute(select(variants.c.sku).where(variants.c.sku.in_(lines))).scalars())
    if unknown := sorted(set(lines) - known):
        raise NotFound(f"There is no sku {unknown[0]}. Take skus from GET /api/shop/products.")
    cart_id = (
        connection.execute(
            select(carts.c.id)
            .where(carts.c.customer_id == customer_id, carts.c.status == "open")
            .order_by(carts.c.updated_at.desc(), carts.c.id)
        )
        .scalars()
        .first()
    )
    if cart_id is None:
        cart_id = new_id()
        connection.execute(carts.insert().values(id=cart_id, customer_id=customer_id, status="open", updated_at=now))
    connection.execute(delete(cart_lines).where(cart_lines.c.cart_id == cart_id))
    if lines:
        rows = [{"cart_id": cart_id, "sku": sku, "quantity": quantity} for sku, quantity in sorted(lines.items())]
        connection.execute(cart_lines.insert(), rows)
    touch_cart(connection, cart_id, now)
    return cart_id


def touch_cart(connection: Connection, cart_id: str, now: datetime) -> bool:
    """Record that a cart changed: its one follow-up comes due 60 minutes from `now`, an empty cart gets none.

    Returns:
        Whether a follow-up is set; False for a cart that is paid or empty.

    Raises:
        NotFound: there is no such cart.
    """
    # The update comes first: it waits for a payment under way, so that no timer is set after the payment.
    touched = connection.execute(
        update(carts).where(carts.c.id == cart_id, carts.c.status != "paid").values(updated_at=now)
    ).rowcount
    if not touched:
        _status_of_cart(connection, cart_id)
        return False
    filled = connection.execute(select(cart_lines.c.sku).where(cart_lines.c.cart_id == cart_id).limit(1)).first()
    status = "open" if filled else "emptied"
    connection.execute(update(carts).where(carts.c.id == cart_id).values(status=status))
    if not filled:
        _withdraw_follow_ups(connection, cart_id, "emptied")
        return False
    set_timer(connection, f"cart:{cart_id}:1", "cart_followup", {"cart_id": cart_id}, now + FOLLOW_UP_AFTER)
    return True


def _status_of_cart(connection: Connection, cart_id: str) -> str:
    status = connection.execute(select(carts.c.status).where(carts.c.id == cart_id)).scalar_one_or_none()
    if status is None:
        raise NotFound(f"There is no cart {cart_id}. Create it with PUT /api/shop/customers/CUSTOMER/cart first.")
    return str(status)


def withdraw_follow_ups_of(connection: Connection, customer_id: str, paid_at: datetime, now: datetime) -> None:
    """Withdraw the follow-ups of every open cart that a customer left at `paid_at` or before.

    For payments of which nobody knows the cart. A cart that was changed after the payment keeps its follow-up.
    """
    left = carts.c.customer_id == customer_id, carts.c.status == "open", carts.c.updated_at <= paid_at
    in_order = select(carts.c.id).where(*left).order_by(carts.c.id).with_for_update()
    for cart_id in connection.execute(in_order).scalars().all():
        # A follow-up that is being sent right now and comes back to be sent again is about an older state of the cart.
        connection.execute(update(carts).where(carts.c.id == cart_id).values(updated_at=now))
        _withdraw_follow_ups(connection, cart_id, "paid")


def _withdraw_follow_ups(connection: Connection, cart_id: str, reason: str) -> None:
    """Timers first, outbox second: a follow-up that is being written right now is waited for, then dropped too."""
    cancel(connection, f"cart:{cart_id}:")
    connection.execute(
        update(outbox)
        .where(outbox.c.status == "waiting", outbox.c.guard["cart_open"].as_string() == cart_id)
        .values(status="dropped", reason=reason)
    )


def open_return(
    connection: Connection, order_number: str, line_id: str, reason: str, now: datetime, new_id: IdMaker
) -> str:
    """Open a return case for one line of an order, or find the one that is open already.

    Args:
        line_id: as in `bot.shop.port.Line.id`.
        reason: the customer's own words.

    Returns:
        The number of the case, `RT`, year, month and at least four digits: `RT26110042`.

    Raises:
        NotFound: the order has no such line.
    """
    line = int(line_id) if line_id.isdecimal() else -1
    wanted = order_lines.c.id == line, order_lines.c.order_number == order_number
    if connection.execute(select(order_lines.c.id).where(*wanted)).first() is None:
        raise NotFound(f"Order {order_number} has no line {line_id}. Read the order again and choose one of its lines.")
    attempt = 0
    while True:
        known = connection.execute(select(returns.c.number).where(returns.c.line_id == line)).scalar_one_or_none()
        if known is not None:
            return str(known)
        # Four digits are short enough to read out; a crowded month gets more.
        number = _case_number(now, new_id(), digits=4 + attempt // 8)
        row = {"number": number, "order_number": order_number, "line_id": line, "reason": reason, "opened_at": now}
        if insert_once(connection, returns, row):
            return number
        attempt += 1  # the number is taken, or another transaction opened the case first


def _case_number(now: datetime, seed: str, digits: int) -> str:
    tail = int(hashlib.sha256(seed.encode()).hexdigest(), 16) % 10**digits
    return f"RT{now:%y%m}{tail:0{digits}d}"

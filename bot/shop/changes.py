"""Carts and payments: each function is one change inside the caller's transaction, safe to repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from bot.clock import IdMaker
from bot.delivery.timers import cancel, set_timer
from bot.delivery.touches import count_payment, withdraw
from bot.errors import Conflict, NotFound
from bot.store.tables import cart_lines, carts, customers, orders, outbox, touches, variants

FOLLOW_UP_AFTER, ORDER_FOLLOW_UP_AFTER = timedelta(minutes=60), timedelta(minutes=30)
NEW_FOR = timedelta(days=1)
"""A cart or an order that is older when it is told of is history: nobody is reminded of it."""


def pay_order(connection: Connection, order_number: str, paid_at: datetime, changed_at: datetime | None = None) -> bool:
    """Record that an order was paid. Return False if that was known already.

    Args:
        changed_at: the shop's own time of it, if it tells: a newer one is kept.

    Raises:
        NotFound: there is no such order.
        Conflict: the order was cancelled: the money must go back.
    """
    order = connection.execute(
        update(orders)
        .where(orders.c.number == order_number, orders.c.status == "unpaid")
        .values({"status": "paid", "paid_at": paid_at} | ({"changed_at": changed_at} if changed_at else {}))
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
    end_order(connection, order_number, "paid", paid_at)
    count_payment(connection, order.customer_id, order.total_minor, paid_at)
    return True


def order_waits(connection: Connection, order_number: str, created_at: datetime, now: datetime) -> None:
    """Have an order that is told of for the first time, and is not paid, followed up.

    The time counts from now: where the shop tells late, its next word may be the payment.
    """
    if now - created_at < NEW_FOR:
        key, payload = f"order:{order_number}:1", {"order_number": order_number, "step": 1}
        set_timer(connection, key, "order_followup", payload, now + ORDER_FOLLOW_UP_AFTER)


def end_order(connection: Connection, order_number: str, reason: str, now: datetime) -> None:
    """Withdraw the follow-ups of an order: it was paid, cancelled or paid back."""
    cancel(connection, f"order:{order_number}:")
    withdraw(connection, "order_unpaid", order_number, reason, now)


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
    unpaid = carts.c.id == cart_id, carts.c.status != "paid"
    customer_id = connection.execute(
        update(carts).where(*unpaid).values(status="paid", updated_at=now).returning(carts.c.customer_id)
    ).scalar()
    if customer_id is None:
        _status_of_cart(connection, cart_id)
    _withdraw_follow_ups(connection, cart_id, "paid", now)
    if customer_id is not None:
        count_payment(connection, customer_id, None, now, _worth_of(connection, cart_id))
    return customer_id is not None


def _worth_of(connection: Connection, cart_id: str) -> dict[str, int]:
    """Return by currency what the goods in a cart cost now."""
    worth = func.sum(cart_lines.c.quantity * variants.c.price_minor)
    lying = select(variants.c.currency, worth).join(cart_lines, cart_lines.c.sku == variants.c.sku)
    rows = connection.execute(lying.where(cart_lines.c.cart_id == cart_id).group_by(variants.c.currency))
    return {currency: int(total) for currency, total in rows}


def put_cart(
    connection: Connection,
    customer_id: str,
    lines: Mapping[str, int],
    now: datetime,
    new_id: IdMaker,
    pay_url: str = "",
    changed_at: datetime | None = None,
) -> str:
    """Replace what lies in a customer's open cart, opening one if there is none. Return the cart's id.

    Args:
        lines: pieces by sku, each at least 1; an empty mapping empties the cart.
        pay_url: where the customer can pay it.
        changed_at: see `touch_cart`.

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
    connection.execute(update(carts).where(carts.c.id == cart_id).values(pay_url=pay_url))
    connection.execute(delete(cart_lines).where(cart_lines.c.cart_id == cart_id))
    if lines:
        rows = [{"cart_id": cart_id, "sku": sku, "quantity": quantity} for sku, quantity in sorted(lines.items())]
        connection.execute(cart_lines.insert(), rows)
    touch_cart(connection, cart_id, now, changed_at)
    return cart_id


def touch_cart(connection: Connection, cart_id: str, now: datetime, changed_at: datetime | None = None) -> bool:
    """Record that a cart changed: its follow-up comes due 60 minutes from `now`, an empty cart gets none.

    Args:
        changed_at: when the customer changed it; None: now. A cart that is told of a day late is not followed up.

    Returns:
        Whether a follow-up is set; False for a cart that is paid or empty, or told of too late.

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
        _withdraw_follow_ups(connection, cart_id, "emptied", now)
        return False
    if changed_at is not None and now - changed_at >= NEW_FOR:
        return False
    payload = {"cart_id": cart_id, "step": 1}
    set_timer(connection, f"cart:{cart_id}:1", "cart_followup", payload, now + FOLLOW_UP_AFTER)
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
        _withdraw_follow_ups(connection, cart_id, "paid", now)


def withdraw_all_of(connection: Connection, customer_id: str, reason: str, now: datetime) -> None:
    """Withdraw the follow-ups of everything that a customer left open, whatever becomes of it."""
    open_carts = select(carts.c.id).where(carts.c.customer_id == customer_id, carts.c.status == "open")
    for cart_id in connection.execute(open_carts.order_by(carts.c.id)).scalars().all():
        _withdraw_follow_ups(connection, cart_id, reason, now)
    unpaid = select(orders.c.number).where(orders.c.customer_id == customer_id, orders.c.status == "unpaid")
    for number in connection.execute(unpaid.order_by(orders.c.number)).scalars().all():
        end_order(connection, number, reason, now)


def sold_out(connection: Connection, skus: Sequence[str], now: datetime) -> None:
    """Withdraw the follow-ups that offer what cannot be bought any more; the same step then tells that it is gone."""
    waiting = (
        select(outbox.c.guard["cart_open"].as_string().label("cart_id"), touches.c.step)
        .join(touches, touches.c.key == outbox.c.key)
        .join(cart_lines, cart_lines.c.cart_id == outbox.c.guard["cart_open"].as_string())
        .join(variants, cart_lines.c.sku == variants.c.sku)
        .where(outbox.c.status == "waiting", variants.c.sku.in_(skus), variants.c.stock <= 0)
        .distinct()
    )
    for row in connection.execute(waiting.order_by(touches.c.step)).all():
        withdraw(connection, "cart_open", row.cart_id, "sold_out", now)
        payload = {"cart_id": row.cart_id, "step": row.step}
        set_timer(connection, f"cart:{row.cart_id}:{row.step}", "cart_followup", payload, now)


def _withdraw_follow_ups(connection: Connection, cart_id: str, reason: str, now: datetime) -> None:
    """Timers first, outbox second: a follow-up that is being written right now is waited for, then dropped too."""
    cancel(connection, f"cart:{cart_id}:")
    withdraw(connection, "cart_open", cart_id, reason, now)

"""Orders that have not left: they can be cancelled, and sent to another address."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import Connection, select, update

from bot.shop import stock
from bot.shop.cases import OVER, UNTOUCHED, lock_order, set_status
from bot.shop.load import count_spent
from bot.shop.port import CaseStatus, Money
from bot.shop.refunds import owe, went_back
from bot.store.database import AnyRow
from bot.store.tables import cases, order_lines, orders

NOT_LEFT = ("unpaid", "paid", "packed")


def cancel_order(connection: Connection, order_number: str, now: datetime) -> bool:
    """Cancel an order: its pieces go back into the stock, what was paid is owed. Return False if it comes too late."""
    order = lock_order(connection, order_number)
    if order is None or order.status not in (*NOT_LEFT, "cancelled"):
        return False
    if order.status == "cancelled":
        return True
    in_order = cases.c.order_number == order_number, cases.c.status.not_in(OVER)
    alive = connection.execute(select(cases.c.number, cases.c.status).where(*in_order)).all()
    if any(case.status not in UNTOUCHED for case in alive):
        return False
    for case in alive:
        set_status(connection, case.number, CaseStatus.CANCELLED, now)
    record_cancelled(connection, order, now)
    if order.status != "unpaid":
        rest = Money(order.total_minor - went_back(connection, order_number), order.currency)
        if rest.amount_minor > 0:
            owe(connection, f"cancel:{order_number}", order_number, rest, now)
    return True


def record_cancelled(connection: Connection, order: AnyRow, now: datetime) -> None:
    """Record that an order (a row of `orders`) is cancelled: its pieces can be sold again."""
    connection.execute(update(orders).where(orders.c.number == order.number).values(status="cancelled"))
    pieces: Counter[str] = Counter()
    for row in connection.execute(select(order_lines).where(order_lines.c.order_number == order.number)).all():
        pieces[row.sku] += row.quantity
    stock.put_back(connection, pieces, now)
    count_spent(connection, order.customer_id)


def change_address(connection: Connection, order_number: str, address: str) -> bool:
    """Send an order to another address. Return False if it has left, or there is none."""
    not_left = orders.c.number == order_number, orders.c.status.in_(NOT_LEFT)
    return bool(connection.execute(update(orders).where(*not_left).values(address=address)).rowcount)

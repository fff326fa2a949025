"""Invoices (发票, VAT): asked for by a turn, issued by the shop."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from bot.errors import NotFound
from bot.shop.bodies import InvoiceBody
from bot.shop.commands import AskInvoice
from bot.shop.todo import leave
from bot.store.insert import insert_once
from bot.store.tables import invoices, orders

_HAVE_NONE = ("unpaid", "cancelled", "refunded")
"""Statuses of an order for which no invoice is issued."""


def ask_invoice(connection: Connection, wish: AskInvoice, conversation_id: str | None, now: datetime) -> bool:
    """Have an invoice issued. Return False if the order is not paid, or one was issued already: a human corrects it."""
    order = connection.execute(
        select(orders.c.status).where(orders.c.number == wish.order_number).with_for_update()
    ).one_or_none()
    if order is None or order.status in _HAVE_NONE:
        return False
    said = {"title": wish.title, "tax_id": wish.tax_id, "email": wish.email}
    row = {"order_number": wish.order_number, **said, "status": "wanted", "asked_at": now}
    if not insert_once(connection, invoices, row):
        known = connection.execute(select(invoices).where(invoices.c.order_number == wish.order_number)).one()
        if known.status == "issued":
            return all(getattr(known, name) == value for name, value in said.items())
        connection.execute(update(invoices).where(invoices.c.order_number == wish.order_number).values(row))
    to_whom = ", ".join(filter(None, (wish.title, wish.tax_id, wish.email)))
    key = f"invoice:{wish.order_number}:{to_whom}"[:300]
    leave(connection, key, "invoice", conversation_id, f"Invoice of order {wish.order_number} to: {to_whom}", now)
    return True


def put_invoice(connection: Connection, order_number: str, body: InvoiceBody, now: datetime) -> None:
    """Put the invoice of an order.

    Raises:
        NotFound: there is no such order.
    """
    if connection.execute(select(orders.c.number).where(orders.c.number == order_number)).first() is None:
        raise NotFound(f"There is no order {order_number}. Put it there first.")
    row = {"order_number": order_number, **body.model_dump()}
    if not insert_once(connection, invoices, {**row, "asked_at": now}):
        connection.execute(update(invoices).where(invoices.c.order_number == order_number).values(row))

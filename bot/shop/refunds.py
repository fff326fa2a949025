"""Money that goes back: each sum is noted once, and is owed until the shop says that it was paid."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, update

from bot.shop.amounts import written_of
from bot.shop.port import Money
from bot.shop.todo import leave
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import case_parts, cases, order_lines, orders, refunds

_MAY_FALL = ("paid", "packed", "shipped", "delivered")
"""Statuses of an order of which a difference is paid back."""
_VOID = ("cancelled", "rejected")
IS_FALL = (
    select(refunds.c.key).where(refunds.c.payment == cases.c.number, refunds.c.key.like("price:%")).correlate(cases)
).exists()
"""A case as a remote shop tells what it paid back of a price: that counts by its line already."""


def owe(connection: Connection, key: str, order_number: str, amount: Money, now: datetime) -> bool:
    """Note once that money goes back, and leave it to the staff. Return False if it was noted already."""
    row = {"order_number": order_number, "amount_minor": amount.amount_minor, "currency": amount.currency}
    if not insert_once(connection, refunds, {"key": key, **row, "owed_at": now}):
        return False
    sum_ = f"{written_of(amount.amount_minor, amount.currency)} {amount.currency}"
    leave(connection, f"refund:{key}", "refund", None, f"Pay back {sum_} of order {order_number} ({key}).", now)
    return True


def went_back(connection: Connection, order_number: str) -> int:
    """Return how much of an order is owed or went back already, in minor units.

    A case counts by what it promises, or by what was paid for it if that is more.
    """
    of_order = refunds.c.order_number == order_number
    notes = list(connection.execute(select(refunds.c.key, refunds.c.payment, refunds.c.amount_minor).where(of_order)))
    whole = sum(int(note.amount_minor) for note in notes)
    for case in connection.execute(select(cases).where(cases.c.order_number == order_number, ~IS_FALL)):
        paid = sum(note.amount_minor for note in notes if _is_for(note, case.number))
        whole += max(0, (0 if case.status in _VOID else case.refund_minor) - paid)
    return whole


def _is_for(note: AnyRow, case_number: str) -> bool:
    return note.key in (f"case:{case_number}", f"case:{case_number}:{note.payment}")


def paid_for(connection: Connection, case_number: str) -> int:
    """Return what the shop told that it paid back for a case, in minor units."""
    of_case = select(cases.c.order_number).where(cases.c.number == case_number).scalar_subquery()
    notes = select(refunds.c.key, refunds.c.payment, refunds.c.amount_minor).where(refunds.c.order_number == of_case)
    return sum(note.amount_minor for note in connection.execute(notes) if _is_for(note, case_number))


def refund_difference(connection: Connection, order_number: str, line_id: str, amount: Money, now: datetime) -> bool:
    """Owe what a line has become cheaper by, once a line. Return False if that is not possible, or was more or less."""
    connection.execute(select(orders.c.number).where(orders.c.number == order_number).with_for_update())
    row = _line(connection, order_number, line_id)
    if row is None or row.status not in _MAY_FALL or row.currency != amount.currency:
        return False
    key = f"price:{line_id}"
    noted = connection.execute(select(refunds.c.amount_minor).where(refunds.c.key == key)).scalar()
    if noted is not None:
        return bool(noted == amount.amount_minor)
    paid_minor = row.quantity * row.price_minor if row.paid_minor is None else row.paid_minor
    kept = row.quantity - _in_cases(connection, row.id)
    if not 0 < amount.amount_minor < paid_minor * kept // row.quantity:
        return False
    if went_back(connection, order_number) + amount.amount_minor > row.total_minor:
        return False
    return owe(connection, key, order_number, amount, now)


def difference_paid(
    connection: Connection, order_number: str, sku: str, amount: Money, ref: str, now: datetime
) -> None:
    """Note that a remote shop paid back what a line has become cheaper by; `ref` is its case for that."""
    of_sku = order_lines.c.order_number == order_number, order_lines.c.sku == sku
    line_id = connection.execute(select(order_lines.c.id).where(*of_sku)).scalar()
    row = {"order_number": order_number, "amount_minor": amount.amount_minor, "currency": amount.currency}
    if line_id is not None:
        paid = {"owed_at": now, "paid_at": now, "payment": ref}
        insert_once(connection, refunds, {"key": f"price:{line_id}", **row, **paid})


def is_lowered(connection: Connection, line_id: str) -> bool:
    """Return whether the difference of a line was paid back, or is owed."""
    noted = select(refunds.c.key).where(refunds.c.key == f"price:{line_id}")
    return connection.execute(noted).first() is not None


def _in_cases(connection: Connection, line_id: int) -> int:
    """Return how many pieces of a line are in cases that came to something."""
    taken = (
        select(func.coalesce(func.sum(case_parts.c.quantity), 0))
        .join(cases, case_parts.c.case_number == cases.c.number)
        .where(case_parts.c.line_id == line_id, cases.c.status.not_in(_VOID))
    )
    return int(connection.execute(taken).scalar_one())


def _line(connection: Connection, order_number: str, line_id: str) -> AnyRow | None:
    if not line_id.isdecimal():
        return None
    return connection.execute(
        select(order_lines, orders.c.status, orders.c.currency, orders.c.total_minor)
        .join(orders, order_lines.c.order_number == orders.c.number)
        .where(order_lines.c.id == int(line_id), orders.c.number == order_number)
        .with_for_update()
    ).one_or_none()


def case_due(connection: Connection, order_number: str, amount: Money) -> str:
    """Return the number of the oldest case for which so much is due and nothing was paid yet.

    Empty if there is none, or if the amount is owed for something else.
    """
    here = refunds.c.order_number == order_number, refunds.c.amount_minor == amount.amount_minor
    if connection.execute(select(refunds.c.key).where(*here, refunds.c.paid_at.is_(None))).first():
        return ""
    due = (
        select(cases.c.number)
        .where(cases.c.order_number == order_number, cases.c.status.not_in(_VOID))
        .where(cases.c.refund_minor == amount.amount_minor, cases.c.currency == amount.currency)
        .order_by(cases.c.opened_at, cases.c.number)
    )
    numbers = connection.execute(due).scalars().all()
    return next((number for number in numbers if not paid_for(connection, number)), "")


def refund_paid(
    connection: Connection, payment: str, order_number: str, amount: Money, paid_at: datetime, case_number: str = ""
) -> bool:
    """Record that money went back by `payment`, the shop's id of it. Return False if that was known already.

    What was owed in the same amount is paid by it; anything else is noted as new. A case may be paid in parts.
    """
    connection.execute(select(orders.c.number).where(orders.c.number == order_number).with_for_update())
    if connection.execute(select(refunds.c.key).where(refunds.c.payment == payment)).first():
        return False
    paid = {"paid_at": paid_at, "payment": payment}
    owed = (
        select(refunds.c.key)
        .where(refunds.c.order_number == order_number, refunds.c.amount_minor == amount.amount_minor)
        .where(refunds.c.currency == amount.currency, refunds.c.paid_at.is_(None))
        .order_by(refunds.c.owed_at, refunds.c.key)
        .limit(1)
    )
    known = None if case_number else connection.execute(owed).scalar()
    if known is not None:
        connection.execute(update(refunds).where(refunds.c.key == known).values(paid))
        return True
    key = f"case:{case_number}:{payment}" if case_number else f"told:{payment}"
    row = {"order_number": order_number, "amount_minor": amount.amount_minor, "currency": amount.currency}
    return insert_once(connection, refunds, {"key": key, **row, "owed_at": paid_at, **paid})

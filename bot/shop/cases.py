"""Returns, exchanges and refunds: opened by a turn, decided by the shop, never two over the same pieces."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from bot.clock import IdMaker
from bot.shop import stock
from bot.shop.commands import CaseLine, OpenCase
from bot.shop.port import CaseKind, CaseStatus
from bot.shop.refunds import went_back
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import case_parts, cases, order_lines, orders

VOID = (CaseStatus.CANCELLED, CaseStatus.REJECTED)
"""Came to nothing: the pieces are as they were."""
UNTOUCHED = (CaseStatus.OPEN, CaseStatus.APPROVED)
"""Nobody has acted on it: it can be cancelled."""
OVER = (*VOID, CaseStatus.REFUNDED, CaseStatus.EXCHANGED)
_TAKES_CASES = ("paid", "packed", "shipped", "delivered", "returned")
"""Statuses of an order; `returned`, as a part of it may have gone back."""


def open_case(connection: Connection, wish: OpenCase, now: datetime, new_id: IdMaker) -> str | None:
    """Open a case and hold what is wanted in exchange. Return its number.

    The same wish again finds the open case. None: the order takes no case, its pieces are in one already, a wanted
    piece is gone, or more would go back than was paid.
    """
    order = lock_order(connection, wish.order_number)
    pieces = _pieces(wish.lines)
    if order is None or order.status not in _TAKES_CASES or pieces is None:
        return None
    if not _free(connection, wish.order_number, pieces):
        return _same_case(connection, wish)
    too_much = went_back(connection, wish.order_number) + wish.refund.amount_minor > order.total_minor
    if too_much or wish.refund.amount_minor < 0 or wish.refund.currency != order.currency:
        return None
    if not stock.take(connection, _wanted(wish)):
        return None
    head = {
        "order_number": wish.order_number,
        "kind": wish.kind.value,
        "status": CaseStatus.OPEN.value,
        "reason": wish.reason,
        "words": wish.words,
        "condition": wish.condition,
        "photos": list(wish.photos),
        "refund_minor": wish.refund.amount_minor,
        "currency": wish.refund.currency,
        "opened_at": now,
        "changed_at": now,
    }
    number = _new_case(connection, head, now, new_id)
    connection.execute(case_parts.insert(), [_part(number, line, wish.kind) for line in wish.lines])
    return number


def lock_order(connection: Connection, order_number: str) -> AnyRow | None:
    """Return the order (a row of `orders`), locked: it is the lock of its lines and cases."""
    return connection.execute(select(orders).where(orders.c.number == order_number).with_for_update()).one_or_none()


def _pieces(lines: Sequence[CaseLine]) -> Counter[int] | None:
    """Return how many pieces of which line are meant, None if that makes no sense."""
    pieces: Counter[int] = Counter()
    for line in lines:
        if not line.line_id.isdecimal() or line.quantity < 1:
            return None
        pieces[int(line.line_id)] += line.quantity
    return pieces or None


def _wanted(wish: OpenCase) -> Mapping[str, int]:
    wanted: Counter[str] = Counter()
    if wish.kind is CaseKind.EXCHANGE:
        for line in wish.lines:
            wanted[line.wanted_sku] += line.quantity
    return wanted


def _part(number: str, line: CaseLine, kind: CaseKind) -> dict[str, object]:
    held = kind is CaseKind.EXCHANGE
    wanted = line.wanted_sku if held else None
    row = {"case_number": number, "line_id": int(line.line_id), "quantity": line.quantity}
    return {**row, "wanted_sku": wanted, "held": held}


def _free(connection: Connection, order_number: str, pieces: Mapping[int, int]) -> bool:
    """Return whether so many pieces of each line are in no case that came to something."""
    taken_by_line = (
        select(case_parts.c.line_id, func.sum(case_parts.c.quantity).label("taken"))
        .join(cases, case_parts.c.case_number == cases.c.number)
        .where(cases.c.order_number == order_number, cases.c.status.not_in(VOID))
        .group_by(case_parts.c.line_id)
    )
    taken = {row.line_id: int(row.taken) for row in connection.execute(taken_by_line)}
    bought = {
        row.id: row.quantity
        for row in connection.execute(select(order_lines).where(order_lines.c.order_number == order_number))
    }
    return all(bought.get(line, 0) - taken.get(line, 0) >= quantity for line, quantity in pieces.items())


def _same_case(connection: Connection, wish: OpenCase) -> str | None:
    """Return the number of an untouched case over exactly these pieces."""
    like_it = cases.c.order_number == wish.order_number, cases.c.kind == wish.kind, cases.c.status.in_(UNTOUCHED)
    exchange = wish.kind is CaseKind.EXCHANGE
    asked = Counter({(int(x.line_id), x.wanted_sku if exchange else ""): x.quantity for x in wish.lines})
    for number in connection.execute(select(cases.c.number).where(*like_it)).scalars().all():
        rows = connection.execute(select(case_parts).where(case_parts.c.case_number == number))
        if Counter({(row.line_id, row.wanted_sku or ""): row.quantity for row in rows}) == asked:
            return str(number)
    return None


def _new_case(connection: Connection, head: Mapping[str, object], now: datetime, new_id: IdMaker) -> str:
    attempt = 0
    while True:
        # Four digits are short enough to read out; a crowded month gets more.
        number = _case_number(now, new_id(), digits=4 + attempt // 8, attempt=attempt)
        if insert_once(connection, cases, {"number": number, **head}):
            return number
        attempt += 1


def _case_number(now: datetime, seed: str, digits: int, attempt: int) -> str:
    """Return `RT`, year, month and at least four digits: `RT26110042`."""
    tail = int(hashlib.sha256(f"{seed}:{attempt}".encode()).hexdigest(), 16) % 10**digits
    return f"RT{now:%y%m}{tail:0{digits}d}"


def cancel_case(connection: Connection, number: str, now: datetime) -> bool:
    """Close a case that nobody has acted on; held pieces go back. Return False if it comes too late."""
    row = connection.execute(select(cases.c.order_number).where(cases.c.number == number)).one_or_none()
    if row is None:
        return False
    lock_order(connection, row.order_number)
    status = connection.execute(select(cases.c.status).where(cases.c.number == number)).scalar_one()
    if status in UNTOUCHED:
        set_status(connection, number, CaseStatus.CANCELLED, now)
        return True
    return bool(status == CaseStatus.CANCELLED)


def set_status(connection: Connection, number: str, status: CaseStatus, changed_at: datetime) -> None:
    """Record where a case stands, and settle what it holds."""
    connection.execute(update(cases).where(cases.c.number == number).values(status=status.value, changed_at=changed_at))
    if status in OVER:
        settle(connection, number, status, changed_at)


def take_up(connection: Connection, number: str) -> bool:
    """Hold again what is wanted by a case that came to nothing. Return False if its pieces or what is wanted are gone.

    The caller has locked the order.
    """
    order_number = connection.execute(select(cases.c.order_number).where(cases.c.number == number)).scalar_one()
    pieces: Counter[int] = Counter()
    wanted: Counter[str] = Counter()
    for row in connection.execute(select(case_parts).where(case_parts.c.case_number == number)):
        pieces[row.line_id] += row.quantity
        if row.wanted_sku:
            wanted[row.wanted_sku] += row.quantity
    if not _free(connection, order_number, pieces) or not stock.take(connection, wanted):
        return False
    holds = case_parts.c.case_number == number, case_parts.c.wanted_sku.is_not(None)
    connection.execute(update(case_parts).where(*holds).values(held=True))
    return True


def settle(connection: Connection, number: str, status: CaseStatus, now: datetime) -> None:
    """End the hold of a case's wanted pieces: they left with the exchange, or go back into the stock."""
    held = case_parts.c.case_number == number, case_parts.c.held
    pieces: Counter[str] = Counter()
    for row in connection.execute(select(case_parts.c.wanted_sku, case_parts.c.quantity).where(*held)).all():
        pieces[row.wanted_sku] += row.quantity
    connection.execute(update(case_parts).where(*held).values(held=False))
    if status is not CaseStatus.EXCHANGED:
        stock.put_back(connection, pieces, now)


def replace_parts(connection: Connection, number: str, parts: Sequence[Mapping[str, object]], now: datetime) -> None:
    """Put a case's parts as the shop has them; a hold stays where the same part stays."""
    wanted = {(part["line_id"], part["quantity"], part["wanted_sku"]): part for part in parts}
    rows = connection.execute(select(case_parts).where(case_parts.c.case_number == number)).all()
    known = {(row.line_id, row.quantity, row.wanted_sku): row for row in rows}
    for what, row in known.items():
        if what not in wanted:
            if row.held:
                stock.put_back(connection, {row.wanted_sku: row.quantity}, now)
            connection.execute(delete(case_parts).where(case_parts.c.id == row.id))
    for what, part in wanted.items():
        if what not in known:
            connection.execute(case_parts.insert().values(case_number=number, held=False, **part))

"""Puts cases as the shop's servers have them. Putting the same again changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.errors import Conflict, NotFound
from bot.shop.bodies import CaseBody
from bot.shop.cases import OVER, lock_order, replace_parts, settle
from bot.shop.load import known, put
from bot.store.tables import cases, order_lines, variants


def put_case(connection: Connection, number: str, body: CaseBody, now: datetime) -> None:
    """Put a case with its parts. A hold that the bot made for an exchange ends with the case.

    Raises:
        NotFound: there is no such order or sku, or the order has no line of a sku.
        Conflict: the case is of another order.
    """
    if lock_order(connection, body.order_number) is None:
        raise NotFound(f"order_number: there is no order {body.order_number}. Put it there first.")
    before = connection.execute(select(cases).where(cases.c.number == number)).one_or_none()
    if before is not None and before.order_number != body.order_number:
        raise Conflict(f"order_number: the case {number} is of the order {before.order_number}. Choose another number.")
    parts = _parts(connection, body)
    row = body.model_dump(exclude={"parts"}) | {"number": number, "kind": body.kind.value, "status": body.status.value}
    if before is None or any(getattr(before, name) != value for name, value in row.items()):
        put(connection, cases, cases.c.number == number, {**row, "changed_at": now})
    replace_parts(connection, number, parts, now)
    if body.status in OVER:
        settle(connection, number, body.status, now)


def _parts(connection: Connection, body: CaseBody) -> list[dict[str, Any]]:
    of_order = select(order_lines.c.sku, order_lines.c.id).where(order_lines.c.order_number == body.order_number)
    lines = {row.sku: row.id for row in connection.execute(of_order)}
    if unknown := sorted({part.sku for part in body.parts} - set(lines)):
        raise NotFound(f"parts: the order {body.order_number} has no line of the sku {unknown[0]}. Correct the sku.")
    wanted = [part.wanted_sku for part in body.parts if part.wanted_sku]
    known(connection, variants.c.sku, wanted, "parts", "sku")
    return [
        {"line_id": lines[part.sku], "quantity": part.quantity, "wanted_sku": part.wanted_sku or None}
        for part in body.parts
    ]

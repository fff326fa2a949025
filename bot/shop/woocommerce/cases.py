"""Cases of an order in WooCommerce, which knows refunds only: a return is kept in a custom field of its order.

The staff read it in a private note, act on it by hand, and pay back with WooCommerce's own refund; that ends the case.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.shop.amounts import minor_of
from bot.shop.bodies import CaseBody, CasePartBody
from bot.shop.platform import Kind, Told
from bot.shop.port import CaseKind, CaseStatus
from bot.shop.wire import Json, members, moment, text
from bot.shop.woocommerce.reading import changed_at, currency_of, order_lines, sku_of

FIELD = "zhanggui_case_"
"""What the names of the custom fields begin with; the case's number follows."""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that went back; `skus` is empty for an amount without lines."""

    id: str
    at: datetime
    amount_minor: int
    reason: str
    parts: Mapping[str, int]


def tag_of(key: str) -> str:
    """Return what marks everything that was done for a command: it is looked for before anything is done again."""
    return f"zg-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def number_of(order_number: str, key: str) -> str:
    """Return a case's number: the same for the same command."""
    return f"{order_number}-R{hashlib.sha256(key.encode()).hexdigest()[:6].upper()}"


def refunds_of(rows: Iterable[Json], currency: str) -> list[Refund]:
    """Read `GET /orders/ID/refunds`, oldest first."""
    found = []
    for row in rows:
        at = moment(row.get("date_created_gmt"))
        if at is not None:
            parts = {
                sku_of(line): abs(int(line["quantity"])) for line in members(row, "line_items") if line.get("quantity")
            }
            amount = abs(minor_of(str(row.get("amount") or 0), currency))
            found.append(Refund(str(row.get("id")), at, amount, text(row.get("reason"), 500), parts))
    return sorted(found, key=lambda refund: (refund.at, refund.id))


def kept_cases(order: Json) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (number, what is kept) of an order's cases."""
    for field in members(order, "meta_data"):
        name, value = text(field.get("key")), field.get("value")
        if name.startswith(FIELD) and isinstance(value, str):
            try:
                kept = json.loads(value)
            except (ValueError, RecursionError):
                continue
            if isinstance(kept, dict):
                yield name.removeprefix(FIELD), kept


def told_cases(order: Json, refunds: Sequence[Refund]) -> list[Told]:
    """Tell the cases of an order: those that were opened here, and refunds that belong to none of them."""
    number, at = text(order.get("number"), 60).upper(), changed_at(order)
    if at is None or not number or not order_lines(order):
        return []
    rest, told = list(refunds), []
    for case_number, kept in kept_cases(order):
        body = CaseBody.model_validate({"order_number": number, **kept})
        ending = next((refund for refund in rest if _ends(refund, body)), None)
        if ending is not None:
            rest.remove(ending)
            body = body.model_copy(update={"status": CaseStatus.REFUNDED, "refund_minor": ending.amount_minor})
        told.append(Told(Kind.CASE, case_number, body, at))
    told += [Told(Kind.CASE, f"{number}-{one.id}", _told_refund(one, order), at) for one in rest]
    return told


def pieces_in_cases(order: Json, refunds: Sequence[Refund]) -> dict[str, int]:
    """Return by sku how many pieces of an order are in a case that is not over, or were refunded."""
    taken: dict[str, int] = {}
    for told in told_cases(order, refunds):
        body = told.body
        if isinstance(body, CaseBody) and body.status not in (CaseStatus.CANCELLED, CaseStatus.REJECTED):
            for part in body.parts:
                taken[part.sku] = taken.get(part.sku, 0) + part.quantity
    return taken


def _ends(refund: Refund, case: CaseBody) -> bool:
    """Whether a refund pays a case back: made after it was opened, of its goods or of its whole amount."""
    if case.status is not CaseStatus.OPEN or refund.at < case.opened_at:
        return False
    if refund.parts:
        return any(part.sku in refund.parts for part in case.parts)
    return refund.amount_minor == case.refund_minor > 0


def _told_refund(refund: Refund, order: Json) -> CaseBody:
    parts = [CasePartBody(sku=sku, quantity=min(count, 999)) for sku, count in refund.parts.items()]
    return CaseBody(
        order_number=text(order.get("number"), 60).upper(),
        kind=CaseKind.REFUND,
        status=CaseStatus.REFUNDED,
        parts=parts,  # none: an amount for no goods, which all can still go back
        reason=text(refund.reason),
        refund_minor=refund.amount_minor,
        currency=currency_of(order),
        opened_at=refund.at,
    )

"""Returns and refunds of an order in Shopify, as cases. Pure."""

from __future__ import annotations

from bot.shop.bodies import CaseBody, CasePartBody, OrderLineBody
from bot.shop.platform import Kind, Told
from bot.shop.port import CaseKind, CaseStatus
from bot.shop.shopify.reading import currency_of, minor, nodes, number_of, order_lines, sku_of, skus_by_line
from bot.shop.wire import Json, member, members, moment, text

_STATUSES = {
    "REQUESTED": CaseStatus.OPEN,
    "OPEN": CaseStatus.APPROVED,
    "DECLINED": CaseStatus.REJECTED,
    "CANCELED": CaseStatus.CANCELLED,
}
REASONS = {
    "small": "SIZE_TOO_SMALL",
    "large": "SIZE_TOO_LARGE",
    "quality": "DEFECTIVE",
    "damaged": "DEFECTIVE",
    "look": "NOT_AS_DESCRIBED",
    "wrong": "WRONG_ITEM",
}
"""`ReturnReason` by the bot's reasons; what is not in it is OTHER, which needs a note."""


def told_cases(order: Json) -> list[Told]:
    """Tell the returns of an order, and refunds that belong to none of them."""
    returns = [told for one in nodes(order, "returns") if (told := _told_return(one, order)) is not None]
    refunds = [told for one in members(order, "refunds") if (told := _told_refund(one, order)) is not None]
    return [*returns, *refunds]


def refund_number(order: Json, refund: Json) -> str:
    """Return the number of the case that a refund without a return is."""
    return f"{number_of(order.get('name'))}-{text(refund.get('legacyResourceId'))}"


def _told_return(one: Json, order: Json) -> Told | None:
    lines, wanted = nodes(one, "returnLineItems"), _wanted(one)
    skus, bought = skus_by_line(order), {line.sku: line for line in order_lines(order)}
    parts: dict[str, int] = {}
    for line in lines:
        sku = skus.get(text(member(member(line, "fulfillmentLineItem"), "lineItem").get("id")), "")
        if sku:
            parts[sku] = parts.get(sku, 0) + int(line.get("quantity") or 0)
    at, opened = moment(order.get("updatedAt")), moment(one.get("createdAt"))
    if not parts or at is None or opened is None:
        return None
    paid_back = next((refund for refund in nodes(one, "refunds")), None)
    currency = currency_of(order)
    due = 0 if wanted else sum(_share(bought.get(sku), pieces) for sku, pieces in parts.items())
    reasons = {value: key for key, value in REASONS.items()}
    body = CaseBody(
        order_number=number_of(order.get("name")),
        kind=CaseKind.EXCHANGE if wanted else CaseKind.RETURN,
        status=_status(one, paid_back is not None, bool(wanted)),
        parts=[
            CasePartBody(sku=sku, quantity=pieces, wanted_sku=wanted[place] if place < len(wanted) else "")
            for place, (sku, pieces) in enumerate(parts.items())
        ],
        reason=reasons.get(text(lines[0].get("returnReason")), "other"),
        refund_minor=due if paid_back is None else minor(paid_back, "totalRefundedSet", currency),
        currency=currency,
        opened_at=opened,
    )
    return Told(Kind.CASE, number_of(one.get("name")), body, at)


def _status(one: Json, is_paid_back: bool, is_exchange: bool) -> CaseStatus:
    known = _STATUSES.get(text(one.get("status")))
    if is_paid_back and known not in (CaseStatus.CANCELLED, CaseStatus.REJECTED):
        return CaseStatus.REFUNDED
    if known is not None:
        return known
    return CaseStatus.EXCHANGED if is_exchange else CaseStatus.RECEIVED  # CLOSED


def _wanted(one: Json) -> list[str]:
    return [
        sku_of(variant)
        for item in nodes(one, "exchangeLineItems")
        for line in members(item, "lineItems")
        if (variant := member(line, "variant"))
    ]


def _share(line: OrderLineBody | None, pieces: int) -> int:
    if line is None or not line.quantity:
        return 0
    paid = line.price_minor * line.quantity if line.paid_minor is None else line.paid_minor
    return paid * pieces // line.quantity


def _told_refund(refund: Json, order: Json) -> Told | None:
    at, opened, currency = moment(order.get("updatedAt")), moment(refund.get("createdAt")), currency_of(order)
    amount = minor(refund, "totalRefundedSet", currency)
    if member(refund, "return") or at is None or opened is None or not amount:
        return None
    skus = skus_by_line(order)
    goods = [
        CasePartBody(sku=sku, quantity=int(line.get("quantity") or 0))
        for line in nodes(refund, "refundLineItems")
        if (sku := skus.get(text(member(line, "lineItem").get("id"))))
    ]
    body = CaseBody(
        order_number=number_of(order.get("name")),
        kind=CaseKind.REFUND,
        status=CaseStatus.REFUNDED,
        parts=goods,  # none: an amount for no goods, which all can still go back
        reason=text(refund.get("note")),
        refund_minor=amount,
        currency=currency,
        opened_at=opened,
    )
    return Told(Kind.CASE, refund_number(order, refund), body, at)

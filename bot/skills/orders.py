"""Order status: which order, is it theirs, where it is, what that means. Changes before dispatch go to a human."""

from __future__ import annotations

from dataclasses import replace

from bot.shop.port import Order, OrderStatus
from bot.skills import shown
from bot.skills.proof import find_order, proof_effects
from bot.skills.turn import Handoff, Say, Skill, Step, Turn, phrases

NAME = "orders"
BEFORE_DISPATCH = (OrderStatus.UNPAID, OrderStatus.PAID, OrderStatus.PACKED)
FIELDS = "order.number order.goods order.total"
PHRASES = phrases(
    orders="; ".join(
        [
            f"unpaid {FIELDS} order.closes",
            *(f"{status} {FIELDS}" for status in ("paid", "packed", "returned", "refunded", "cancelled")),
            f"shipped {FIELDS} parcel.carrier parcel.number parcel.last parcel.at",
            f"shipped_no_trail {FIELDS}",
            f"delivered {FIELDS} order.delivered",
            "expected parcel.expected",
            "change_to_human order.number",
            "too_late_to_change order.number",
        ]
    )
)


def run(turn: Turn) -> Step | None:
    """Answer order_status and delivery_urge; pass order_cancel and address_change on with the order proven."""
    wish = turn.state.slots.get("wish", "") if turn.state.skill == NAME else turn.meaning.best
    if turn.state.skill == NAME and not _answers_question(turn):
        return None
    found = find_order(turn, NAME)
    if isinstance(found, Step):
        return replace(found, state=found.state.keeping(wish=wish))
    if wish in ("order_cancel", "address_change"):
        return _change(turn, found, wish)
    return Step((*_status(turn, found),), turn.state.idle(), proof_effects(turn, found))


def _answers_question(turn: Turn) -> bool:
    if turn.choice.startswith("order:") or turn.meaning.value("order") or turn.meaning.value("phone_end"):
        return True
    return any(c.isdigit() for c in turn.text) if turn.state.step == "phone" else bool(turn.meaning.values("product"))


def _change(turn: Turn, order: Order, wish: str) -> Step:
    source = (shown.order_source(order),)
    phrase = "change_to_human" if order.status in BEFORE_DISPATCH else "too_late_to_change"
    said = Say(f"orders.{phrase}", {"order.number": order.number}, sources=source)
    return Step((said,), turn.state.idle(), proof_effects(turn, order), Handoff(f"{wish} {order.number}", 1))


def _status(turn: Turn, order: Order) -> list[Say]:
    fields = {
        "order.number": order.number,
        "order.goods": shown.lines(order.lines, turn.language),
        "order.total": shown.money(order.total, turn.language),
    }
    source = (shown.order_source(order),)
    if order.status is OrderStatus.UNPAID:
        return [Say("orders.unpaid", {**fields, "order.closes": _closes(turn, order)}, sources=source)]
    if order.status is OrderStatus.DELIVERED and order.delivered_at:
        delivered = shown.day(order.delivered_at, turn.language, turn.zone)
        return [Say("orders.delivered", {**fields, "order.delivered": delivered}, sources=source)]
    if order.status is not OrderStatus.SHIPPED:
        return [Say(f"orders.{order.status}", fields, sources=source)]
    return _parcels(turn, order, fields)


def _closes(turn: Turn, order: Order) -> str:
    return shown.time_of(order.created_at + turn.order_closes_after, turn.language, turn.zone)


def _parcels(turn: Turn, order: Order, fields: dict[str, str]) -> list[Say]:
    source = (shown.order_source(order),)
    says: list[Say] = []
    for parcel in order.shipments:
        if not parcel.events:
            continue
        last = parcel.events[-1]
        trail = {
            "parcel.carrier": parcel.carrier,
            "parcel.number": parcel.tracking_number,
            "parcel.last": shown.name(last.place, turn.language),
            "parcel.at": shown.time_of(last.at, turn.language, turn.zone),
        }
        says.append(Say("orders.shipped", {**fields, **trail}, sources=source))
        if parcel.expected_at and parcel.expected_at > turn.now:
            expected = shown.day(parcel.expected_at, turn.language, turn.zone)
            says.append(Say("orders.expected", {"parcel.expected": expected}, sources=source))
    return says or [Say("orders.shipped_no_trail", fields, sources=source)]


SKILL = Skill(
    NAME, frozenset({"order_status", "delivery_urge", "order_cancel", "address_change"}), run, PHRASES
)

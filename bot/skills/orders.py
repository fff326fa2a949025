"""Order status: which order, is it theirs, where it is, what that means. Changes before dispatch go to a human."""

from __future__ import annotations

from dataclasses import replace

from bot.shop.port import Order, OrderStatus, Shipment
from bot.skills import proof, shown
from bot.skills.turn import Handoff, Say, Skill, Step, Turn, phrases

NAME = "orders"
BEFORE_DISPATCH = (OrderStatus.UNPAID, OrderStatus.PAID, OrderStatus.PACKED)
OVER = (OrderStatus.CANCELLED, OrderStatus.REFUNDED)
CHANGES = ("order_cancel", "address_change")
FIELDS = "order.number order.goods order.total"
PHRASES = phrases(
    orders="; ".join(
        [
            f"unpaid {FIELDS} order.closes",
            *(f"{status} {FIELDS}" for status in ("paid", "packed", "returned", "refunded", "cancelled", "shipped")),
            f"shipped_no_trail {FIELDS}",
            f"delivered {FIELDS} order.delivered",
            "parcel parcel.carrier parcel.number parcel.last parcel.at",
            "parcel_no_trail parcel.carrier parcel.number",
            "expected parcel.expected",
            "change_to_human order.number",
            "too_late_to_change order.number",
        ]
    )
)


def run(turn: Turn) -> Step | None:
    """Answer order_status and delivery_urge; pass order_cancel and address_change on with the order proven."""
    waits = turn.state.skill == NAME
    if waits and not proof.answers(turn):
        return None
    wish = turn.state.slots.get("wish", "") if waits else turn.meaning.best
    changes = wish in CHANGES
    found = proof.find_order(
        turn, NAME, lambda order: order.status in BEFORE_DISPATCH if changes else order.status not in OVER
    )
    if isinstance(found, Step):
        return replace(found, state=found.state.keeping(wish=wish))
    if changes and found.status not in OVER:
        return _change(turn, found, wish)
    return Step(status(turn, found), turn.state.idle(), proof.proof_effects(turn, found))


def _change(turn: Turn, order: Order, wish: str) -> Step:
    source = (shown.order_source(order),)
    phrase = "change_to_human" if order.status in BEFORE_DISPATCH else "too_late_to_change"
    said = Say(f"orders.{phrase}", {"order.number": order.number}, sources=source)
    effects = proof.proof_effects(turn, order)
    return Step((said,), turn.state.idle(), effects, Handoff(f"{wish} {order.number}", 1))


def status(turn: Turn, order: Order) -> tuple[Say, ...]:
    """Return where a proven order stands, in words."""
    fields = {
        "order.number": order.number,
        "order.goods": shown.lines(order.lines, turn.language),
        "order.total": shown.money(order.total, turn.language),
    }
    source = (shown.order_source(order),)
    if order.status is OrderStatus.UNPAID:
        closes = shown.time_of(order.created_at + turn.order_closes_after, turn.language, turn.zone)
        return (Say("orders.unpaid", {**fields, "order.closes": closes}, sources=source),)
    if order.status is OrderStatus.DELIVERED:
        delivered = shown.day(order.delivered_at or order.created_at, turn.language, turn.zone)
        return (Say("orders.delivered", {**fields, "order.delivered": delivered}, sources=source),)
    if order.status is not OrderStatus.SHIPPED:
        return (Say(f"orders.{order.status}", fields, sources=source),)
    if not any(parcel.events for parcel in order.shipments):
        return (Say("orders.shipped_no_trail", fields, sources=source),)
    parcels = [say for parcel in order.shipments for say in _parcel(turn, order, parcel)]
    return (Say("orders.shipped", fields, sources=source), *parcels)


def _parcel(turn: Turn, order: Order, parcel: Shipment) -> list[Say]:
    source = (shown.order_source(order),)
    fields = {"parcel.carrier": parcel.carrier, "parcel.number": parcel.tracking_number}
    if not parcel.events:
        return [Say("orders.parcel_no_trail", fields, sources=source)]
    last = parcel.events[-1]
    fields["parcel.last"] = shown.name(last.place, turn.language)
    fields["parcel.at"] = shown.time_of(last.at, turn.language, turn.zone)
    says = [Say("orders.parcel", fields, sources=source)]
    if parcel.expected_at and parcel.expected_at > turn.now:
        expected = shown.day(parcel.expected_at, turn.language, turn.zone)
        says.append(Say("orders.expected", {"parcel.expected": expected}, sources=source))
    return says


SKILL = Skill(
    NAME,
    frozenset({"order_status", "delivery_urge", *CHANGES}),
    run,
    PHRASES,
    about=frozenset({"order"}),
)

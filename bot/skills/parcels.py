"""Where each parcel of an order is, what that means for the customer, and what the shop does about one in trouble."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.messages import Source
from bot.shop.port import Order, Shipment, TrackingEvent
from bot.skills import offers, shown
from bot.skills.turn import Note, Say, Turn, phrases

MOVING = ("label_created", "picked_up", "in_transit", "customs", "out_for_delivery", "attempted")
"""Statuses after which something more is to be heard."""
TROUBLE = ("exception", "lost", "returning", "returned")
"""Statuses at which the shop has to act."""
TASK = "parcel"
"""Kind of the task that is left for the staff."""
MOST_OF_TRAIL = 3
MEANT = (*MOVING, "delivered", *TROUBLE, "stuck")
PHRASES = phrases(
    orders="parcel parcel.carrier parcel.number parcel.last parcel.at; parcel_no_trail parcel.carrier parcel.number; "
    "trail parcel.trail; expected parcel.expected; overdue parcel.expected; split order.number order.parcels; "
    "in_parcel parcel.goods; not_in_a_parcel order.number order.goods; "
    + "; ".join(f"is_{status} parcel.number parcel.at" for status in MEANT)
)


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of the parcels of an order, and the tasks that come of it."""

    says: tuple[Say, ...]
    tasks: tuple[Note, ...] = ()


def standing(parcel: Shipment, now: datetime, stuck_after: timedelta) -> str:
    """Return the status of a parcel's last event, `stuck` if nothing came after it for too long; empty: no trail."""
    if not parcel.events:
        return ""
    last = parcel.events[-1]
    return "stuck" if last.status in MOVING and now - last.at >= stuck_after else last.status


def goods_in(order: Order, parcel: Shipment, language: str) -> str:
    """Return what is in a parcel, e.g. `Linen Dress (blue, M)`; empty where nobody knows."""
    return shown.listed((shown.line(line, language) for line in order.lines if line.sku in parcel.skus), language)


def task_of(order: Order, parcel: Shipment, standing: str, words: str = "") -> Note:
    """Return the task to look after a parcel, with all that is known of it. The same parcel in the same trouble again
    makes no second one.
    """
    last = parcel.events[-1]
    goods = goods_in(order, parcel, "en") or shown.lines(order.lines, "en")
    text = (
        f"Order {order.number}: the parcel {parcel.carrier} {parcel.tracking_number} is {standing}. Last event: "
        f"{last.status}, {shown.name(last.place, 'en')}, {last.at:%Y-%m-%d %H:%M} UTC. In it: {goods}. "
        "Ask the carrier, then tell the customer."
    )
    said = f" The customer said: {words}" if words else ""
    return Note(text + said, TASK, f"{order.number}:{parcel.tracking_number}:{standing}")


def told(turn: Turn, order: Order) -> Told:
    """Return where each parcel of a proven order is; of several, what is in which and what has not left."""
    says: list[Say] = []
    tasks: list[Note] = []
    source = (shown.order_source(order),)
    if len(order.shipments) > 1:
        count = {"order.number": order.number, "order.parcels": str(len(order.shipments))}
        says.append(Say("orders.split", count, sources=source))
    for parcel in order.shipments:
        came = _parcel(turn, order, parcel)
        says += came.says
        tasks += came.tasks
    if left := _not_sent(order):
        goods = {"order.number": order.number, "order.goods": shown.listed(
            (shown.line(line, turn.language) for line in order.lines if line.sku in left), turn.language
        )}  # fmt: skip
        says.append(Say("orders.not_in_a_parcel", goods, sources=source))
    return Told(tuple(says), tuple(tasks))


def _not_sent(order: Order) -> frozenset[str]:
    """Return the skus that are in no parcel; none where the content of a parcel is not known."""
    if not order.shipments or not all(parcel.skus for parcel in order.shipments):
        return frozenset()
    sent = {sku for parcel in order.shipments for sku in parcel.skus}
    return frozenset(line.sku for line in order.lines) - sent


def _parcel(turn: Turn, order: Order, parcel: Shipment) -> Told:
    source = (shown.order_source(order),)
    fields = {"parcel.carrier": parcel.carrier, "parcel.number": parcel.tracking_number}
    known = goods_in(order, parcel, turn.language) if len(order.shipments) > 1 or _not_sent(order) else ""
    goods = (Say("orders.in_parcel", {"parcel.goods": known}, sources=source),) if known else ()
    if not parcel.events:
        return Told((Say("orders.parcel_no_trail", fields, sources=source), *goods))
    *before, last = parcel.events
    fields["parcel.last"] = shown.name(last.place, turn.language)
    fields["parcel.at"] = shown.time_of(last.at, turn.language, turn.zone)
    stands = standing(parcel, turn.now, turn.stuck_after)
    says = (
        Say("orders.parcel", fields, sources=source),
        *goods,
        _meaning(turn, stands, fields, source),
        *_day(turn, parcel, stands, source),
        *_trail(turn, before, source),
    )
    tasks = (task_of(order, parcel, stands, turn.text[:200]),) if stands in (*TROUBLE, "stuck") else ()
    return Told(says, tasks)


def _meaning(turn: Turn, stands: str, fields: dict[str, str], source: tuple[Source, ...]) -> Say:
    """Return what the standing of a parcel means for the customer, with what can be done about it."""
    choices = {
        "attempted": (*offers.labelled(turn, ("delivery_reschedule",)), offers.human(turn)),
        "customs": (),
        **dict.fromkeys((*TROUBLE, "stuck"), (offers.human(turn),)),
    }
    known = {name: fields[name] for name in ("parcel.number", "parcel.at")}
    return Say(f"orders.is_{stands}", known, choices.get(stands, ()), source)


def _day(turn: Turn, parcel: Shipment, stands: str, source: tuple[Source, ...]) -> tuple[Say, ...]:
    """Return the day on which it is expected, or was, for a parcel that is on its way to the customer."""
    if parcel.expected_at is None or stands not in (*MOVING, "stuck"):
        return ()
    day = {"parcel.expected": shown.day(parcel.expected_at, turn.language, turn.zone)}
    today = turn.now.astimezone(turn.zone).date()
    if parcel.expected_at.astimezone(turn.zone).date() < today:
        return (Say("orders.overdue", day, sources=source),)
    return (Say("orders.expected", day, sources=source),) if stands != "stuck" else ()


def _trail(turn: Turn, before: list[TrackingEvent], source: tuple[Source, ...]) -> tuple[Say, ...]:
    """Return the events before the last one, the newest in front."""
    if not before:
        return ()
    places = (
        f"{shown.time_of(event.at, turn.language, turn.zone)} {shown.name(event.place, turn.language)}"
        for event in reversed(before[-MOST_OF_TRAIL:])
    )
    return (Say("orders.trail", {"parcel.trail": shown.listed(places, turn.language)}, sources=source),)

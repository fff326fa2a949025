"""Orders: which one, is it theirs, where it is and what that means; cancelling it and sending it elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from bot.shop.port import Order, OrderStatus, Shipment
from bot.skills import asked_on, changes, offers, parcels, proof, shown, which, will
from bot.skills.goods import named_now
from bot.skills.turn import Handoff, Note, Say, Skill, Step, Turn, phrases
from bot.skills.will import Will
from bot.understanding.text import normal

NAME = changes.NAME
OVER = (OrderStatus.CANCELLED, OrderStatus.REFUNDED)
RESCHEDULE, STUCK, URGE = "delivery_reschedule", "parcel_stuck", "delivery_urge"
STATUS = "order_status"
CANCELS = re.compile(r"取消|撤[单單]|退[单單]|\bcancel|\bcall(?:ed)? off\b")
OF_A_CASE = re.compile(r"退[货貨换換]|[换換][货貨码碼]|\brt ?-?\d|\b(?:return|exchange|swap|invoice)|发票|發票")
"""Then not an order is cancelled, but a case."""
THIS = re.compile(r"[这這那]|\b(?:it|this|that|the order)\b")
DAYS = "shipping-delivery-days"
"""The entry that tells how long a parcel takes."""
LATE = "dispatch"
"""Kind of the task to look why an order has not left."""
FIELDS = "order.number order.goods order.total"
PHRASES = (
    phrases(
        orders="; ".join(
            [
                f"unpaid {FIELDS} order.closes",
                *(
                    f"{status} {FIELDS}"
                    for status in ("paid", "packed", "returned", "refunded", "cancelled", "shipped")
                ),
                f"shipped_no_trail {FIELDS}",
                f"delivered {FIELDS} order.delivered",
                "dispatch_late order.number",
                "not_cancelled order.number",
                "reschedule_to_human order.number",
                "stuck",
            ]
        )
    )
    | parcels.PHRASES
    | changes.PHRASES
)


def run(turn: Turn) -> Step | None:
    """Tell where an order is, or change it; another day of delivery is passed on to people with the order proven."""
    waits = turn.state.skill == NAME
    if waits and (aside := _aside(turn)):
        return aside
    if waits and not (proof.answers(turn) or changes.answers(turn) or _asks_the_same(turn)):
        return None
    turn = _put_right(turn)
    wish = changes.wish_of(turn)
    address = changes.address_in(turn) if wish == changes.ADDRESS else ""
    found = proof.find_order(turn, NAME, partial(_likely, wish))
    if isinstance(found, Step):
        kept: dict[str, object] = {"wish": wish, will.HEDGED: _is_hedged(turn, wish)}
        told = changes.begun(turn) if wish == changes.ADDRESS else {}
        return replace(found, state=found.state.keeping(**kept, **told))
    if wish in changes.CHANGES and found.status not in OVER:
        return changes.change(turn, found, wish, address)
    return _tell(turn, found, wish)


def _is_hedged(turn: Turn, wish: str) -> bool:
    return wish in changes.CHANGES and will.of(turn, wish) is not Will.PLAIN


def _asks_the_same(turn: Turn) -> bool:
    """Return whether it is asked once more when a parcel comes, or who brings it, before it is known which."""
    unsettled = turn.state.step in ("order", "phone") and not turn.meaning.best
    return unsettled and asked_on.asks_of_parcel(normal(turn.text))


def _aside(turn: Turn) -> Step | None:
    """Answer `where is it, by the way` about the order that is being changed, and leave the question open."""
    number, named = turn.state.slots.get("order"), turn.meaning.value("order")
    first = turn.meaning.ranked[0][0] if turn.meaning.margin >= turn.meaning.bounds.ask else ""
    if turn.state.step not in changes.STEPS or first != "order_status" or named not in (None, number):
        return None
    order = turn.shop.order(number) if number and not named_now(turn) and not which.picks(turn) else None
    if order is None or not turn.may_see(order):
        return None
    says = tuple(replace(say, choices=()) for say in status(turn, order))
    return Step((*says, Say("dialogue.go_on", choices=turn.state.offered)), turn.state)


def _settles(turn: Turn) -> str:
    """Return the intent of a message that speaks of cancelling an order it names, or that was just spoken of.

    Who says that it was cancelled wants to know how it stands.
    """
    said = normal(turn.text)
    if not turn.state.skill and changes.counts_less(turn) and not OF_A_CASE.search(said) and _has_several(turn):
        return changes.CANCEL
    if changes.tells_where(turn):
        return changes.ADDRESS
    if turn.state.skill or turn.choice or not CANCELS.search(said) or OF_A_CASE.search(said):
        return ""
    if will.tells_of_the_past(said):
        return "" if _asks_a_rule(turn) else STATUS
    named = turn.meaning.value("order") is not None or (THIS.search(said) and proof.spoken_of(turn))
    return changes.CANCEL if named and not turn.meaning.parts else ""


def _asks_a_rule(turn: Turn) -> bool:
    """Return whether a rule is asked about, and no order named: `my bank cancelled that card, where does it go`."""
    best, named = turn.meaning.best, turn.meaning.value("order") or which.picks(turn)
    return not named and best not in changes.ENTRIES and (best, turn.language) in turn.knowledge.entries


def _has_several(turn: Turn) -> bool:
    """Return whether some order that can still be cancelled may have several pieces of one kind."""
    own = turn.shop.orders_of(turn.person.customer_id) if turn.person.customer_id else ()
    several = any(line.quantity > 1 for o in own if o.status in changes.BEFORE_DISPATCH for line in o.lines)
    return several or turn.meaning.value("order") is not None


def _put_right(turn: Turn) -> Turn:
    """Forget the order that was settled where the message names another one, or goods that are not in it."""
    state, number = turn.state, turn.state.slots.get("order")
    if state.skill != NAME or number is None:
        return turn
    picked = turn.choice.removeprefix("order:") if turn.choice.startswith("order:") else ""
    other = (turn.meaning.value("order") or picked or number) != number
    order, goods = turn.shop.order(number), named_now(turn)
    names_others = bool(goods) and state.step in changes.STEPS and order is not None and turn.may_see(order)
    names_others = names_others and order is not None and not any(goods.means(line) for line in order.lines)
    if not (other or names_others):
        return turn
    kept = {name: value for name, value in state.slots.items() if name in ("wish", "address")}
    return replace(turn, state=replace(state, step="order", slots=kept))


def _likely(wish: str, order: Order) -> bool:
    """Return whether this may be wanted of an order in its state."""
    if wish in changes.CHANGES:
        return order.status in changes.BEFORE_DISPATCH
    if wish in (RESCHEDULE, STUCK):
        return order.status is OrderStatus.SHIPPED
    return order.status not in OVER


def _tell(turn: Turn, order: Order, wish: str) -> Step:
    """Tell where the order stands; leave the staff a task for what is in trouble."""
    says, tasks = status(turn, order), tasks_of(turn, order)
    said = normal(turn.text)
    if CANCELS.search(said) and will.tells_of_the_past(said) and order.status not in OVER:
        says = (
            Say("orders.not_cancelled", {"order.number": order.number}, sources=(shown.order_source(order),)),
            *says,
        )
    if order.status is OrderStatus.SHIPPED and wish == RESCHEDULE:
        return _reschedule(turn, order, says)
    if order.status is OrderStatus.SHIPPED and wish == STUCK and not tasks:
        says = (*says, Say("orders.stuck", choices=(offers.human(turn),)))
    if order.status in (OrderStatus.PAID, OrderStatus.PACKED) and asked_on.asks_when(turn):
        says = (*says, Say(DAYS))
    return Step(_offering_last(says), turn.state.idle(), (*proof.proof_effects(turn, order), *tasks))


def _offering_last(says: tuple[Say, ...]) -> tuple[Say, ...]:
    """Return the sentences with all their choices under the last one, each once."""
    choices = tuple(dict.fromkeys(choice for say in says for choice in say.choices))
    bare = [replace(say, choices=()) for say in says]
    return (*bare[:-1], replace(bare[-1], choices=choices))


def _reschedule(turn: Turn, order: Order, says: tuple[Say, ...]) -> Step:
    """Tell where the parcel is and let a person talk to the courier."""
    said = Say("orders.reschedule_to_human", {"order.number": order.number}, sources=(shown.order_source(order),))
    effects = proof.proof_effects(turn, order)
    says = tuple(replace(say, choices=()) for say in says)
    return Step((*says, said), turn.state.idle(), effects, Handoff(f"{RESCHEDULE} {order.number}", 1))


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
        said = Say("orders.delivered", {**fields, "order.delivered": delivered}, sources=source)
        return (said, *(parcels.told(turn, order).says if _some_on_the_way(order) else ()))
    if order.status is not OrderStatus.SHIPPED:
        said = Say(f"orders.{order.status}", fields, sources=source)
        return (said, *_late(turn, order))
    if not any(parcel.events for parcel in order.shipments):
        return (Say("orders.shipped_no_trail", fields, sources=source), *_without_trail(turn, order))
    return (Say("orders.shipped", fields, sources=source), *parcels.told(turn, order).says)


def tasks_of(turn: Turn, order: Order) -> tuple[Note, ...]:
    """Return what the staff have to look after."""
    if _late(turn, order):
        text = f"Order {order.number} was paid {order.paid_at:%Y-%m-%d %H:%M} UTC and has not left. See why, and tell."
        return (Note(text, LATE, order.number),)
    on_the_way = order.status is OrderStatus.SHIPPED or _some_on_the_way(order)
    return parcels.told(turn, order).tasks if on_the_way else ()


def _some_on_the_way(order: Order) -> bool:
    """Return whether an order counts as delivered while a parcel of it is still under way, or lost."""
    lasts = [parcel.events[-1].status for parcel in order.shipments if parcel.events]
    return order.status is OrderStatus.DELIVERED and len(order.shipments) > 1 and set(lasts) != {"delivered"}


def _without_trail(turn: Turn, order: Order) -> tuple[Say, ...]:
    """Return the numbers of parcels of which the carrier has told nothing yet."""
    parcelled: tuple[Shipment, ...] = order.shipments
    return parcels.told(turn, order).says if parcelled else ()


def _late(turn: Turn, order: Order) -> tuple[Say, ...]:
    """Return what is said of an order that should have left by now."""
    waiting = order.status in (OrderStatus.PAID, OrderStatus.PACKED) and order.paid_at is not None
    if not waiting or order.paid_at is None or turn.now - order.paid_at <= turn.dispatch_within:
        return ()
    source = (shown.order_source(order),)
    return (Say("orders.dispatch_late", {"order.number": order.number}, (offers.human(turn),), source),)


SKILL = Skill(
    NAME,
    frozenset({"order_status", URGE, RESCHEDULE, STUCK, *changes.CHANGES}),
    run,
    PHRASES,
    changes.ENTRIES | {DAYS},
    about=frozenset({"order"}),
    settles=_settles,
    beside=lambda _: frozenset({"refund-time", "refund-where", changes.RULE}),
    hears=frozenset({"cancel_dialogue", "return_cancel"}),
)

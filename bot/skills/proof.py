"""Which order is meant, and is it theirs? Nothing of an order is shown before both are answered."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.messages import Choice
from bot.shop.port import Order
from bot.skills import shown
from bot.skills.goods import named, named_now, slot
from bot.skills.turn import FailProof, Handoff, Prove, Say, Step, Turn, phrases
from bot.understanding.entities import without
from bot.understanding.text import normal

PHRASES = phrases(proof="which_of_yours; ask_number; ask_phone order.number; wrong_phone; no_orders; too_many_tries")
MAX_TRIES = 5
MOST_OFFERED = 4
FOUR_DIGITS = re.compile(r"(?<!\d)(\d{4})(?!\d)", re.ASCII)
Likely = Callable[[Order], bool]


def answers(turn: Turn) -> bool:
    """Return whether the message answers the question for an order or for the end of its phone number."""
    if turn.choice.startswith("order:") or turn.meaning.value("order") or turn.meaning.value("phone_end"):
        return True
    if turn.meaning.best:
        return False
    return any(c.isdigit() for c in turn.text) if turn.state.step == "phone" else bool(named_now(turn))


def find_order(turn: Turn, skill: str, likely: Likely) -> Order | Step:
    """Return the order that is meant and proven, or the step that asks for what is missing.

    The order is taken from the message, from the slot `order`, or from the customer's own orders if only one fits.

    Args:
        likely: whether what the customer wants can be wanted of an order; only used to choose among several.
    """
    number = turn.meaning.value("order") or _chosen(turn)
    if number is None and turn.state.skill == skill:
        number = turn.state.slots.get("order")
    if number is None:
        return _from_own(turn, skill, likely)
    order = turn.shop.order(number)
    if order is not None and turn.may_see(order):
        return order
    return _ask_proof(turn, skill, number, order)


def proof_effects(turn: Turn, order: Order) -> tuple[Prove, ...]:
    """Return the effect that remembers a proof given in this very message."""
    return () if turn.may_see(order) else (Prove(order.number),)


def _chosen(turn: Turn) -> str | None:
    return turn.choice.removeprefix("order:") if turn.choice.startswith("order:") else None


def _from_own(turn: Turn, skill: str, likely: Likely) -> Order | Step:
    goods = named(turn)
    waiting = turn.state.waiting(skill, "order", **slot(goods))
    if turn.person.customer_id is None and not turn.person.proven:
        return Step((Say("proof.ask_number"),), waiting)
    own = turn.shop.orders_of(turn.person.customer_id) if turn.person.customer_id else ()
    proven = tuple(o for n in sorted(turn.person.proven) if (o := turn.shop.order(n)) is not None and o not in own)
    orders = own + proven
    if not orders:
        return Step((Say("proof.no_orders"),), waiting)
    fitting = [order for order in orders if any(goods.means(line) for line in order.lines)] or orders
    fitting = [order for order in fitting if likely(order)] or fitting
    if len(fitting) == 1:
        return fitting[0]
    choices = tuple(
        Choice(f"order:{order.number}", f"{order.number} {shown.lines(order.lines[:1], turn.language)}")
        for order in fitting[:MOST_OFFERED]
    )
    return Step((Say("proof.which_of_yours", choices=choices),), waiting)


def _ask_proof(turn: Turn, skill: str, number: str, order: Order | None) -> Order | Step:
    """Ask for the end of the phone number; answer the same whether or not the order exists."""
    if turn.person.failed_proofs >= MAX_TRIES or turn.person.failed_by_order.get(number, 0) >= 2 * MAX_TRIES:
        return _too_many_tries(turn)
    said = turn.meaning.value("phone_end") or _bare_digits(turn)
    waiting = turn.state.waiting(skill, "phone", order=number, **slot(named(turn)))
    if said is None:
        return Step((Say("proof.ask_phone", {"order.number": number}),), waiting)
    customer = turn.shop.customer(order.customer_id) if order else None
    if order is not None and customer is not None and customer.phone[-4:] == said:
        return order
    if turn.person.failed_proofs + 1 >= MAX_TRIES:
        return _too_many_tries(turn, FailProof(number))
    return Step((Say("proof.wrong_phone"),), waiting, (FailProof(number),))


def _too_many_tries(turn: Turn, *failed: FailProof) -> Step:
    return Step((Say("proof.too_many_tries"),), turn.state.idle(), failed, Handoff("proof_failed"))


def _bare_digits(turn: Turn) -> str | None:
    if turn.state.step != "phone" and turn.meaning.value("order") is None:
        return None
    said = without("order", normal(turn.text), turn.meaning.entities)  # NFKC makes full-width digits plain ones
    match = FOUR_DIGITS.search(said)
    return match[1] if match else None

"""Which order is meant, and is it theirs? Nothing of an order is shown before both are answered."""

from __future__ import annotations

import re

from bot.messages import Choice
from bot.shop.port import Line, Order
from bot.skills import shown
from bot.skills.turn import FailProof, Handoff, Prove, Say, Step, Turn, phrases
from bot.understanding.text import normal

PHRASES = phrases(
    proof="which_of_yours; ask_number; ask_phone order.number; wrong_phone; no_orders; too_many_tries"
)
MAX_TRIES = 5
FOUR_DIGITS = re.compile(r"(?<!\d)(\d{4})(?!\d)")


def find_order(turn: Turn, skill: str) -> Order | Step:
    """Return the order that is meant and proven, or the step that asks for what is missing.

    The order is taken from the message, from the slot `order`, or from the customer's own orders if only one fits.
    """
    number = turn.meaning.value("order") or _chosen(turn)
    if number is None and turn.state.skill == skill:
        number = turn.state.slots.get("order")
    if number is None:
        return _from_own(turn, skill)
    order = turn.shop.order(number)
    if order is not None and turn.may_see(order):
        return order
    return _ask_proof(turn, skill, number, order)


def proof_effects(turn: Turn, order: Order) -> tuple[Prove, ...]:
    """Return the effect that remembers a proof given in this very message."""
    return () if turn.may_see(order) else (Prove(order.number),)


def _chosen(turn: Turn) -> str | None:
    return turn.choice.removeprefix("order:") if turn.choice.startswith("order:") else None


def _from_own(turn: Turn, skill: str) -> Order | Step:
    if turn.person.customer_id is None and not turn.person.proven:
        return Step((Say("proof.ask_number"),), turn.state.waiting(skill, "order"))
    own = turn.shop.orders_of(turn.person.customer_id) if turn.person.customer_id else ()
    proven = tuple(o for n in sorted(turn.person.proven) if (o := turn.shop.order(n)) is not None and o not in own)
    orders = own + proven
    fitting = tuple(order for order in orders if any(mentions(turn, line) for line in order.lines)) or orders
    if not fitting:
        return Step((Say("proof.no_orders"),), turn.state.waiting(skill, "order"))
    if len(fitting) == 1:
        return fitting[0]
    choices = tuple(
        Choice(f"order:{order.number}", f"{order.number} {shown.lines(order.lines[:1], turn.language)}")
        for order in fitting[:4]
    )
    return Step((Say("proof.which_of_yours", choices=choices),), turn.state.waiting(skill, "order"))


def _ask_proof(turn: Turn, skill: str, number: str, order: Order | None) -> Order | Step:
    """Ask for the end of the phone number; answer the same whether or not the order exists."""
    if turn.person.failed_proofs >= MAX_TRIES or turn.person.failed_by_order.get(number, 0) >= 2 * MAX_TRIES:
        return Step((Say("proof.too_many_tries"),), turn.state.idle(), handoff=Handoff("proof_failed"))
    said = turn.meaning.value("phone_end") or _bare_digits(turn)
    waiting = turn.state.waiting(skill, "phone", order=number)
    if said is None:
        return Step((Say("proof.ask_phone", {"order.number": number}),), waiting)
    customer = turn.shop.customer(order.customer_id) if order else None
    if order is not None and customer is not None and customer.phone[-4:] == said:
        return order
    return Step((Say("proof.wrong_phone"),), waiting, (FailProof(number),))


def _bare_digits(turn: Turn) -> str | None:
    if turn.state.step != "phone" and turn.meaning.value("order") is None:
        return None
    match = FOUR_DIGITS.search(turn.text)
    return match[1] if match else None


def mentions(turn: Turn, item: Line) -> bool:
    """Return whether the message speaks of this line: its product, or a word of its name, or its colour."""
    if item.product_id in turn.meaning.values("product"):
        return True
    text = normal(turn.text)
    words = [word for word in normal(item.name["en"]).split() if len(word) > 3]
    names = normal(item.name["zh"])
    pairs = [names[i : i + 2] for i in range(len(names) - 1)]
    return any(word in text for word in words) or sum(pair in text for pair in pairs) >= 2

"""Which order is meant, and is it theirs? Nothing of an order is shown before both are answered."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.messages import Choice
from bot.shop.port import Order
from bot.skills import codes, lost, offers, shown, which
from bot.skills.choices import is_question
from bot.skills.goods import may_mean, named, named_now, of_kind, products, slot
from bot.skills.turn import FailProof, Handoff, Prove, Say, State, Step, Turn, phrases
from bot.understanding.entities import without
from bot.understanding.lexicon import garment_of
from bot.understanding.orders import OTHER
from bot.understanding.text import normal

PHRASES = (
    phrases(
        proof="which_of_yours; ask_number; other_form order.example; ask_phone order.number; wrong_phone; no_orders; "
        "too_many_tries; locked; locked_code; find_number; other_way"
    )
    | codes.PHRASES
)
CHOICES = ("order:", "code:", "lost:")
"""Tokens of the choices that answer which order it is, and whose."""
RETURNS = "returns"
MAX_TRIES = 5
MOST_WRONG = 4 * MAX_TRIES
"""After so many wrong answers about an order in a day, by whomever, strangers are slowed: see `bot.skills.slowing`."""
MOST_OFFERED = 4
TOLD_DIGITS = "digits"
"""The slot that keeps the end of a phone number told before the order's number."""
FOUR_DIGITS = re.compile(r"(?<!\d)(\d{4})(?!\d)", re.ASCII)
NUMBER_AND_DIGITS = re.compile(
    r"\W*(?:我的|my|the)?\W*(?:订单(?:编?号)?|单号|order(?: (?:number|no))?)?(?:是|is)?\W*([0-9]{4})\W*"
)
SPACED_DIGITS = re.compile(
    r"(?<![\d.])(\d)[ .·,，、-]{1,2}(\d)[ .·,，、-]{1,2}(\d)[ .·,，、-]{1,2}(\d)(?![ .-]?\d)", re.ASCII
)
RIGHT_BEHIND = re.compile(
    r"[\s,，、/:()\[\]【】「」]+([0-9]{4})(?=[\s,，。.、;；?？!！)\]】」]|$)(?!\s*(?:[元年块]|yuan|rmb|cny|usd|eur))"
)
EXTENSION = re.compile(r"ext|x|#|;|,|转|分机")
NUMBER_ALONE = re.compile(r"#?(?=[a-z-]*\d)[a-z\d][a-z\d-]{3,24}", re.ASCII)
PUTS_RIGHT = re.compile(r"不[对對]|不是|[说說打写寫][错錯]|[应應][该該]是|\b(?:no|not|i mean|sorry|actually)\b")
Likely = Callable[[Order], bool]


def answers(turn: Turn) -> bool:
    """Return whether the message answers the question for an order or for the end of its phone number."""
    if turn.choice.startswith(CHOICES) or turn.meaning.value("order") or turn.meaning.value("phone_end"):
        return True
    if turn.state.step == "order" and _in_other_form(turn):
        return True
    if turn.state.step == "order" and which.picks(turn):
        return turn.meaning.best in ("", "order_status", "order-history", turn.state.slots.get("wish"))
    if turn.meaning.best or (is_question(turn.text) and turn.state.step != "order"):
        return False
    return any(c.isdigit() for c in turn.text) if turn.state.step == "phone" else bool(named_now(turn))


def find_order(turn: Turn, skill: str, likely: Likely) -> Order | Step:
    """Return the order that is meant and proven, or the step that asks for what is missing.

    The order is taken from the message, from the slot `order`, or from the customer's own orders if only one fits.

    Args:
        likely: whether what the customer wants can be wanted of an order; only used to choose among several.
    """
    number = _said(turn) or _chosen(turn)
    if number is not None and _carried_over(turn, number):
        number = None
    if number is None and turn.state.skill == skill and not _names_goods_of_another(turn, skill):
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


def _said(turn: Turn) -> str | None:
    """Return the order number of the message; of several, the last where the message puts itself right."""
    numbers = turn.meaning.values("order")
    return next(iter(numbers[-1:] if PUTS_RIGHT.search(normal(turn.text)) else numbers), None)


def _carried_over(turn: Turn, number: str) -> bool:
    """Return whether an order comes from the message before, and pieces are named now that are none of its."""
    order, before = turn.shop.order(number), turn.state.before(turn.now)
    if order is None or before is None or not turn.meaning.follows or not turn.may_see(order):
        return False
    said_now = normal(turn.text.removeprefix(before.text))
    return normal(number) not in said_now and garment_of(said_now) is not None and _in_none_of(turn, (order,))


def _chosen(turn: Turn) -> str | None:
    return turn.choice.removeprefix("order:") if turn.choice.startswith("order:") else None


def own(turn: Turn) -> tuple[Order, ...]:
    """Return the orders that are shown to be this customer's, those of their account in front."""
    of_account = turn.shop.orders_of(turn.person.customer_id) if turn.person.customer_id else ()
    proven = (turn.shop.order(number) for number in sorted(turn.person.proven))
    return of_account + tuple(order for order in proven if order is not None and order not in of_account)


def _names_goods_of_another(turn: Turn, skill: str) -> bool:
    """Return whether a product is named that is not in the order that was settled, but in another one of theirs.

    A return looks for its pieces by itself.
    """
    settled = turn.shop.order(str(turn.state.slots.get("order", "")))
    named = set(turn.meaning.values("product"))
    if skill == RETURNS or settled is None or not turn.may_see(settled) or not named or turn.choice:
        return False
    inside = any(line.product_id in named for line in settled.lines)
    return not inside and any(line.product_id in named for order in own(turn) for line in order.lines)


def _from_own(turn: Turn, skill: str, likely: Likely) -> Order | Step:
    waiting = turn.state.waiting(skill, "order", **slot(named(turn)), **_told_digits(turn))
    if turn.person.customer_id is None and (not turn.person.proven or _in_none_of(turn, own(turn))):
        return Step((_ask_number(turn),), waiting)
    orders = own(turn)
    spoken = next((order for order in orders if order.number == spoken_of(turn)), None)
    if spoken is not None and not (named_now(turn) or garment_of(normal(turn.text)) or which.picks(turn)):
        return spoken
    if not orders:
        return Step((Say("proof.no_orders"),), waiting)
    fitting = which.meant(turn, orders)
    fitting = _likely_ones(turn, fitting, orders, likely)
    if len(fitting) == 1:
        return fitting[0]
    choices = tuple(
        Choice(f"order:{order.number}", f"{order.number} {shown.lines(order.lines[:1], turn.language)}")
        for order in fitting[:MOST_OFFERED]
    )
    return Step((Say("proof.which_of_yours", choices=choices),), waiting)


def _told_digits(turn: Turn) -> dict[str, str]:
    """Return, as a slot, the end of the phone number that is told before anybody knows of which order."""
    told = turn.meaning.value("phone_end")
    return {TOLD_DIGITS: told} if told else {}


def _in_none_of(turn: Turn, orders: tuple[Order, ...]) -> bool:
    """Return whether pieces are named of which none of these orders has one, nor any of their kind."""
    goods = named_now(turn)
    return bool(goods.products) and not any(
        any(line.product_id in goods.products for line in order.lines) or of_kind(turn, order.lines) for order in orders
    )


def _likely_ones(turn: Turn, fitting: list[Order], orders: tuple[Order, ...], likely: Likely) -> list[Order]:
    """Return those of which it may be wanted; where a word like `trousers` may mean goods of others too, of all."""
    if found := [order for order in fitting if likely(order)]:
        return found
    groups, word = products(turn), garment_of(normal(turn.text))
    vague = bool(groups) and all(len(group) > 1 for group in groups) and word is not None
    other = [order for order in orders if vague and likely(order)]
    return [order for order in other if may_mean(turn, order.lines)] or fitting


def spoken_of(turn: Turn) -> str:
    """Return the number of the order that was spoken of last, if it is shown to be theirs; else empty."""
    before = turn.state.before(turn.now)
    named = [one.value for one in before.entities if one.kind == "order" and not one.negated] if before else []
    order = turn.shop.order(named[-1]) if named else None
    return order.number if order is not None and turn.may_see(order) else ""


def _ask_number(turn: Turn) -> Say:
    if turn.choice == lost.NUMBER:
        return Say("proof.find_number", choices=(offers.human(turn),))
    if _in_other_form(turn) and turn.order_example:
        return Say("proof.other_form", {"order.example": turn.order_example})
    return Say("proof.ask_number")


def _in_other_form(turn: Turn) -> bool:
    """Return whether something is said for an order number that is none of the shop's: `订单 12345`, or a bare one."""
    bare = turn.state.step == "order" and NUMBER_ALONE.fullmatch(normal(turn.text))
    return turn.meaning.value(OTHER) is not None or bool(bare)


def _ask_proof(turn: Turn, skill: str, number: str, order: Order | None) -> Order | Step:
    """Ask for the end of the phone number or a code; answer the same whether or not the order exists."""
    if turn.person.failed_proofs >= MAX_TRIES:
        return _too_many_tries(turn)
    told = turn.state.slots.get(TOLD_DIGITS) if turn.state.skill == skill and turn.state.step == "order" else None
    waiting = turn.state.waiting(skill, "phone", order=number, **slot(named(turn)))
    waiting = waiting.keeping(**{TOLD_DIGITS: ""}) if told else waiting
    if turn.choice == lost.PHONE:
        return Step((Say("proof.other_way", choices=(*codes.offered(turn), offers.human(turn))),), waiting)
    if turn.sends_codes and turn.choice == codes.SEND:
        return codes.send(turn, number, waiting)
    if turn.state.step == "phone" and (code := codes.said_in(turn)):
        right = codes.is_right(turn, number, code)
        return order if order is not None and right else _wrong(turn, number, "proof.wrong_code", waiting)
    if number in turn.person.slowed and number not in turn.person.trusted:
        return _locked(turn, waiting)
    said = turn.meaning.value("phone_end") or _bare_digits(turn) or told
    if not said:
        return Step((Say("proof.ask_phone", {"order.number": number}, codes.offered(turn)),), waiting)
    customer = turn.shop.customer(order.customer_id) if order else None
    if order is not None and customer is not None and phone_end(customer.phone) == said:
        return order
    return _wrong(turn, number, "proof.wrong_phone", waiting)


def _wrong(turn: Turn, number: str, phrase: str, waiting: State) -> Step:
    if turn.person.failed_proofs + 1 >= MAX_TRIES:
        return _too_many_tries(turn, FailProof(number))
    choices = (*codes.offered(turn), offers.human(turn)) if turn.sends_codes else ()
    return Step((Say(phrase, choices=choices),), waiting, (FailProof(number),))


def _locked(turn: Turn, waiting: State) -> Step:
    """Leave the digits for a while, as somebody may be guessing them; a code still proves the order."""
    if turn.sends_codes:
        return Step((Say("proof.locked_code", choices=(*codes.offered(turn), offers.human(turn))),), waiting)
    return Step((Say("proof.locked"),), turn.state.idle(), handoff=Handoff("proof_failed"))


def _too_many_tries(turn: Turn, *failed: FailProof) -> Step:
    return Step((Say("proof.too_many_tries"),), turn.state.idle(), failed, Handoff("proof_failed"))


def phone_end(phone: str) -> str:
    """Return the last four digits of a number as the shop wrote it, extensions left out; empty if it has fewer."""
    digits = [char for char in EXTENSION.split(normal(phone))[0] if char in "0123456789"]
    return "".join(digits[-4:]) if len(digits) >= 4 else ""


def _bare_digits(turn: Turn) -> str | None:
    """Return four digits that answer the question for them, or stand right behind an order number or alone with it."""
    said = normal(turn.text)  # NFKC makes full-width digits plain ones
    rest = without("order", said, turn.meaning.entities)
    if turn.state.step == "phone":
        match = FOUR_DIGITS.search(rest) or SPACED_DIGITS.search(rest)
        return "".join(match.groups()) if match else None
    ends = [entity.end for entity in turn.meaning.entities if entity.kind == "order"]
    if not ends:
        return None
    match = NUMBER_AND_DIGITS.fullmatch(rest) or RIGHT_BEHIND.match(said, max(ends))
    return match[1] if match else None

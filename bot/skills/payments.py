"""Trouble with paying: what the shop sees of the order, what to try, and to people what the shop cannot see."""

from __future__ import annotations

import re

from bot.knowledge.entries import version_of
from bot.messages import Source
from bot.shop.port import Order, OrderStatus
from bot.skills import offers, proof, shown
from bot.skills.agreeing import says_no, says_yes
from bot.skills.choices import is_question
from bot.skills.turn import Handoff, Note, Say, Skill, Step, Turn, phrases
from bot.understanding.paying import is_money_gone, is_paid_twice
from bot.understanding.text import normal

NAME, WISH, CART = "payments", "payment_trouble", "cart_help"
CAUSES, WAYS, TWICE = "payment-failed", "payment-methods", "payment-twice"
OF_PAYING = (TWICE, CAUSES)
SHOWS = re.compile(
    r"(?:看|查|显示|打开|有什么|有啥|里有|里的|裡有)(?!.{0,12}(?:不了|不开|失败|报错|出错|空)).{0,12}购物车"
    r"|购物车(?:里|裡)?(?:有|都有|的?东西|看看)"
    r"|\b(?:show|view|see|check|open|list|what'?s|what is)\b"
    r"(?!.{0,30}\b(?:can't|cannot|error|fail|empty)).{0,16}\b(?:cart|basket|bag)\b"
)
"""Somebody who only wants to see what is in the cart."""
MOST_NOTED = 500
FIELDS = "order.number order.total"
PHRASES = phrases(
    payments=f"unpaid {FIELDS} order.goods order.closes; closed {FIELDS}; paid {FIELDS} order.paid; over order.number; "
    f"which; details {FIELDS}; details_paid {FIELDS} order.paid; passed_on order.number; "
    "cart cart.goods cart.total; no_cart"
) | phrases(desk="passing_on")


def run(turn: Turn) -> Step | None:
    """Tell how the order stands and what to try; where money is gone, collect what people need to find it."""
    waits = turn.state.skill == NAME
    slots = turn.state.slots if waits else {}
    if waits and not _answers(turn):
        return None
    if waits and turn.state.step == "details":
        return _to_people(turn, str(slots["order"]), str(slots["words"]))
    if not waits and turn.meaning.best == CART and SHOWS.search(normal(turn.text)):
        return _cart(turn)
    if not waits and turn.meaning.best == CART:
        return Step((Say(CAUSES), Say("desk.passing_on")), turn.state.idle(), handoff=Handoff(CART, 1))
    words = str(slots.get("words") or turn.text)[:MOST_NOTED]
    gone = is_money_gone(words)
    known = turn.person.customer_id or turn.person.proven or turn.meaning.value("order") or waits
    if not known and not gone:  # nobody has to prove anything to be told what usually helps
        said = Say("payments.which", choices=(*offers.labelled(turn, (WAYS,)), offers.human(turn)))
        return Step((Say(CAUSES), said), turn.state.waiting(NAME, "order", words=words))
    found = proof.find_order(turn, NAME, lambda order: _likely(order, gone))
    if isinstance(found, Step):
        says = (Say(TWICE), *found.says) if is_paid_twice(words) and not waits else found.says
        return Step(says, found.state.keeping(words=words), found.effects, found.handoff)
    return _about(turn, found, words, gone)


def _cart(turn: Turn) -> Step:
    """Tell what is in the cart of somebody whom the shop knows; of others it cannot be seen here."""
    cart = turn.shop.open_cart(turn.person.customer_id) if turn.person.customer_id else None
    if cart is None or not cart.lines:
        return Step((Say("payments.no_cart", choices=(offers.human(turn),)),), turn.state.idle())
    words = {"cart.goods": shown.lines(cart.lines, turn.language), "cart.total": shown.money(cart.total, turn.language)}
    state = " ".join(f"{line.sku}*{line.quantity} {line.price.amount_minor}" for line in cart.lines)
    source = Source(f"cart:{cart.id}", version_of(state))
    return Step((Say("payments.cart", words, (offers.human(turn),), (source,)),), turn.state.idle())


def _has_paid(turn: Turn) -> str:
    """Return the wish of someone whose money is gone for an order: more than the entry about it is wanted."""
    settled = turn.meaning.best not in ("", *OF_PAYING)
    if turn.state.skill or turn.choice or settled or not is_money_gone(turn.text):
        return ""
    own = turn.meaning.value("order") or turn.person.customer_id or not is_question(turn.text)
    near = {label for label, _ in turn.meaning.ranked[:2]} & {WISH, *OF_PAYING}
    return WISH if own and near else ""


def _answers(turn: Turn) -> bool:
    if turn.state.step == "details":
        if turn.pictures or any(sign.isdigit() for sign in turn.text):
            return True
        silent = is_question(turn.text) or says_yes(turn, "") or says_no(turn, "")
        return turn.meaning.best in ("", WISH, TWICE, CAUSES) and not silent
    return turn.choice.startswith(proof.CHOICES) or proof.answers(turn)


def _likely(order: Order, gone: bool) -> bool:
    return order.status is OrderStatus.UNPAID or (gone and order.status is OrderStatus.PAID)


def _about(turn: Turn, order: Order, words: str, gone: bool) -> Step:
    fields = {"order.number": order.number, "order.total": shown.money(order.total, turn.language)}
    source, effects = (shown.order_source(order),), proof.proof_effects(turn, order)
    closes_at = order.created_at + turn.order_closes_after
    human = offers.human(turn)
    if order.status is OrderStatus.UNPAID and gone:
        waiting = turn.state.waiting(NAME, "details", order=order.number, words=words)
        return Step((Say("payments.details", fields, (human,), source),), waiting, effects)
    if order.status is OrderStatus.UNPAID and turn.now < closes_at:
        goods = shown.lines(order.lines, turn.language)
        more = {"order.goods": goods, "order.closes": shown.time_of(closes_at, turn.language, turn.zone)}
        choices = (*offers.labelled(turn, (WAYS,)), human)
        says = (Say("payments.unpaid", {**fields, **more}, sources=source), Say(CAUSES, choices=choices))
        return Step(says, turn.state.idle(), effects)
    if order.status in (OrderStatus.UNPAID, OrderStatus.CANCELLED) and not gone:
        says = (Say("payments.closed", fields, sources=source), Say("payment-time-limit", choices=(human,)))
        return Step(says, turn.state.idle(), effects)
    if order.paid_at is None or order.status in (OrderStatus.CANCELLED, OrderStatus.REFUNDED):
        said = Say("payments.over", {"order.number": order.number}, (human,), source)
        if not gone:
            return Step((said,), turn.state.idle(), effects)
        waiting = turn.state.waiting(NAME, "details", order=order.number, words=words)
        return Step((Say("payments.details", fields, (human,), source),), waiting, effects)
    paid = {**fields, "order.paid": shown.time_of(order.paid_at, turn.language, turn.zone)}
    if gone and is_paid_twice(words):
        waiting = turn.state.waiting(NAME, "details", order=order.number, words=words)
        says = (Say(TWICE), Say("payments.details_paid", paid, (human,), source))
        return Step(says, waiting, effects)
    return Step((Say("payments.paid", paid, (human,), source),), turn.state.idle(), effects)


def _to_people(turn: Turn, number: str, words: str) -> Step:
    """Leave to people what the customer told of the payment: the shop sees only its own side of it."""
    pictures = f" [{len(turn.pictures)} picture(s) in the chat]" if turn.pictures else ""
    note = Note(f"Payment for order {number}: {words} / {turn.text[:MOST_NOTED]}{pictures}", WISH)
    said = Say("payments.passed_on", {"order.number": number})
    return Step((said,), turn.state.idle(), (note,), Handoff(f"{WISH} {number}", 1))


SKILL = Skill(
    NAME,
    frozenset({WISH, CART}),
    run,
    PHRASES,
    frozenset({CAUSES, WAYS, TWICE, "payment-time-limit"}),
    about=frozenset({"order"}),
    settles=_has_paid,
)

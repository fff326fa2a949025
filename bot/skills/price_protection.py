"""Price protection: what was paid against the shop's price today; the difference is paid back, or why it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.messages import Choice, Source
from bot.shop.commands import Outcome, RefundDifference
from bot.shop.port import Money, Order, OrderStatus
from bot.skills import offers, proof, shown
from bot.skills.agreeing import says_no, says_yes
from bot.skills.falls import Fall, falls_of, last_moment
from bot.skills.goods import named, of_kind
from bot.skills.turn import Do, Effect, Handoff, Note, Say, Skill, Step, Turn, phrases

NAME, WISH, RULE = "price_protection", "price_protection_request", "price-protection"
OVER = (OrderStatus.CANCELLED, OrderStatus.REFUNDED, OrderStatus.RETURNED)
PHRASES = phrases(
    price_protection="unpaid order.number; over order.number; late order.number order.paid protection.days; "
    "same line.goods sum.paid sum.today; fell line.goods sum.paid sum.today sum.amount; agree sum.amount; yes; no; "
    "left_alone; already line.goods sum.amount protection.day; back line.goods sum.amount; "
    "pending line.goods sum.amount; refused line.goods; cannot_tell order.number"
)


def run(turn: Turn) -> Step | None:
    """Take the wish as far as this message goes: which order, what fell, and the difference paid back once agreed."""
    waits = turn.state.skill == NAME
    if waits and not _answers(turn):
        return None
    agreeing = waits and turn.state.step == "agree"
    if agreeing and says_no(turn, "protect:no"):
        return Step((Say("price_protection.left_alone"),), turn.state.idle())
    found = proof.find_order(turn, NAME, lambda order: _likely(turn, order))
    if isinstance(found, Step):
        return found
    why_not = _why_not(turn, found)
    if why_not is not None:
        return why_not
    falls = _falls(turn, found)
    if not falls:
        return _to_people(turn, found)
    fallen = [fall for fall in falls if fall.difference.amount_minor and fall.line.lowered_at is None]
    if not fallen:
        return _done(turn, found, *(_not_due(turn, fall) for fall in falls), _rule(turn))
    agreed = says_yes(turn, "protect:yes") or (not turn.choice and turn.meaning.best == WISH)
    return _pay_back(turn, found, fallen) if agreeing and agreed else _ask(turn, found, fallen)


def _answers(turn: Turn) -> bool:
    if turn.choice:
        return turn.choice.startswith(("protect:", *proof.CHOICES))
    if turn.state.step in ("order", "phone"):
        return proof.answers(turn)
    if says_yes(turn, "") or says_no(turn, ""):
        return True
    return turn.meaning.best == WISH or turn.meaning.value("order") is not None


def _is_late(turn: Turn, order: Order) -> bool:
    return order.paid_at is not None and turn.now >= last_moment(order.paid_at, turn.price_protection_days, turn.zone)


def _likely(turn: Turn, order: Order) -> bool:
    return order.paid_at is not None and order.status not in OVER and not _is_late(turn, order)


def _why_not(turn: Turn, order: Order) -> Step | None:
    number = {"order.number": order.number}
    if order.status is OrderStatus.UNPAID:
        return _done(turn, order, Say("price_protection.unpaid", number), _rule(turn))
    if order.status in OVER:
        return _done(turn, order, Say("price_protection.over", number), _rule(turn))
    if order.paid_at is not None and _is_late(turn, order):
        paid = shown.day(order.paid_at, turn.language, turn.zone)
        words = {**number, "order.paid": paid, "protection.days": str(turn.price_protection_days)}
        return _done(turn, order, Say("price_protection.late", words), _rule(turn))
    return None


def _falls(turn: Turn, order: Order) -> list[Fall]:
    """Compare the lines that are meant: those named, else all."""
    if order.paid_at is None:
        return []
    products = {line.product_id: turn.shop.product(line.product_id) for line in order.lines}
    buyer = turn.shop.customer(order.customer_id)
    tier = buyer.tier if buyer else turn.person.tier
    falls = falls_of(order, products, tier, turn.shop.cases_of(order.number))
    meant = _meant(turn, order)
    return [fall for fall in falls if fall.line.id in meant] or falls


def _meant(turn: Turn, order: Order) -> frozenset[str]:
    """Return the ids of the lines that are named, now or when the sum was shown."""
    goods = named(turn)
    now = [line for line in order.lines if goods.means(line)] or list(of_kind(turn, order.lines))
    kept = turn.state.slots.get("lines", ()) if turn.state.skill == NAME else ()
    return frozenset(line.id for line in now) or frozenset(kept)


def _words(turn: Turn, fall: Fall) -> dict[str, str]:
    return {
        "line.goods": shown.counted(replace(fall.line, quantity=fall.pieces), turn.language),
        "sum.paid": shown.money(fall.paid, turn.language),
        "sum.today": shown.money(fall.today, turn.language),
    }


def _compared(turn: Turn, phrase: str, fall: Fall) -> Say:
    words = _words(turn, fall)
    if phrase == "fell":
        words["sum.amount"] = shown.money(fall.difference, turn.language)
    source = Source(f"product:{fall.line.product_id}", str(fall.today.amount_minor))
    return Say(f"price_protection.{phrase}", words, sources=(source,))


def _not_due(turn: Turn, fall: Fall) -> Say:
    """Say why nothing goes back for a line: the price has not fallen, or the difference went back once already."""
    line = fall.line
    if line.lowered_at is None:
        return _compared(turn, "same", fall)
    words = {
        "line.goods": _words(turn, fall)["line.goods"],
        "sum.amount": shown.money(Money(line.lowered_minor, line.price.currency), turn.language),
        "protection.day": shown.day(line.lowered_at, turn.language, turn.zone),
    }
    return Say("price_protection.already", words)


def _rule(turn: Turn) -> Say:
    return Say(RULE, choices=(offers.human(turn),))


def _ask(turn: Turn, order: Order, fallen: Sequence[Fall]) -> Step:
    """Show each difference and ask: it is paid back once only."""
    total = Money(sum(fall.difference.amount_minor for fall in fallen), fallen[0].paid.currency)
    choices = (
        Choice("protect:yes", turn.phrase("price_protection.yes")),
        Choice("protect:no", turn.phrase("price_protection.no")),
        offers.human(turn),
    )
    asks = Say("price_protection.agree", {"sum.amount": shown.money(total, turn.language)}, choices)
    waiting = turn.state.waiting(NAME, "agree", order=order.number, lines=[fall.line.id for fall in fallen])
    shows = [_compared(turn, "fell", fall) for fall in fallen]
    shows[0] = replace(shows[0], sources=(*shows[0].sources, shown.order_source(order)))
    return Step(
        (*shows, Say(RULE), asks),
        waiting,
        proof.proof_effects(turn, order),
    )


def _pay_back(turn: Turn, order: Order, fallen: Sequence[Fall]) -> Step:
    effects = tuple(_do(turn, order, fall) for fall in fallen)
    return Step((), turn.state.idle(), (*proof.proof_effects(turn, order), *effects))


def _do(turn: Turn, order: Order, fall: Fall) -> Do:
    source = (shown.order_source(order),)
    goods = {"line.goods": _words(turn, fall)["line.goods"]}
    both = {**goods, "sum.amount": shown.money(fall.difference, turn.language)}
    said = {
        Outcome.DONE: Say("price_protection.back", both, sources=source),
        Outcome.PENDING: Say("price_protection.pending", both, sources=source),
        Outcome.REFUSED: Say("price_protection.refused", goods, (offers.human(turn),), source),
    }
    return Do(RefundDifference(order.number, fall.line.id, fall.difference), said)


def _done(turn: Turn, order: Order, *says: Say) -> Step:
    first, *rest = says
    spoken = (replace(first, sources=(*first.sources, shown.order_source(order))), *rest)
    return Step(spoken, turn.state.idle(), proof.proof_effects(turn, order))


def _to_people(turn: Turn, order: Order) -> Step:
    """Leave to people what cannot be compared: goods no longer sold, a payment that nobody dated."""
    said = Say("price_protection.cannot_tell", {"order.number": order.number}, sources=(shown.order_source(order),))
    note = Note(f"Price protection of order {order.number}: cannot be compared by itself. {turn.text}", WISH)
    proven: tuple[Effect, ...] = proof.proof_effects(turn, order)
    return Step((Say(RULE), said), turn.state.idle(), (*proven, note), Handoff(f"{WISH} {order.number}", 1))


SKILL = Skill(
    NAME,
    frozenset({WISH}),
    run,
    PHRASES,
    frozenset({RULE}),
    about=frozenset({"order"}),
    hears=frozenset({"return_request"}),
    beside=lambda _: frozenset({"refund-time", "refund-where", RULE}),
)

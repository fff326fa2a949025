"""Returns and exchanges: which order, which pieces, may they go back, why, what comes of it; then a case.

Each stage takes the draft further or asks for what is missing. All of them run from the top at every message, so that
things may be said in any order, several at once, and put right later.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from bot.messages import Choice
from bot.shop.port import Case, CaseKind, Line, Order, OrderStatus
from bot.skills import agreement, cases, exchanges, offers, orders, pieces, proof, return_wishes, shown, spared, will
from bot.skills.answering import answers
from bot.skills.asking import NAME, ask, done
from bot.skills.draft import CANCEL, EXCHANGE, RETURN, STATUS, VERSION, WISHES, Draft, draft_of, heard
from bot.skills.eligibility import ENTRIES, Rule, is_hygiene, is_over, refused_by
from bot.skills.hearing import FAULTS as FAULTS_TOLD
from bot.skills.refunds import FAULTS, gifts_due, left
from bot.skills.turn import OPTIONAL, Say, Skill, Step, Turn, phrases
from bot.understanding.reasons import reason_in, wanted_in
from bot.understanding.text import normal

BESIDE = frozenset({"returns-address", "returns-pickup", "returns-condition", "returns-without-box"})
OF_RETURNS = frozenset({"refund-time", "refund-where", "refund-coupon", "refund-shipping-fee", "returns-freight"})
OF_EXCHANGES = frozenset({"exchange-freight", "exchange-time", "exchange-steps"})
"""Entries, see `Skill.beside`."""
MOST_COUNTED = 5
"""Numbers of pieces offered as buttons; a larger one is typed."""
REASONS = ("small", "large", "quality", "damaged", "wrong", "missing", "look", "other")
OF_SIZE = ("small", "large", "look", "other")
RULES = "; ".join(f"no_{rule} line.goods order.number order.delivered return.days" for rule in Rule)
PHRASES = (
    phrases(
        returns="which_line order.number; all_of_them; all_swapped; how_many line.goods; "
        "why order.number line.goods; which_way; "
        + "; ".join(f"reason_{reason}" for reason in REASONS)
        + "; already case.number line.goods; ask_order_of_case case.number; "
        "none_left line.goods; not_delivered order.number; unpaid order.number; "
        "cancelled order.number; refunded order.number; photo; no_photo; opened_yet line.goods; unopened; was_opened; "
        "gift gift.goods gift.price; gift_back; gift_keep; what_else; change_line; change_reason; change_want; "
        f"rather_exchange; rather_return; {RULES}"
    )
    | cases.PHRASES
    | agreement.PHRASES
    | exchanges.PHRASES
)
NOT_YET = {
    OrderStatus.UNPAID: "returns.unpaid",
    OrderStatus.CANCELLED: "returns.cancelled",
    OrderStatus.REFUNDED: "returns.refunded",
}
AMOUNT = re.compile(
    r"退(?!.{0,4}运费)[^,，。]{0,6}多少(?!天)|能?拿回多少"
    r"|退[款钱][^,，。]{0,3}金[额額]|多少.{0,4}退[给給]我"
    r"|\bhow much\b.{0,24}\b(?:back|refund(?:ed)?|return(?:ed)?)\b"
    r"|\bhow much (?:will|would|do|am) i (?:get|receive|getting)\b"
    r"|\b(?:refund (?:amount|total)|full (?:refund|amount|price) back)\b|\b(?:full|whole) (?:refund|amount)\?"
)
Stage = Callable[[Turn, Draft, Order], "Draft | Step"]


def run(turn: Turn) -> Step | None:
    """Take the return as far as this message goes: to the next question, a refusal with its rule, or a case."""
    if turn.choice.startswith("watch:") and turn.state.skill == NAME:
        return exchanges.watch(turn, turn.choice.removeprefix("watch:"))
    turn = _taken_up(turn)
    waits = turn.state.skill == NAME
    draft = draft_of(turn.state.slots) if waits else Draft(wish=turn.meaning.best)
    if waits and (aside := _aside(turn, draft)):
        return aside
    if waits and not answers(turn, draft):
        return None
    if waits and _calls_off(turn, draft):
        return Step((Say("dialogue.cancelled"),), turn.state.idle(), decision="smalltalk")
    number = turn.meaning.value("order")
    if number and number != turn.state.slots.get("order", number):  # another order: from the beginning, the same wish
        draft = Draft(wish=draft.wish)
    before, draft = draft, heard(turn, draft)
    if (asks := _ask_order_of_case(turn, draft)) is not None:
        return asks
    found = proof.find_order(_with_order_of_case(_without_wanted(turn, draft)), NAME, _likely(turn, draft))
    if isinstance(found, Step):
        return replace(found, state=found.state.keeping(**draft.slots()))
    if draft.wish == STATUS and not turn.choice and (sent := cases.sent_back(turn, found)):
        return sent
    if draft.wish in (CANCEL, STATUS):
        step = cases.call_off(turn, found) if draft.wish == CANCEL else cases.status(turn, found, _in_time(turn, found))
        return replace(step, state=step.state.keeping(**draft.slots()))
    draft = _put_right(turn, before, draft, found)
    if spared.spans(turn) and before.parts and pieces.names(draft) == pieces.names(before):
        draft = replace(draft, parts=pieces.but(before.parts, draft, found, turn.shop))
        if not draft.parts:
            return Step((Say("dialogue.cancelled"),), turn.state.idle(), decision="smalltalk")
    elsewhere = before.parts and not draft.parts and not draft.stays
    if elsewhere and not pieces.groups(draft, found, turn.shop):  # what is named is not in here
        draft = replace(draft, parts=before.parts, products=before.products, garments=before.garments)
        draft = replace(draft, colours=before.colours)
    return _walk(turn, draft, found)


def _aside(turn: Turn, draft: Draft) -> Step | None:
    """Tell what would go back, or give time to think, and leave the question open."""
    state, said = turn.state, normal(turn.text)
    order = turn.shop.order(str(state.slots.get("order", "")))
    known = order is not None and turn.may_see(order) and draft.parts and draft.wish in (RETURN, EXCHANGE)
    if order is None or not known or turn.choice or turn.meaning.value("order") or state.step in ("order", "phone"):
        return None
    go_on = Say("dialogue.go_on", choices=state.offered)
    if not draft.is_exchange and AMOUNT.search(said):
        return Step((*agreement.sums(turn, draft, order), go_on), state)
    if will.waits(said) and not reason_in(said) and not turn.meaning.value("size"):
        return Step((Say("dialogue.take_your_time"), go_on), state, decision="smalltalk")
    return None


def _taken_up(turn: Turn) -> Turn:
    """Take up a conversation that an older version of this skill left open, at its beginning."""
    state = turn.state
    asked_for_order = state.step in ("order", "phone")
    if state.skill != NAME or state.slots.get("version") == VERSION or asked_for_order:
        return turn
    kept = {name: state.slots[name] for name in ("order", "wish") if name in state.slots}
    picked = turn.choice if turn.choice.startswith(("order:", "label:")) else ""
    return replace(turn, choice=picked, state=replace(state, step="again", slots=kept))


def _calls_off(turn: Turn, draft: Draft) -> bool:
    """Return whether the customer no longer wants what is being opened; a case that is open is another matter."""
    opens, said = draft.wish in (RETURN, EXCHANGE), normal(turn.text)
    whole = not turn.meaning.value("order") and not cases.named(turn) and not spared.spans(turn)
    if not opens or not whole or turn.choice or (turn.state.step in ("order", "phone") and turn.meaning.best != CANCEL):
        return False
    wanted = wanted_in(said)
    other = wanted and not will.denies(said, f"{wanted}_request")
    denied = will.denies(said, draft.wish) or will.denies(said, RETURN)
    if denied and not other and not return_wishes.wants_money(said):
        return not cases.KINDS[CaseKind.EXCHANGE].search(said) or draft.is_exchange
    asks = turn.meaning.best == CANCEL and turn.state.step != OPTIONAL
    return asks and not _of_open_case(turn, draft, said)


def _of_open_case(turn: Turn, draft: Draft, said: str) -> bool:
    """Return whether a case that is open is called off, not what is being opened: of the other kind, by its words."""
    kinds = {kind for kind, words in cases.KINDS.items() if words.search(said)}
    opening = CaseKind.EXCHANGE if draft.is_exchange else CaseKind.RETURN
    of_order = turn.shop.cases_of(str(turn.state.slots.get("order", "")))
    return (
        len(kinds) == 1
        and opening not in kinds
        and any(c.kind in kinds and c.status in cases.UNTOUCHED for c in of_order)
    )


def _put_right(turn: Turn, before: Draft, draft: Draft, order: Order) -> Draft:
    """Keep the other pieces of an exchange where one that is named is to become something else."""
    if len(before.parts) < 2 or not before.wanted or draft.parts or draft.wanted:
        return draft
    named = {line.id for group in pieces.groups(draft, order, turn.shop) for line in group}
    if not named or not named <= before.pieces.keys():
        return draft
    kept = tuple((one, sku) for one, sku in before.wanted if one not in named)
    asking = next(one for one, _ in before.parts if one in named)
    draft = replace(draft, products=before.products, garments=before.garments, colours=before.colours)
    return replace(draft, parts=before.parts, every=before.every, wanted=kept, asking=asking)


def _walk(turn: Turn, draft: Draft, order: Order) -> Step:
    for stage in STAGES:
        came = stage(turn, draft, order)
        if isinstance(came, Step):
            return came
        draft = came
    return agreement.agree(turn, draft, order)


def _without_wanted(turn: Turn, draft: Draft) -> Turn:
    """Leave out the colour that is wanted when an order is looked for by what is in it."""
    if not draft.colour:
        return turn
    kept = tuple(e for e in turn.meaning.entities if e.kind != "colour" or e.value in draft.colours)
    return replace(turn, meaning=replace(turn.meaning, entities=kept))


def _with_order_of_case(turn: Turn) -> Turn:
    """Take the order of the case that is named."""
    number = "" if turn.meaning.value("order") or turn.choice else cases.order_of(turn)
    return replace(turn, choice=f"order:{number}") if number else turn


def _ask_order_of_case(turn: Turn, draft: Draft) -> Step | None:
    """Ask for the order of a case that is not among those shown to be theirs; no other order is meant."""
    number = cases.named(turn)
    if not number or turn.meaning.value("order") or turn.choice or cases.order_of(turn):
        return None
    said = Say("returns.ask_order_of_case", {"case.number": number}, (offers.human(turn),))
    return Step((said,), turn.state.idle().waiting(NAME, "order", **draft.slots()))


def _likely(turn: Turn, draft: Draft) -> Callable[[Order], bool]:
    """Return what tells whether an order may be meant: by its state, its cases, and what is in it."""

    def may_be_meant(order: Order) -> bool:
        if draft.wish in (CANCEL, STATUS):
            counting = any(case.status in cases.UNTOUCHED for case in turn.shop.cases_of(order.number))
            over = (OrderStatus.RETURNED, OrderStatus.REFUNDED) if draft.wish == STATUS else ()
            return counting or order.status in over
        named = not draft.garments or bool(pieces.groups(draft, order, turn.shop))
        return order.status is OrderStatus.DELIVERED and named

    return may_be_meant


def _in_time(turn: Turn, order: Order) -> bool:
    over = is_over(order, turn.return_policy.return_days, turn.now, turn.zone)
    return order.status is OrderStatus.DELIVERED and not over


def _is_open_for_it(turn: Turn, draft: Draft, order: Order) -> Draft | Step:
    if order.status is OrderStatus.DELIVERED:
        return draft
    if order.status is OrderStatus.RETURNED:
        return done(turn, order, *orders.status(turn, order))
    return done(turn, order, Say(NOT_YET.get(order.status, "returns.not_delivered"), {"order.number": order.number}))


def _which(turn: Turn, draft: Draft, order: Order) -> Draft | Step:
    found = turn.shop.cases_of(order.number)
    settled = pieces.settled(draft, order, found, turn.shop)
    if isinstance(settled, Draft):
        return _not_yet_back(turn, settled, order, found)
    choices = tuple(Choice(f"line:{line.id}", shown.counted(line, turn.language)) for line in settled)
    every = "returns.all_swapped" if draft.is_exchange else "returns.all_of_them"
    choices += (Choice("line:all", turn.phrase(every)),)
    return ask(turn, draft, order, "line", Say("returns.which_line", {"order.number": order.number}, choices))


def _not_yet_back(turn: Turn, draft: Draft, order: Order, found: tuple[Case, ...]) -> Draft | Step:
    """Leave out what is in a case already, and say so."""
    lines = {line.id: line for line in order.lines}
    over = [lines[one] for one, _ in draft.parts if not left(lines[one], found)]
    says = tuple(_in_case(turn, line, found) for line in over)
    parts = tuple((one, count) for one, count in draft.parts if lines[one] not in over)
    if parts:
        return replace(draft, parts=parts, notes=(*draft.notes, *says))
    last = replace(says[-1], choices=(offers.human(turn),))
    return done(turn, order, *draft.notes, *says[:-1], last)


def _in_case(turn: Turn, line: Line, found: tuple[Case, ...]) -> Say:
    goods = {"line.goods": shown.line(line, turn.language)}
    case = pieces.case_of(line, found)
    if case is None:
        return Say("returns.none_left", goods)
    return Say("returns.already", {**goods, "case.number": case.number}, sources=(cases.source(case),))


def _rules(turn: Turn, draft: Draft, order: Order) -> Draft | Step:
    """Leave out what may not go back, and say by which rule."""
    if draft.gift == "back":  # gifts that go along were not named: they are added anew below, without a rule
        gifts = {line.id for line in order.lines if line.gift}
        draft = replace(draft, parts=tuple(part for part in draft.parts if part[0] not in gifts) or draft.parts)
    lines = [line for line in order.lines if line.id in draft.pieces]
    against = {line.id: rule for line in lines if (rule := _rule(turn, draft, order, line)) is not None}
    says = tuple(_no(turn, order, line, against[line.id]) for line in lines if line.id in against)
    entries = tuple(Say(one) for one in dict.fromkeys(ENTRIES[rule] for rule in against.values()))
    parts = tuple((one, count) for one, count in draft.parts if one not in against)
    if parts:
        return replace(draft, parts=parts, notes=(*draft.notes, *says, *entries))
    rest = replace(entries[-1], choices=_ways_out(turn, order, frozenset(against.values())))
    return ask(turn, draft, order, OPTIONAL, *says, *entries[:-1], rest)


def _rule(turn: Turn, draft: Draft, order: Order, line: Line) -> Rule | None:
    return refused_by(
        order,
        line,
        turn.shop.product(line.product_id),
        turn.return_policy,
        turn.now,
        turn.zone,
        exchange=draft.is_exchange,
        reason=draft.reason,
        condition=draft.condition,
    )


def _no(turn: Turn, order: Order, line: Line, rule: Rule) -> Say:
    policy = turn.return_policy
    days = {Rule.LATE: policy.return_days, Rule.EXCHANGE_LATE: policy.exchange_days, Rule.FAULT_LATE: policy.fault_days}
    words = {
        "line.goods": shown.line(line, turn.language),
        "order.number": order.number,
        "order.delivered": shown.day(order.delivered_at or order.created_at, turn.language, turn.zone),
        "return.days": str(days.get(rule, policy.return_days)),
    }
    return Say(f"returns.no_{rule}", words, sources=(shown.order_source(order),))


def _ways_out(turn: Turn, order: Order, against: frozenset[Rule]) -> tuple[Choice, ...]:
    """Return what may still be done: a fault counts longer, an exchange often too; a person may always be asked."""
    policy, now, zone = turn.return_policy, turn.now, turn.zone
    choices: tuple[Choice, ...] = ()
    if against <= {Rule.LATE} and not is_over(order, policy.exchange_days, now, zone):
        choices += (Choice(f"as:{EXCHANGE}", turn.phrase("returns.rather_exchange")),)
    if Rule.FAULT_LATE not in against and not is_over(order, policy.fault_days, now, zone):
        choices += (Choice("reason:quality", turn.phrase("returns.reason_quality")),)
    return (*choices, offers.human(turn))


def _how_many(turn: Turn, draft: Draft, order: Order) -> Draft | Step:
    unknown = next((one for one, count in draft.parts if not count), None)
    if unknown is None:
        return draft
    line = next(line for line in order.lines if line.id == unknown)
    rest = left(line, turn.shop.cases_of(order.number))
    choices = tuple(Choice(f"pieces:{count}", str(count)) for count in range(1, min(rest, MOST_COUNTED) + 1))
    said = Say("returns.how_many", {"line.goods": shown.counted(line, turn.language)}, choices)
    return ask(turn, draft, order, "count", said)


def _want(turn: Turn, draft: Draft, order: Order) -> Draft | Step:
    """Settle what comes instead, piece by piece. A wish is for all of them unless one of them was asked about."""
    if not draft.is_exchange:
        return draft
    lines = {line.id: line for line in order.lines}
    for one, count in draft.parts:
        before = draft.instead.get(one, "")
        others = tuple((line, sku) for line, sku in draft.wanted if line != one)
        wish = draft if before or draft.asking in ("", one) else draft.without_wish()
        came = exchanges.settle(turn, replace(wish, sku=before or wish.sku), lines[one], count)
        if isinstance(came, Say):  # also where what was there is gone by now
            open_for = replace(wish, wanted=others, asking=one)
            return ask(turn, open_for, order, "want", came)
        over = draft.asking == one and len(draft.parts) > 1
        draft = replace(draft.without_wish() if over else draft, sku="", reason=came.reason)
        draft = replace(draft, wanted=(*others, (one, came.sku)))
    return draft


def _reason(turn: Turn, draft: Draft, order: Order) -> Draft | Step:
    if (draft.reason and draft.reason != "size") or draft.is_exchange:  # an exchange needs none: why is not guessed
        return draft
    goods = [shown.line(line, turn.language) for line in order.lines if line.id in draft.pieces]
    words = {"order.number": order.number, "line.goods": shown.listed(goods, turn.language)}
    known = OF_SIZE if draft.reason else REASONS
    choices = tuple(Choice(f"reason:{reason}", turn.phrase(f"returns.reason_{reason}")) for reason in known)
    said = Say("returns.which_way") if draft.reason else Say("returns.why", words)
    return ask(turn, draft, order, "reason", replace(said, choices=choices))


def _condition(turn: Turn, draft: Draft, order: Order) -> Draft | Step:
    """Ask whether it was opened where that decides."""
    lines = [line for line in order.lines if line.id in draft.pieces]
    hygiene = [one for one in lines if is_hygiene(one, turn.shop.product(one.product_id), turn.return_policy)]
    if not hygiene or draft.condition or draft.reason in FAULTS:
        return draft
    choices = (
        Choice("condition:unopened", turn.phrase("returns.unopened")),
        Choice("condition:opened", turn.phrase("returns.was_opened")),
    )
    goods = shown.listed((shown.line(line, turn.language) for line in hygiene), turn.language)
    return ask(turn, draft, order, "condition", Say("returns.opened_yet", {"line.goods": goods}, choices))


def _photo(turn: Turn, draft: Draft, order: Order) -> Draft | Step:
    if draft.reason not in FAULTS or draft.photos or draft.no_photo:
        return draft
    choices = (Choice("photo:none", turn.phrase("returns.no_photo")),)
    return ask(turn, draft, order, "photo", Say("returns.photo", choices=choices))


def _gift(turn: Turn, draft: Draft, order: Order) -> Draft | Step:
    """Take the gifts along that have to come back; ask where the customer may rather keep and pay them."""
    if draft.is_exchange:
        return draft
    found = turn.shop.cases_of(order.number)
    fault = draft.reason in FAULTS
    due = gifts_due(order, draft.pieces, turn.return_policy.gift_from_minor, found, fault=fault)
    if not due or draft.gift == "keep":
        return draft
    if draft.gift == "back":
        return replace(draft, parts=(*draft.parts, *((gift.id, left(gift, found)) for gift in due)))
    goods = shown.listed((shown.line(gift, turn.language) for gift in due), turn.language)
    price = sum(gift.price.amount_minor * left(gift, found) for gift in due)
    words = {"gift.goods": goods, "gift.price": shown.money(replace(order.total, amount_minor=price), turn.language)}
    choices = tuple(Choice(f"gift:{what}", turn.phrase(f"returns.gift_{what}")) for what in ("back", "keep"))
    return ask(turn, draft, order, "gift", Say("returns.gift", words, choices))


def _change(turn: Turn, draft: Draft, order: Order) -> Draft | Step:
    """Ask what to put right, when the customer does not agree."""
    if not draft.changing:
        return draft
    what = ("line", *(("want",) if draft.is_exchange else ()), "reason")
    choices = tuple(Choice(f"change:{one}", turn.phrase(f"returns.change_{one}")) for one in what)
    return ask(turn, draft, order, "change", Say("returns.what_else", choices=choices))


def _beside(turn: Turn) -> frozenset[str]:
    """Return the entries that are asked about while a return, or an exchange, is talked over."""
    return BESIDE | (OF_EXCHANGES if draft_of(turn.state.slots).is_exchange else OF_RETURNS)


STAGES: tuple[Stage, ...] = (
    _is_open_for_it, _change, _which, _rules, _how_many, _want, _reason, _condition, _photo, _gift
)  # fmt: skip


SKILL = Skill(
    NAME,
    frozenset(WISHES),
    run,
    PHRASES,
    frozenset(ENTRIES.values()),
    about=frozenset({"order", "product"}),
    settles=return_wishes.settles,
    hears=FAULTS_TOLD | {"stock_question", "product_search", "size_advice", "cancel_dialogue"},
    repeats=True,
    beside=_beside,
)

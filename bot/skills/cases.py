"""Cases that are open or were: how far each has come, in words, and calling one off."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.messages import Choice, Source
from bot.shop.commands import CancelCase, Outcome
from bot.shop.port import Case, CaseKind, CaseStatus, Line, Order, OrderStatus
from bot.skills import offers, orders, proof, shown, will
from bot.skills.agreeing import says_no, says_yes
from bot.skills.asking import NAME, done
from bot.skills.draft import CANCEL
from bot.skills.refunds import VOID
from bot.skills.turn import Do, Note, Say, Step, Turn, phrases
from bot.skills.will import Will
from bot.understanding.entities import Entity
from bot.understanding.text import normal

FIELDS = "case.number case.goods case.refund case.changed"
PHRASES = phrases(
    returns="; ".join((*(f"case_{status} {FIELDS}" for status in CaseStatus), f"case_exchange {FIELDS}"))
    + "; case_label case.label; no_case order.number; open_one; nothing_to_cancel order.number; "
    "which_case order.number; case_stays case.number; sent_back case.number parcel.number; call_off_yes; call_off_no; "
    "agree_call_off_return case.number case.goods; agree_call_off_exchange case.number case.goods; "
    "called_off case.number; calling_off case.number; too_late_to_call_off case.number; called_off_late case.number"
)
ASKED = "call_off"
"""The step at which it was asked whether to call a case off."""
KINDS = {
    CaseKind.RETURN: re.compile(r"退[货貨款]|退的|退了|\breturn"),
    CaseKind.EXCHANGE: re.compile(r"[换換]|\b(?:exchange|swap)"),
}
"""Words for kinds of cases."""
JUST_NOW = re.compile(r"[刚剛]才|[刚剛]{2}|[刚剛](?:办|申|提|开|登)|\bjust\b|\bnow\b")
PARCEL = re.compile(r"(?<![a-z0-9])([a-z]{1,4}\d{7,15}|\d{11,15})(?![a-z0-9])")
SENT = re.compile(
    r"寄[出回走了]|已寄|发[出走]了|退回去|(?<!订)[单單][号號]"
    r"|\b(?:shipped|sent|posted|mailed|dropped off|tracking|waybill)\b"
)
"""Words of someone who has sent a piece back, beside the parcel's number."""
UNTOUCHED = (CaseStatus.OPEN, CaseStatus.APPROVED)
"""Nobody has acted on it: it can be called off."""
NUMBER = re.compile(r"(?<![a-z0-9])rt ?-?(\d{6,12})(?!\d)", re.IGNORECASE | re.ASCII)


def named(turn: Turn) -> str:
    """Return the number of the case that a message names, empty if it names none."""
    if turn.choice.startswith("case:") and turn.choice not in ("case:yes", "case:keep"):
        return turn.choice.removeprefix("case:")
    match = NUMBER.search(turn.text)
    return f"RT{match[1]}" if match else ""


def order_of(turn: Turn) -> str:
    """Return the number of the order of a case that the message names, if the order is shown to be this customer's."""
    number = named(turn)
    own = turn.shop.orders_of(turn.person.customer_id) if number and turn.person.customer_id else ()
    numbers = [order.number for order in own] + sorted(turn.person.proven) if number else []
    return next((one for one in numbers if any(case.number == number for case in turn.shop.cases_of(one))), "")


def parcel_in(turn: Turn) -> str:
    """Return the number of the parcel that a customer sends back, empty if none is told."""
    said = normal(turn.text)
    match = PARCEL.search(said)
    own = {number.lower() for number in turn.meaning.values("order")}
    told = match is not None and match[1] not in own and SENT.search(said) and not NUMBER.fullmatch(match[1])
    return match[1].upper() if match and told else ""


def open_ones(turn: Turn) -> tuple[Case, ...]:
    """Return the open cases of the orders that are shown to be this customer's."""
    found = (case for order in proof.own(turn) for case in turn.shop.cases_of(order.number))
    return tuple(case for case in found if case.status in UNTOUCHED)


def sent_back(turn: Turn, order: Order) -> Step | None:
    """Leave the number of the parcel that comes back to the staff; None if none is told or no case is open."""
    number = parcel_in(turn)
    found = [case for case in turn.shop.cases_of(order.number) if case.status in UNTOUCHED]
    if not number or not found:
        return None
    case = next((case for case in found if case.number == named(turn)), found[0])
    note = Note(
        f"{case.number}, order {order.number}: sent back in parcel {number}.",
        "return_parcel",
        f"{case.number}:{number}",
    )
    words = {"case.number": case.number, "parcel.number": number}
    step = done(turn, order, Say("returns.sent_back", words, (offers.human(turn),), (source(case),)))
    return replace(step, effects=(*step.effects, note))


def status(turn: Turn, order: Order, offer: bool) -> Step:
    """Tell how far each case of an order has come; where there is none, offer to open one if `offer`."""
    found = turn.shop.cases_of(order.number)
    asked = named(turn)
    found = tuple(case for case in found if case.number == asked) or found
    telling = tuple(case for case in found if case.status is not CaseStatus.CANCELLED) or found[:1]
    if telling:
        says = tuple(say for case in telling for say in told(turn, order, case))
        choices: tuple[Choice, ...] = (offers.human(turn),)
        if any(case.status in UNTOUCHED for case in telling):
            choices = (*offers.labelled(turn, (CANCEL,)), *choices)
        return _about(turn, order, done(turn, order, *says[:-1], replace(says[-1], choices=choices)))
    if order.status in (OrderStatus.RETURNED, OrderStatus.REFUNDED, OrderStatus.CANCELLED):
        return done(turn, order, *orders.status(turn, order))
    opening = (Choice("label:return_request", turn.phrase("returns.open_one")),) if offer else ()
    return _about(turn, order, done(turn, order, Say("returns.no_case", {"order.number": order.number}, opening)))


def _about(turn: Turn, order: Order, step: Step) -> Step:
    """Return the step with the order remembered for the label that it offers."""
    others = tuple(entity for entity in turn.meaning.entities if entity.kind != "order")
    return replace(step, state=step.state.asking_about("", (*others, Entity("order", order.number, 0, 0))))


def told(turn: Turn, order: Order, case: Case) -> tuple[Say, ...]:
    """Return where a case of a proven order stands, in words."""
    lines = {line.id: line for line in order.lines}
    goods = [_part(lines[p.line_id], p.quantity, turn.language) for p in case.parts if p.line_id in lines]
    words = {
        "case.number": case.number,
        "case.goods": shown.listed(goods, turn.language) or order.number,  # an amount may be for no goods
        "case.refund": shown.money(case.refund, turn.language),
        "case.changed": shown.day(case.changed_at, turn.language, turn.zone),
    }
    exchange = case.kind is CaseKind.EXCHANGE and case.status not in (*VOID, CaseStatus.EXCHANGED)
    phrase = (
        "returns.case_exchange" if exchange and case.status is CaseStatus.RECEIVED else f"returns.case_{case.status}"
    )
    said = Say(phrase, words, sources=(source(case), shown.order_source(order)))
    if case.label and case.status in UNTOUCHED:
        return said, Say("returns.case_label", {"case.label": case.label}, sources=(source(case),))
    return (said,)


def _part(line: Line, quantity: int, language: str) -> str:
    return shown.counted(replace(line, quantity=quantity), language)


def source(case: Case) -> Source:
    """Name a case, in the state it was read in, as the source of a sentence."""
    return Source(f"case:{case.number}", case.status.value)


def call_off(turn: Turn, order: Order) -> Step:
    """Close the case that is meant, where nobody has acted on it; later only people can.

    Without a yes only where it is plainly wished for and the case or its order is named.
    """
    found = [case for case in turn.shop.cases_of(order.number) if case.status not in VOID]
    if turn.state.step == ASKED and (
        asked := next((c for c in found if c.number == turn.state.slots.get("case")), None)
    ):
        if says_no(turn, "case:keep") or will.denies(normal(turn.text), CANCEL):
            return done(turn, order, Say("returns.case_stays", {"case.number": asked.number}, sources=(source(asked),)))
        if agrees(turn):
            return _close(turn, order, asked)
    meant = _meant(turn, found)
    can = [case for case in meant if case.status in UNTOUCHED]
    number = {"order.number": order.number}
    if not meant:
        return done(turn, order, Say("returns.nothing_to_cancel", number))
    if len(can) > 1:
        choices = tuple(Choice(f"case:{case.number}", _label(turn, order, case)) for case in can)
        said = Say("returns.which_case", number, (*choices, offers.human(turn)), (shown.order_source(order),))
        return Step((said,), turn.state.waiting(NAME, "case", order=order.number), proof.proof_effects(turn, order))
    if not can:
        words = {"case.number": meant[0].number}
        late = Say("returns.too_late_to_call_off", words, (offers.human(turn),), (source(meant[0]),))
        return done(turn, order, late)
    says_which = named(turn) or turn.meaning.value("order") or turn.state.step in ("order", "phone")
    if says_which and will.of(turn, CANCEL) is Will.PLAIN:
        return _close(turn, order, can[0])
    return _ask(turn, order, can[0])


def agrees(turn: Turn) -> bool:
    """Return whether a yes, or the wish once more, answers the question whether to call the case off."""
    if turn.choice:
        return turn.choice == "case:yes"
    again = turn.meaning.best == CANCEL and will.of(turn, CANCEL) is Will.PLAIN
    return again or says_yes(turn, "case:yes")


def _meant(turn: Turn, found: list[Case]) -> list[Case]:
    """Return the cases that are meant: by number, else by kind, and of these the newest where it was just opened."""
    if by_number := [case for case in found if case.number == named(turn)]:
        return by_number
    said = normal(turn.text)
    kinds = {kind for kind, words in KINDS.items() if words.search(said)}
    of_kind = [case for case in found if case.kind in kinds] if len(kinds) == 1 else []
    meant = of_kind or found
    return meant[:1] if JUST_NOW.search(said) else meant


def _ask(turn: Turn, order: Order, case: Case) -> Step:
    """Name the case and what is in it, and ask."""
    lines = {line.id: line for line in order.lines}
    goods = [_part(lines[p.line_id], p.quantity, turn.language) for p in case.parts if p.line_id in lines]
    words = {"case.number": case.number, "case.goods": shown.listed(goods, turn.language) or order.number}
    choices = (
        Choice("case:yes", turn.phrase("returns.call_off_yes")),
        Choice("case:keep", turn.phrase("returns.call_off_no")),
        offers.human(turn),
    )
    said = Say(f"returns.agree_call_off_{_kind(case)}", words, choices, (source(case), shown.order_source(order)))
    waiting = turn.state.waiting(NAME, ASKED, order=order.number, case=case.number)
    return Step((said,), waiting, proof.proof_effects(turn, order))


def _kind(case: Case) -> str:
    return "exchange" if case.kind is CaseKind.EXCHANGE else "return"


def _close(turn: Turn, order: Order, case: Case) -> Step:
    words, sources = {"case.number": case.number}, (source(case),)
    do = Do(
        CancelCase(case.number),
        {
            Outcome.DONE: Say("returns.called_off", words, sources=sources),
            Outcome.PENDING: Say("returns.calling_off", words, sources=sources),
            Outcome.REFUSED: Say("returns.called_off_late", words, (offers.human(turn),), sources),
        },
    )
    return Step((), turn.state.idle(), (*proof.proof_effects(turn, order), do))


def _label(turn: Turn, order: Order, case: Case) -> str:
    lines = {line.id: line for line in order.lines}
    goods = [_part(lines[p.line_id], p.quantity, turn.language) for p in case.parts if p.line_id in lines]
    return f"{case.number} {shown.listed(goods, turn.language)}"

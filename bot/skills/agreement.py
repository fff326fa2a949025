"""What comes of a return or an exchange, line by line, before the customer agrees; and the case once they do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.messages import Choice, Source
from bot.shop.commands import CaseLine, OpenCase, Outcome
from bot.shop.port import CaseKind, Line, Money, Order, Variant
from bot.skills import exchanges, offers, proof, shown
from bot.skills.asking import ask
from bot.skills.draft import Draft
from bot.skills.refunds import FAULTS, Refund, gifts_due, refund_of
from bot.skills.turn import Do, Say, Step, Turn, phrases

OPENED = "case.number line.goods return.send_by"
PHRASES = phrases(
    returns="sum_line line.goods sum.amount; sum_shipping sum.amount; sum_gift_kept gift.goods sum.amount; "
    "sum_gift_back gift.goods; sum_total sum.amount; sum_exchange line.goods variant; sum_same line.goods; "
    "sum_dearer sum.amount; sum_cheaper sum.amount; sum_reason return.reason; freight_ours; freight_yours; "
    "noted_photos return.photos; noted_no_photo; agree_return; agree_exchange; agree_refund; agree_yes; agree_no; "
    f"opened_return {OPENED}; opened_exchange {OPENED}; opened_refund {OPENED}; opened_resend {OPENED}; "
    "pending line.goods; refused order.number"
)
NEXT = ("returns-pickup", "refund-time")
"""Entries offered once a case is open."""


def agree(turn: Turn, draft: Draft, order: Order) -> Step:
    """Open the case if the customer has just agreed; else show what would come of it, and ask."""
    refund = _refund(turn, draft, order)
    if draft.agreed:
        return _open(turn, draft, order, refund)
    kind = _kind(draft)
    choices = (
        Choice("agree:yes", turn.phrase("returns.agree_yes")),
        Choice("agree:no", turn.phrase("returns.agree_no")),
    )
    says = (*_exchange(turn, draft, order), *_sums(turn, draft, order, refund), *_terms(turn, draft))
    return ask(turn, draft, order, "agree", *says, Say(f"returns.agree_{kind}", choices=choices))


def _kind(draft: Draft) -> CaseKind:
    """Missing pieces cannot come back: only money does, or the same again."""
    if draft.is_exchange:
        return CaseKind.EXCHANGE
    return CaseKind.REFUND if draft.reason == "missing" else CaseKind.RETURN


def _swaps(turn: Turn, draft: Draft, order: Order) -> list[tuple[Line, Variant, int]]:
    """Return each line of an exchange with what comes instead and how many pieces."""
    swaps = []
    for line in order.lines:
        if line.id in draft.pieces:
            product = turn.shop.product(line.product_id)
            variants = product.variants if product else ()
            variant = next(variant for variant in variants if variant.sku == draft.instead[line.id])
            swaps.append((line, variant, draft.pieces[line.id]))
    return swaps


def _source(turn: Turn, line: Line) -> tuple[Source, ...]:
    product = turn.shop.product(line.product_id)
    return (exchanges.source_of(product),) if product else ()


def _difference(turn: Turn, draft: Draft, order: Order) -> Money:
    """Return what an exchange costs more or less; a fault costs nobody anything."""
    sums = [
        exchanges.difference(line, variant, turn.person.tier, count).amount_minor
        for line, variant, count in _swaps(turn, draft, order)
        if not (draft.reason in FAULTS and variant.sku == line.sku)
    ]
    return Money(sum(sums), order.total.currency)


def _refund(turn: Turn, draft: Draft, order: Order) -> Refund:
    """Return what goes back in the end: of an exchange what the new piece is cheaper, never more than was paid."""
    found = turn.shop.cases_of(order.number)
    fault, policy = draft.reason in FAULTS, turn.return_policy
    if draft.is_exchange:
        whole = refund_of(order, draft.pieces, found, fault=False)
        cheaper = max(0, -_difference(turn, draft, order).amount_minor)
        return replace(whole, total_minor=min(cheaper, whole.total_minor))
    goods = {line.id: draft.pieces[line.id] for line in order.lines if line.id in draft.pieces}
    due = gifts_due(order, goods, policy.gift_from_minor, found, fault=fault) if draft.gift == "keep" else ()
    kept = [gift.id for gift in due]
    return refund_of(order, goods, found, fault=fault, with_shipping=policy.shipping_back, gifts_kept=kept)


def sums(turn: Turn, draft: Draft, order: Order) -> tuple[Say, ...]:
    """Return what would go back for the pieces as far as they are known."""
    known = replace(draft, parts=tuple((one, count or 1) for one, count in draft.parts))
    return _sums(turn, known, order, _refund(turn, known, order))


def _exchange(turn: Turn, draft: Draft, order: Order) -> tuple[Say, ...]:
    if not draft.is_exchange:
        return ()
    says: list[Say] = []
    sources: list[Source] = []
    for line, variant, count in _swaps(turn, draft, order):
        source = (*_source(turn, line), shown.order_source(order))
        sources += source
        words = {"line.goods": shown.counted(replace(line, quantity=count), turn.language)}
        if variant.sku == line.sku:
            says.append(Say("returns.sum_same", words, sources=source))
        else:
            words["variant"] = exchanges.label(variant, turn.language)
            says.append(Say("returns.sum_exchange", words, sources=source))
    difference = _difference(turn, draft, order)
    if difference.amount_minor > 0:
        amount = {"sum.amount": shown.money(difference, turn.language)}
        says.append(Say("returns.sum_dearer", amount, sources=tuple(dict.fromkeys(sources))))
    return tuple(says)


def _sums(turn: Turn, draft: Draft, order: Order, refund: Refund) -> tuple[Say, ...]:
    """Return the sum, one sentence for each of its parts."""
    lines = {line.id: line for line in order.lines}
    source = (shown.order_source(order),)

    def amount(minor: int) -> dict[str, str]:
        return {"sum.amount": shown.money(Money(minor, refund.currency), turn.language)}

    if draft.is_exchange:
        cheaper = Say("returns.sum_cheaper", amount(refund.total_minor), sources=source)
        return (cheaper,) if refund.total_minor else ()
    says: list[Say] = []
    for share in refund.shares:
        goods = shown.counted(replace(lines[share.line_id], quantity=share.quantity), turn.language)
        if lines[share.line_id].gift:
            says.append(Say("returns.sum_gift_back", {"gift.goods": goods}, sources=source))
        else:
            says.append(Say("returns.sum_line", {"line.goods": goods, **amount(share.amount_minor)}, sources=source))
    for gift in refund.gifts:
        goods = shown.counted(replace(lines[gift.line_id], quantity=gift.quantity), turn.language)
        says.append(Say("returns.sum_gift_kept", {"gift.goods": goods, **amount(gift.amount_minor)}, sources=source))
    if refund.shipping_minor:
        says.append(Say("returns.sum_shipping", amount(refund.shipping_minor), sources=source))
    says.append(Say("returns.sum_total", amount(refund.total_minor), sources=source))
    return tuple(says)


def _terms(turn: Turn, draft: Draft) -> tuple[Say, ...]:
    """Return the reason as it was understood, who pays the way back, and what is noted of pictures."""
    told = _told(turn, draft)
    says: tuple[Say, ...] = (Say("returns.sum_reason", {"return.reason": told}),) if told else ()
    if draft.reason in FAULTS:
        count = {"return.photos": str(len(draft.photos))}
        says += (Say("returns.noted_photos", count) if draft.photos else Say("returns.noted_no_photo"),)
    if draft.reason == "missing":
        return says
    return (*says, Say("returns.freight_ours" if draft.reason in FAULTS else "returns.freight_yours"))


def _told(turn: Turn, draft: Draft) -> str:
    """Return the reason in the customer's words, else as it was picked; empty where none was told."""
    return draft.words or (turn.phrase(f"returns.reason_{draft.reason}") if draft.reason else "")


def _open(turn: Turn, draft: Draft, order: Order, refund: Refund) -> Step:
    kind = _kind(draft)
    exchange = kind is CaseKind.EXCHANGE
    lines = tuple(CaseLine(one, count, draft.instead[one] if exchange else "") for one, count in draft.parts)
    dearer = _difference(turn, draft, order) if exchange else None
    to_pay = dearer if dearer is not None and dearer.amount_minor > 0 else None
    words = _told(turn, draft)
    command = OpenCase(
        kind, order.number, lines, draft.reason, words, refund.total, draft.photos, draft.condition, to_pay
    )
    phrase = "resend" if draft.reason == "missing" and kind is CaseKind.EXCHANGE else kind.value
    goods = [
        shown.counted(replace(line, quantity=draft.pieces[line.id]), turn.language)
        for line in order.lines
        if line.id in draft.pieces
    ]
    send_by = turn.now + timedelta(days=turn.return_policy.send_days)
    fields = {
        "line.goods": shown.listed(goods, turn.language),
        "return.send_by": shown.day(send_by, turn.language, turn.zone),
    }
    source = (shown.order_source(order),)
    human = offers.human(turn)
    said = {
        Outcome.DONE: Say(f"returns.opened_{phrase}", fields, (*offers.labelled(turn, NEXT), human), source),
        Outcome.PENDING: Say("returns.pending", {"line.goods": fields["line.goods"]}, (human,), source),
        Outcome.REFUSED: Say("returns.refused", {"order.number": order.number}, (human,), source),
    }
    return Step((), turn.state.idle(), (*proof.proof_effects(turn, order), Do(command, said)))

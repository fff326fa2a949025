"""Returns: which order, which piece, may it go back, why; then a case. Exchanges and late returns go to a human."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.messages import Choice
from bot.shop.port import Line, Order, OrderStatus
from bot.skills import goods, orders, proof, shown
from bot.skills.choices import is_question
from bot.skills.turn import HUMAN, Handoff, OpenReturn, Say, Skill, Step, Turn, phrases
from bot.understanding.entities import Entity

NAME = "returns"
SAID, AGAIN = "reason:said", "reason:again"
"""Choices when a reason in the customer's own words is read back: take it, ask again."""
MOST_KEPT = 200
"""Characters of a reason."""
REASONS = ("size", "quality", "look", "other")
FAULTS = frozenset({"damaged_item", "wrong_item"})
"""Complaints that are a reason when a reason was asked for."""
PHRASES = phrases(
    returns="which_line order.number; why line.goods order.number; reason_size; reason_quality; reason_look; "
    "reason_other; confirm_reason return.reason; reason_yes; reason_again; "
    "opened case.number line.goods; already case.number; not_delivered order.number; "
    "unpaid order.number; cancelled order.number; "
    "too_late order.number order.delivered; not_returnable line.goods; refunded order.number; "
    "exchange_to_human order.number; no_case order.number; open_one"
)
LATE, EXCLUSIONS = "returns-late", "returns-exclusions"
"""Entries with the rule."""
NOT_YET = {
    OrderStatus.UNPAID: "returns.unpaid",
    OrderStatus.CANCELLED: "returns.cancelled",
    OrderStatus.REFUNDED: "returns.refunded",
}


def run(turn: Turn) -> Step | None:
    """Open a return case after the policy check, or say kindly why not and offer a human."""
    waits = turn.state.skill == NAME
    if waits and not _answers(turn):
        return None
    wish = turn.state.slots.get("wish", "return_request") if waits else turn.meaning.best
    if waits and turn.meaning.value("order"):  # another order in the middle: from the beginning, with the same wish
        turn = replace(turn, state=turn.state.waiting(NAME, "order", order="", line=""))
    found = proof.find_order(turn, NAME, lambda order: _likely(order, wish))
    if isinstance(found, Step):
        return replace(found, state=found.state.keeping(wish=wish))
    if wish == "exchange_request":
        said = Say("returns.exchange_to_human", {"order.number": found.number}, sources=(shown.order_source(found),))
        effects = proof.proof_effects(turn, found)
        return Step((said,), turn.state.idle(), effects, Handoff(f"exchange {found.number}", 1))
    return _refund(turn, found) if wish == "refund_status" else _check(turn, found)


def _answers(turn: Turn) -> bool:
    """Return whether the message answers what was asked last. A question is never taken for a reason."""
    if turn.meaning.value("order"):
        return True
    if turn.state.step == "line":
        names = bool(goods.named_now(turn)) or goods.kind(turn) is not None
        return turn.choice.startswith("line:") or (not turn.meaning.best and names)
    if turn.state.step == "reason":
        return turn.choice.startswith("reason:") or (not turn.choice and _is_reason(turn))
    if turn.state.step == "confirm":
        return turn.choice.startswith("reason:") or turn.meaning.best in ("affirm", "deny")
    return proof.answers(turn)


def _is_reason(turn: Turn) -> bool:
    """`too small` looks like an exchange, `I don't like it` like an entry: only a clear wish is more than a reason."""
    best = turn.meaning.best
    if best in FAULTS:
        return True
    if is_question(turn.text) or not any(character.isalpha() for character in turn.text):
        return False
    about_returns = best in SKILL.intents and turn.meaning.margin <= 0
    return not best or about_returns or (best, turn.language) in turn.knowledge.entries


def _likely(order: Order, wish: str) -> bool:
    over = (OrderStatus.RETURNED, OrderStatus.REFUNDED) if wish == "refund_status" else ()
    return order.status in (OrderStatus.DELIVERED, *over)


def _is_late(turn: Turn, order: Order) -> bool:
    return order.delivered_at is None or turn.now > order.delivered_at + timedelta(days=turn.return_days)


def _check(turn: Turn, order: Order) -> Step:
    """Walk through the rules of the order, then of the piece."""
    number = {"order.number": order.number}
    if order.status is OrderStatus.RETURNED:
        return _done(turn, order, *orders.status(turn, order))
    if order.status is not OrderStatus.DELIVERED:
        return _done(turn, order, Say(NOT_YET.get(order.status, "returns.not_delivered"), number))
    piece = _line(turn, order)
    if isinstance(piece, Step):
        return piece
    if (case := turn.shop.open_return(piece.id)) is not None:
        return _done(turn, order, Say("returns.already", {"case.number": case}))
    if _is_late(turn, order):
        delivered = shown.day(order.delivered_at or order.created_at, turn.language, turn.zone)
        late = Say("returns.too_late", {**number, "order.delivered": delivered})
        return _done(turn, order, late, Say(LATE))
    words = {"line.goods": shown.line(piece, turn.language)}
    if not _returnable(turn, piece):
        return _done(turn, order, Say("returns.not_returnable", words), Say(EXCLUSIONS))
    return _reason(turn, order, piece, words)


def _refund(turn: Turn, order: Order) -> Step:
    """Tell how far the money is; offer to open a return where there is none and it is not too late for one."""
    if order.status in (OrderStatus.RETURNED, OrderStatus.REFUNDED, OrderStatus.CANCELLED):
        return _done(turn, order, *orders.status(turn, order))
    cases = [case for line in order.lines if (case := turn.shop.open_return(line.id)) is not None]
    if cases:
        return _done(turn, order, *(Say("returns.already", {"case.number": case}) for case in cases))
    may_open = order.status is OrderStatus.DELIVERED and not _is_late(turn, order)
    offer = (Choice("label:return_request", turn.phrase("returns.open_one")),) if may_open else ()
    step = _done(turn, order, Say("returns.no_case", {"order.number": order.number}, offer))
    named = tuple(entity for entity in turn.meaning.entities if entity.kind != "order")
    return replace(step, state=step.state.asking_about(turn.text, (*named, Entity("order", order.number, 0, 0))))


def _done(turn: Turn, order: Order, *says: Say) -> Step:
    first = replace(says[0], sources=(shown.order_source(order),))
    return Step((first, *says[1:]), turn.state.idle(), proof.proof_effects(turn, order))


def _line(turn: Turn, order: Order) -> Line | Step:
    chosen = turn.choice.removeprefix("line:") if turn.choice.startswith("line:") else turn.state.slots.get("line")
    for item in order.lines:
        if item.id == chosen:
            return item
    meant = goods.named(turn)
    fitting = tuple(item for item in order.lines if meant.means(item)) or order.lines
    fitting = goods.of_kind(turn, fitting) or fitting
    if len(fitting) == 1:
        return fitting[0]
    choices = tuple(Choice(f"line:{item.id}", shown.counted(item, turn.language)) for item in fitting)
    said = Say("returns.which_line", {"order.number": order.number}, choices, (shown.order_source(order),))
    waiting = turn.state.waiting(NAME, "line", order=order.number, wish="return_request")
    return Step((said,), waiting, proof.proof_effects(turn, order))


def _returnable(turn: Turn, piece: Line) -> bool:
    product = next((p for p in turn.shop.products() if p.id == piece.product_id), None)
    return product is None or product.returnable


def _reason(turn: Turn, order: Order, piece: Line, words: dict[str, str]) -> Step:
    """Ask why; read a reason in the customer's own words back once, as it may have been meant for something else."""
    step = turn.state.step if turn.state.skill == NAME else ""
    picked = turn.choice if turn.choice.startswith("reason:") else ""
    if step not in ("reason", "confirm") or picked == AGAIN or (step == "confirm" and turn.meaning.best == "deny"):
        return _why(turn, order, piece, words)
    if step == "reason" and not picked:
        return _read_back(turn, turn.text[:MOST_KEPT])
    reason = turn.state.slots["reason"] if step == "confirm" else picked.removeprefix("reason:")
    opened = Say("returns.opened", words, sources=(shown.order_source(order),))
    case = OpenReturn(order.number, piece.id, reason, opened)
    return Step((), turn.state.idle(), (*proof.proof_effects(turn, order), case))


def _why(turn: Turn, order: Order, piece: Line, words: dict[str, str]) -> Step:
    choices = tuple(Choice(f"reason:{r}", turn.phrase(f"returns.reason_{r}")) for r in REASONS)
    said = Say("returns.why", {**words, "order.number": order.number}, choices, (shown.order_source(order),))
    waiting = turn.state.waiting(NAME, "reason", order=order.number, line=piece.id, wish="return_request")
    return Step((said,), waiting, proof.proof_effects(turn, order))


def _read_back(turn: Turn, reason: str) -> Step:
    choices = (
        Choice(SAID, turn.phrase("returns.reason_yes")),
        Choice(AGAIN, turn.phrase("returns.reason_again")),
        Choice(HUMAN, turn.phrase("dialogue.human_choice")),
    )
    said = Say("returns.confirm_reason", {"return.reason": reason}, choices)
    return Step((said,), turn.state.waiting(NAME, "confirm", reason=reason))


SKILL = Skill(
    NAME,
    frozenset({"return_request", "exchange_request", "refund_status"}),
    run,
    PHRASES,
    frozenset({LATE, EXCLUSIONS}),
    about=frozenset({"order", "product"}),
    hears=FAULTS,
)

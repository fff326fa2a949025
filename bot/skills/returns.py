"""Returns: which order, which piece, may it go back, why; then a case. Exchanges and late returns go to a human."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.messages import Choice
from bot.shop.port import Line, Order, OrderStatus
from bot.skills import shown
from bot.skills.proof import find_order, mentions, proof_effects
from bot.skills.turn import Handoff, OpenReturn, Say, Skill, Step, Turn, phrases
from bot.understanding.text import normal

NAME = "returns"
REASONS = ("size", "quality", "look", "other")
PHRASES = phrases(
    returns="which_line order.number; why line.goods order.number; reason_size; reason_quality; reason_look; "
    "reason_other; opened case.number line.goods; already case.number; not_delivered order.number; "
    "too_late order.number order.delivered; not_returnable line.goods; refunded order.number; "
    "exchange_to_human order.number"
)
REFUND_STATES = {OrderStatus.RETURNED: "orders.returned", OrderStatus.REFUNDED: "returns.refunded"}


def run(turn: Turn) -> Step | None:
    """Open a return case after the policy check, or say kindly why not and offer a human."""
    waits = turn.state.skill == NAME
    if waits and turn.state.step in ("line", "reason") and not _answers_question(turn):
        return None
    if waits and turn.state.step in ("order", "phone") and not _names_order(turn):
        return None
    wish = turn.state.slots.get("wish", "return_request") if waits else turn.meaning.best
    about = turn.state.slots.get("about", "") if waits else turn.text
    found = find_order(turn, NAME)
    if isinstance(found, Step):
        return replace(found, state=found.state.keeping(wish=wish, about=about))
    if wish == "exchange_request":
        said = Say("returns.exchange_to_human", {"order.number": found.number}, sources=(shown.order_source(found),))
        return Step((said,), turn.state.idle(), proof_effects(turn, found), Handoff(f"exchange {found.number}", 1))
    return _check(turn, found, about)


def _names_order(turn: Turn) -> bool:
    if turn.choice.startswith("order:") or turn.meaning.value("order") or turn.meaning.value("phone_end"):
        return True
    return turn.state.step == "phone" and any(character.isdigit() for character in turn.text)


def _answers_question(turn: Turn) -> bool:
    return bool(turn.choice) or turn.meaning.margin < 0.0 or bool(turn.meaning.values("product"))


def _check(turn: Turn, order: Order, about: str) -> Step:
    """Walk through the rules of the order, then of the piece."""
    fields = {"order.number": order.number}
    if order.status in REFUND_STATES:
        more = {"order.goods": shown.lines(order.lines, turn.language), "order.total": shown.money(order.total, turn.language)}
        return _done(turn, order, Say(REFUND_STATES[order.status], {**fields, **more}))
    if order.status is not OrderStatus.DELIVERED or order.delivered_at is None:
        return _done(turn, order, Say("returns.not_delivered", fields))
    if turn.now > order.delivered_at + timedelta(days=turn.return_days):
        delivered = shown.day(order.delivered_at, turn.language, turn.zone)
        return _done(turn, order, Say("returns.too_late", {**fields, "order.delivered": delivered}), Say("returns-late"))
    piece = _line(turn, order, about)
    if isinstance(piece, Step):
        return piece
    goods = {"line.goods": shown.line(piece, turn.language)}
    if (case := turn.shop.open_return(piece.id)) is not None:
        return _done(turn, order, Say("returns.already", {"case.number": case}))
    if not _returnable(turn, piece):
        return _done(turn, order, Say("returns.not_returnable", goods), Say("returns-exclusions"))
    return _reason(turn, order, piece, goods)


def _done(turn: Turn, order: Order, *says: Say) -> Step:
    first = replace(says[0], sources=(shown.order_source(order),))
    return Step((first, *says[1:]), turn.state.idle(), proof_effects(turn, order))


def _line(turn: Turn, order: Order, about: str) -> Line | Step:
    chosen = turn.choice.removeprefix("line:") if turn.choice.startswith("line:") else turn.state.slots.get("line")
    for item in order.lines:
        if item.id == chosen:
            return item
    if len(order.lines) == 1:
        return order.lines[0]
    fitting = tuple(item for item in order.lines if mentions(turn, item) or _described(item, about))
    if len(fitting) == 1:
        return fitting[0]
    choices = tuple(Choice(f"line:{item.id}", shown.line(item, turn.language)) for item in fitting or order.lines)
    said = Say("returns.which_line", {"order.number": order.number}, choices, (shown.order_source(order),))
    waiting = turn.state.waiting(NAME, "line", order=order.number, about=about)
    return Step((said,), waiting, proof_effects(turn, order))


def _described(item: Line, about: str) -> bool:
    """Return whether the first words of the customer ("the blue dress") fit this piece."""
    text = normal(about)
    colours = {normal(c) for c in item.colour.values()} | {normal(c).removesuffix("色") for c in item.colour.values()}
    kinds = {normal(item.name["zh"])[-2:], normal(item.name["en"]).split()[-1]}
    return any(kind in text for kind in kinds) and (
        any(colour and colour in text for colour in colours) or not any(c in text for c in COLOUR_WORDS)
    )


COLOUR_WORDS = ("blue", "red", "white", "black", "green", "pink", "grey", "蓝", "红", "白", "黑", "绿", "粉", "灰")


def _returnable(turn: Turn, piece: Line) -> bool:
    product = next((p for p in turn.shop.products() if p.id == piece.product_id), None)
    return product is None or product.returnable


def _reason(turn: Turn, order: Order, piece: Line, goods: dict[str, str]) -> Step:
    asked = turn.state.skill == NAME and turn.state.step == "reason"
    if not asked:
        choices = tuple(Choice(f"reason:{r}", turn.phrase(f"returns.reason_{r}")) for r in REASONS)
        said = Say("returns.why", {**goods, "order.number": order.number}, choices, (shown.order_source(order),))
        waiting = turn.state.waiting(NAME, "reason", order=order.number, line=piece.id)
        return Step((said,), waiting, proof_effects(turn, order))
    reason = turn.choice.removeprefix("reason:") if turn.choice.startswith("reason:") else turn.text[:200]
    opened = Say("returns.opened", goods, sources=(shown.order_source(order),))
    case = OpenReturn(order.number, piece.id, reason, opened)
    return Step((), turn.state.idle(), (*proof_effects(turn, order), case))


SKILL = Skill(NAME, frozenset({"return_request", "exchange_request", "refund_status"}), run, PHRASES)

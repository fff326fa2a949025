"""Coupons: which the customer has and until when, and why one does not work. None is ever made up."""

from __future__ import annotations

import re

from bot.messages import Source
from bot.shop.port import Cart, Coupon, Money
from bot.skills import offers, shown
from bot.skills.turn import OPTIONAL, Say, Skill, Step, Turn, phrases
from bot.understanding.text import normal

NAME, WISH = "coupons", "coupon_request"
NEW, NOT_WORKING, WHERE = "coupon-new-customer", "coupon-not-working", "coupon-where"
ABOUT_ONES_OWN = frozenset({WHERE, NOT_WORKING, "coupon-expired", "coupon-use"})
"""Entries to which the customer's own coupons are added."""
MOST_SHOWN = 5
MOST_NAMED = 5
"""Products named of those that a coupon is for."""
CODE = re.compile(
    r"(?:券码|优惠码|折扣码|兑换码|券|\bcode|\bcoupon|\bvoucher)\s*(?:is|是|为|:)?\s*#?([a-z\d][a-z\d_-]{3,24})",
    re.ASCII,
)
BARE_CODE = re.compile(r"(?<![a-z\d-])([a-z]{3,12}\d{1,4})(?![a-z\d-])", re.ASCII)
"""What looks like a code, without a word for it: an `iphone15` does, too."""
CAPITALS = re.compile(r"(?<![A-Za-z\d-])[A-Z]{3,12}\d{1,4}(?![A-Za-z\d-])", re.ASCII)
"""A code as shops print it."""
USES = re.compile(
    r"[能可][不以]?[能可]?以?用|用(?:不了|得了|不上|得上)|抵|\b(?:use|appl(?:y|ies)|works?|(?:in)?valid|accepted|redeem)\b"
    r"|\b(?:gives?|shows?) (?:me )?an error\b"
)
FIELDS = "coupon.code coupon.amount"
PHRASES = phrases(
    coupons=f"yours; one {FIELDS} coupon.least coupon.ends; one_unending {FIELDS} coupon.least; none; not_linked; "
    f"used {FIELDS}; ended {FIELDS} coupon.ends; too_little {FIELDS} coupon.least cart.total cart.missing; "
    f"good {FIELDS} coupon.least coupon.ends; good_unending {FIELDS} coupon.least; not_yours coupon.code; "
    f"only_for coupon.code coupon.goods; and_more; not_for {FIELDS} coupon.goods; not_of_tier {FIELDS}; "
    f"too_little_of {FIELDS} coupon.least coupon.goods cart.total cart.missing"
)


def run(turn: Turn) -> Step | None:
    """Tell what the customer's coupons are good for, the one that is named or all; the newcomer's by its entry."""
    if turn.state.skill == NAME and turn.state.step == OPTIONAL:
        return _named_now(turn)
    label = turn.meaning.best
    if turn.person.customer_id is None:
        return _to_guest(turn) if label == WISH else None
    coupons = turn.shop.coupons_of(turn.person.customer_id)
    code = _code(turn, coupons)
    if code:
        return _about(turn, code, coupons)
    if label in (NOT_WORKING, "coupon-expired"):
        says = _why_not(turn, coupons)
        return _said(turn, *says) if says else None
    usable = [one for one in coupons if not one.used and not _is_over(one, turn) and one.is_open_to(turn.person.tier)]
    if usable:
        return _said(turn, Say("coupons.yours"), *(say for one in usable[:MOST_SHOWN] for say in _one(turn, one)))
    return _without(turn) if label == WISH else None


def _to_guest(turn: Turn) -> Step:
    """Whose account is not known is told of the newcomer's coupon, and where the others are."""
    return _said(turn, Say("coupons.not_linked"), Say(NEW), Say(WHERE, choices=(offers.human(turn),)))


def _without(turn: Turn) -> Step:
    is_new = not turn.shop.orders_of(turn.person.customer_id or "")
    said = Say(NEW) if is_new else Say(WHERE, choices=(offers.human(turn),))
    return _said(turn, Say("coupons.none"), said)


def _said(turn: Turn, *says: Say) -> Step:
    return Step(says, turn.state.waiting(NAME, OPTIONAL))


def _named_now(turn: Turn) -> Step | None:
    """Go on about a coupon that is named; anything else is not for this skill."""
    if turn.meaning.best or turn.person.customer_id is None:
        return None
    coupons = turn.shop.coupons_of(turn.person.customer_id)
    code = _code(turn, coupons)
    return _about(turn, code, coupons) if code else None


def _settles(turn: Turn) -> str:
    """Return the wish of someone who asks, of a code, whether it can be used, whatever goods are named beside it."""
    meaning, said = turn.meaning, normal(turn.text)
    if turn.choice or turn.state.skill or meaning.best or meaning.parts or meaning.value("order"):
        return ""
    coupons = turn.shop.coupons_of(turn.person.customer_id) if turn.person.customer_id else ()
    code = bare_code(turn) or _code(turn, coupons)
    return WISH if code and USES.search(said) else ""


def bare_code(turn: Turn) -> str:
    """Return what stands for a code without a word for it, in small letters.

    It is printed in capitals, or coupons are worth asking about; what is known as something else is no code.
    """
    said, things = normal(turn.text), turn.meaning.entities
    for found in BARE_CODE.finditer(said):
        known = any(one.start < found.end(1) and found.start(1) < one.end for one in things)
        printed = {one.group().lower() for one in CAPITALS.finditer(turn.text)}
        if not known and (found[1] in printed or WISH in turn.meaning.possible):
            return found[1]
    return ""


def _code(turn: Turn, coupons: tuple[Coupon, ...]) -> str:
    """Return the code that a message names: one of the customer's own, else what is called a code."""
    said = normal(turn.text)
    own = next(
        (one.code for one in coupons if re.search(rf"(?<![a-z\d]){re.escape(normal(one.code))}(?![a-z\d])", said)), ""
    )
    called = match[1] if (match := CODE.search(said)) else bare_code(turn) if USES.search(said) else ""
    return own or (called.upper() if any(sign.isdigit() for sign in called) else "")


def _about(turn: Turn, code: str, coupons: tuple[Coupon, ...]) -> Step:
    found = next((one for one in coupons if one.code == code), None)
    human = offers.human(turn)
    if found is None:
        return _said(turn, Say("coupons.not_yours", {"coupon.code": code}), Say(NOT_WORKING, choices=(human,)))
    said = _obstacle(turn, found)
    if said is None:
        return _said(turn, *_good(turn, found), Say(NOT_WORKING, choices=(human,)))
    entry = {"coupons.used": NOT_WORKING, "coupons.ended": "coupon-expired"}.get(said.id, "coupon-use")
    return _said(turn, said, Say(entry, choices=(human,)))


def _why_not(turn: Turn, coupons: tuple[Coupon, ...]) -> list[Say]:
    """Return of each coupon what stands in its way, else on what condition it is good."""
    says: list[Say] = []
    for one in coupons[:MOST_SHOWN]:
        obstacle = _obstacle(turn, one)
        says += _good(turn, one) if obstacle is None else (obstacle,)
    return says


def _is_over(coupon: Coupon, turn: Turn) -> bool:
    return coupon.ends_at is not None and coupon.ends_at <= turn.now


def _obstacle(turn: Turn, coupon: Coupon) -> Say | None:
    """Return what stands in the way of a coupon, by the cart as it is now; None if nothing is seen."""
    fields = _fields(turn, coupon)
    if coupon.used:
        return Say("coupons.used", _only(fields, "coupon.code", "coupon.amount"), sources=(_source(coupon),))
    if _is_over(coupon, turn):
        return Say(
            "coupons.ended", _only(fields, "coupon.code", "coupon.amount", "coupon.ends"), sources=(_source(coupon),)
        )
    if not coupon.is_open_to(turn.person.tier):
        words = _only(fields, "coupon.code", "coupon.amount")
        return Say("coupons.not_of_tier", words, sources=(_source(coupon),))
    cart = turn.shop.open_cart(turn.person.customer_id or "")
    if cart is None or cart.total.currency != coupon.least.currency:
        return None
    total = _counted(turn, cart, coupon)
    sources = (_source(coupon), Source(f"cart:{cart.id}", cart.status))
    goods = {"coupon.goods": _goods(turn, coupon)} if coupon.is_limited else {}
    if goods and cart.lines and not total.amount_minor:
        words = {**_only(fields, "coupon.code", "coupon.amount"), **goods}
        return Say("coupons.not_for", words, sources=sources)
    missing = coupon.least.amount_minor - total.amount_minor
    if missing <= 0:
        return None
    money = {
        "cart.total": shown.money(total, turn.language),
        "cart.missing": shown.money(Money(missing, total.currency), turn.language),
    }
    words = {**_only(fields, "coupon.code", "coupon.amount", "coupon.least"), **money, **goods}
    return Say("coupons.too_little_of" if goods else "coupons.too_little", words, sources=sources)


def _counted(turn: Turn, cart: Cart, coupon: Coupon) -> Money:
    """Return what the goods of a cart that the coupon is for come to."""
    if not coupon.is_limited:
        return cart.total
    products = {line.product_id: turn.shop.product(line.product_id) for line in cart.lines}
    fitting = [line for line in cart.lines if (one := products[line.product_id]) is not None and coupon.is_for(one)]
    return Money(sum(line.price.amount_minor * line.quantity for line in fitting), cart.total.currency)


def _goods(turn: Turn, coupon: Coupon) -> str:
    """Return what a limited coupon is for, by the names of what is on sale."""
    names = [shown.name(one.name, turn.language) for one in turn.shop.products() if coupon.is_for(one)]
    more = [turn.phrase("coupons.and_more")] if len(names) > MOST_NAMED else []
    return shown.listed((*names[:MOST_NAMED], *more), turn.language)


def _good(turn: Turn, coupon: Coupon) -> tuple[Say, ...]:
    return _with_goods(turn, coupon, "good" if coupon.ends_at else "good_unending")


def _one(turn: Turn, coupon: Coupon) -> tuple[Say, ...]:
    return _with_goods(turn, coupon, "one" if coupon.ends_at else "one_unending")


def _with_goods(turn: Turn, coupon: Coupon, phrase: str) -> tuple[Say, ...]:
    source = (_source(coupon),)
    said = Say(f"coupons.{phrase}", _fields(turn, coupon), sources=source)
    if not coupon.is_limited:
        return (said,)
    words = {"coupon.code": coupon.code, "coupon.goods": _goods(turn, coupon)}
    return (said, Say("coupons.only_for", words, sources=source))


def _fields(turn: Turn, coupon: Coupon) -> dict[str, str]:
    fields = {
        "coupon.code": coupon.code,
        "coupon.amount": shown.money(coupon.amount, turn.language),
        "coupon.least": shown.money(coupon.least, turn.language),
    }
    if coupon.ends_at is not None:
        fields["coupon.ends"] = shown.time_of(coupon.ends_at, turn.language, turn.zone)
    return fields


def _only(fields: dict[str, str], *names: str) -> dict[str, str]:
    return {name: fields[name] for name in names}


def _source(coupon: Coupon) -> Source:
    return Source(f"coupon:{coupon.code}", "used" if coupon.used else "unused")


SKILL = Skill(
    NAME,
    frozenset({WISH}),
    run,
    PHRASES,
    frozenset({NEW, NOT_WORKING, WHERE, "coupon-expired", "coupon-use"}),
    adds_to=ABOUT_ONES_OWN,
    settles=_settles,
)

"""Requests that a person finishes: the rule first where there is one, then the queue with what was said."""

from __future__ import annotations

from bot.skills.turn import Handoff, Say, Skill, Step, Turn, phrases

PHRASES = phrases(desk="passing_on; complaint")
ERRANDS: dict[str, dict[str, str]] = {  # skill → intent → the entry that tells the rule
    "invoices": {"invoice_request": "invoice-how"},
    "coupons": {"coupon_request": "coupon-new-customer"},
    "payments": {"payment_trouble": "payment-failed", "cart_help": "payment-failed"},
    "price_protection": {"price_protection_request": "price-protection"},
    "restock": {"restock_notice": "stock-restock"},
}
COMPLAINTS = {
    "complaint": "",
    "damaged_item": "aftersale-quality",
    "wrong_item": "aftersale-wrong-item",
    "missing_item": "aftersale-missing-item",
    "lost_parcel": "shipping-nobody-home",
}


def _errand(turn: Turn, rule: str) -> Step:
    says = (Say(rule),) if rule else ()
    return Step((*says, Say("desk.passing_on")), turn.state.idle(), handoff=Handoff(turn.meaning.best, 1))


def _errands(rules: dict[str, str]) -> Skill:
    name = next(name for name, errands in ERRANDS.items() if errands is rules)
    said = frozenset(rules.values())
    return Skill(name, frozenset(rules), lambda turn: _errand(turn, rules.get(turn.meaning.best, "")), PHRASES, said)


def complain(turn: Turn) -> Step:
    """Say sorry, tell what we do in such a case, and put the conversation at the front of the queue."""
    rule = COMPLAINTS.get(turn.meaning.best, "")
    says = (Say("desk.complaint"), *((Say(rule),) if rule else ()))
    return Step(says, turn.state.idle(), handoff=Handoff(turn.meaning.best, 2))


SKILLS = (
    *(_errands(rules) for rules in ERRANDS.values()),
    Skill("complaints", frozenset(COMPLAINTS), complain, PHRASES, frozenset(filter(None, COMPLAINTS.values()))),
)

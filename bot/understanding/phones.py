"""Phone numbers: whole ones, and the last four digits that prove an order."""

from __future__ import annotations

import re

from bot.understanding.entity import ALONE, SAID, Entity, Read, plain, rules

LEAST_DIGITS, MOST_DIGITS = 8, 15
"""Of a number with its country (E.164)."""


def _mobile(match: re.Match[str]) -> Read | None:
    return "+86" + "".join(match.groups()), ""


def _foreign(match: re.Match[str]) -> Read | None:
    digits = re.sub(r"\D", "", match[0])
    return (f"+{digits}", "") if LEAST_DIGITS <= len(digits) <= MOST_DIGITS else None


def _national(match: re.Match[str]) -> Read | None:
    return re.sub(r"\D", "", match[0]), ""


MOBILE = r"(?<![\da-z])(?:\+?(?:00)?86[ -]?)?(1[3-9]\d)[ -]?(\d{4})[ -]?(\d{4})(?!\d)"
FOREIGN = r"(?<!\d)\+[1-9]\d{0,3}(?:[ -]?\(?\d{1,4}\)?){2,5}(?!\d)"
LANDLINE = r"(?<!\d)(?:\(0\d{2,3}\)|0\d{2,3}-) ?\d{7,8}(?!\d)|(?<![\d-])400-?\d{3}-?\d{4}(?!\d)"
AMERICAN = r"(?<![\d-])(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])\d{3}[-.]\d{4}(?![\d-])"
WHOLE = (
    *rules(("phone", MOBILE, _mobile), ("phone", FOREIGN, _foreign), ("phone", LANDLINE, _national), confidence=SAID),
    *rules(("phone", AMERICAN, _national), confidence=ALONE),
)
ENDINGS = rules(
    ("phone_end", r"(?:尾号|[末后]四[位个]|手机号?|电话)\D{0,6}(\d{4})(?!\d)", plain()),
    ("phone_end", r"(?:last (?:four|4)(?: digits)?|ends|ending)\D{0,6}(\d{4})(?!\d)", plain()),
    ("phone_end", r"\bphone(?: (?:number|no|end|ends with|ending))?\D{0,6}(\d{4})(?!\d)", plain()),
)
RULES = WHOLE + ENDINGS
GATE = re.compile(r"\d{4}", re.ASCII)


def ending(phone: Entity) -> Entity:
    """Return the last four digits of a whole number, which lie within it: one thing said, known by two names."""
    return Entity("phone_end", phone.value[-4:], phone.end - 4, phone.end, confidence=phone.confidence)

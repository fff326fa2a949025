"""One thing that a message names, and the rules by which such things are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "ALONE",
    "BESIDE",
    "CHECKED",
    "SAID",
    "TAKEN",
    "Entity",
    "Read",
    "Reader",
    "Rule",
    "plain",
    "rules",
    "spoken",
]

CHECKED = 1.0
"""The form leaves no doubt: a check digit is right, or the shop's own settings say how it looks."""
SAID = 0.9
"""A number with its unit, or a word that is said for nothing else."""
ALONE = 0.7
"""The form alone; something else may look the same."""
BESIDE = 0.5
"""Read only because of what stands beside it."""

TAKEN = "\0"
"""Stands for a character that is part of something found already."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing found.

    Attributes:
        kind: order, order_other, parcel, phone, phone_end, address, money, date, span, size, size_label, height,
            weight, chest, waist, hip, foot, length, colour, region or product.
        value: a number as text (lengths in cm, weight in kg, foot in mm, money in minor units), an ISO date, two of
            them with `/` between, a phone number in E.164, or the id of the thing.
        start, end: position in `normal(text)`; of a product, from its first word to its last.
        unit: what `value` counts in (cm, kg, mm, a currency, day); of a parcel the carrier, of a size its system, of
            an address the part; empty where nothing is to be said.
        confidence: how surely the thing is what `kind` says, 0 to 1: CHECKED, SAID, ALONE or BESIDE.
        negated: it is named as what is not, or no longer, meant.
    """

    kind: str
    value: str
    start: int
    end: int
    unit: str = ""
    confidence: float = SAID
    negated: bool = False


Read = tuple[str, str]
"""Value and unit."""
Reader = Callable[[re.Match[str]], Read | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one form of a thing is read; a rule without a kind takes what is none of these things."""

    kind: str
    pattern: re.Pattern[str]
    read: Reader
    confidence: float


def rules(*rows: tuple[str, str, Reader], confidence: float = SAID) -> tuple[Rule, ...]:
    """Return rules from (kind, regular expression, reader)."""
    # ASCII: `m` before a Chinese character ends a word
    return tuple(Rule(kind, re.compile(pattern, re.ASCII), read, confidence) for kind, pattern, read in rows)


def plain(unit: str = "") -> Reader:
    """Return a reader of the first group as it stands, in capitals."""
    return lambda match: (match[1].upper(), unit)


DIGITS = "零一二三四五六七八九"
SPOKEN = r"(?<![零一二两三四五六七八九十百千万])([零一二两三四五六七八九十百千万]{1,9})"
_TIMES = {"十": 10, "百": 100, "千": 1000}


def spoken(said: str) -> float:
    """Return the number that Chinese numerals spell: `一百一十`, `一百一`, or digit by digit `一六五`."""
    said = said.replace("两", "二")
    if not set("十百千万") & set(said):
        return float("".join(str(DIGITS.index(sign)) for sign in said))
    total, part, digit = 0, 0, 0
    for sign in said:
        if sign in DIGITS:
            digit = DIGITS.index(sign)
        elif sign == "万":
            total, part, digit = (total + part + digit) * 10_000, 0, 0
        else:
            part, digit = part + (digit or 1) * _TIMES[sign], 0
    short = {"百": 10, "千": 100, "万": 1000}.get(said[-2:-1], 1)
    return float(total + part + digit * short)

"""Numbers with units in answers: what two texts must not say differently."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
SMALL = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
LARGE = {"twenty": 20, "twenty-four": 24, "thirty": 30, "forty-eight": 48, "sixty": 60, "seventy-two": 72, "ninety": 90}
WORDS = {word: value for value, word in enumerate(SMALL.split(), 1)} | LARGE
UNITS = (
    ("days", r"个?(?:工作|自然)?[天日](?!无理由)", r"(?:working |business |calendar |natural )?days?\b"),
    ("hours", r"个?小时", r"(?:hours?|hrs?|h)\b"),
    ("minutes", r"分钟", r"(?:minutes?|mins?)\b"),
    ("weeks", r"个?(?:星期|礼拜|周)", r"weeks?\b"),
    ("months", r"个月", r"months?\b"),
    ("years", r"年", r"years?\b"),
    ("%", r"[%％]", r"(?:%|percent|per cent)"),
    ("money", r"(?:元|块钱?|人民币)", r"(?:yuan|rmb|cny|dollars?|usd)\b"),
    ("kg", r"(?:公斤|千克)", r"(?:kg|kilos?)\b"),
    ("points", r"积分", r"points?\b"),
    ("pieces", r"[件双条只]", r"(?:pieces?|pairs?|items?)\b"),
)
_AMOUNT = r"\d+(?:,\d{3})*(?:\.\d+)?|[零〇一二两三四五六七八九十百]+|" + "|".join(sorted(WORDS, key=len, reverse=True))
_RANGE = r"(?:\s*(?:to|-|–|—|~|～|至|到|or|或)\s*(?:" + _AMOUNT + "))?"
_UNIT = "|".join(f"(?P<u{place}>{chinese}|{english})" for place, (_, chinese, english) in enumerate(UNITS))
MEASURED = re.compile(rf"(?<![\w.{{])(?P<amount>(?:{_AMOUNT}){_RANGE})[\s-]*(?:{_UNIT})", re.IGNORECASE)
MEASURED_ZH = re.compile(rf"(?P<amount>(?:{_AMOUNT}){_RANGE})\s*(?:{_UNIT})", re.IGNORECASE)
PRICED = re.compile(r"[¥￥$]\s*(?P<amount>\d+(?:,\d{3})*(?:\.\d+)?)")
ONE = re.compile(_AMOUNT, re.IGNORECASE)
IDIOM = re.compile(r"[一1]\s*[件天年日双条只元块]|\b(?:one|1) (?:piece|pair|item|day|yuan)s?\b", re.IGNORECASE)
"""`一件`, `one piece`, `1 元`: a unit is meant, no number."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number or a range with its unit, and where it stands in the text.

    Attributes:
        values: one, or two of a range.
        unit: the first name of its row in `UNITS`.
    """

    values: tuple[float, ...]
    unit: str
    text: str
    start: int

    @property
    def what(self) -> tuple[str, tuple[float, ...]]:
        return self.unit, self.values


def amounts(text: str, language: str) -> Iterator[Amount]:
    """Yield every number of `text` that has a unit. Fields such as `{policy.return_days}` are none."""
    for found in (MEASURED_ZH if language == "zh" else MEASURED).finditer(text):
        if IDIOM.fullmatch(found[0]):
            continue
        unit = next(UNITS[int(name[1:])][0] for name, own in found.groupdict().items() if own and name != "amount")
        values = tuple(_value(one[0]) for one in ONE.finditer(found["amount"]))
        yield Amount(values, unit, found[0].strip(), found.start())
    for found in PRICED.finditer(text):
        yield Amount((float(found["amount"].replace(",", "")),), "money", found[0], found.start())


def _value(written: str) -> float:
    plain = written.replace(",", "").casefold()
    if plain in WORDS:
        return float(WORDS[plain])
    return float(plain) if plain[0].isascii() else float(_chinese(plain))


def _chinese(written: str) -> int:
    """Return the value of `十五`, `一百二十`, `三`."""
    total, digit = 0, 0
    for character in written:
        if character in DIGITS:
            digit = DIGITS[character]
        else:
            total += max(digit, 1) * (100 if character == "百" else 10)
            digit = 0
    return total + digit

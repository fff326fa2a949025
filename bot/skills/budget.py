"""What a customer wants to pay at most, and whether the cheapest is asked for."""

from __future__ import annotations

import re

from babel.numbers import get_currency_precision

_SIGN = r"(?:[¥￥$€£₩]|(?:cny|rmb|usd|hkd|jpy|krw|eur|gbp))?\s*"
_UNIT = r"\s*(?:元|块钱?)?\s*"
_SUM = rf"{_SIGN}(?:\d{{2,7}}{_UNIT}(?:到|至|[-–—~～]|to)\s*{_SIGN})?(\d{{2,7}})"
"""Of a range the end counts."""
MOST = re.compile(
    rf"(?:不超过|不超過|最多|不高于|(?<![不别])(?<![不别][要能])(?:低于|少于)|预算(?:是|在|大概|大约)?|[¥￥])\s*{_SUM}"
    r"(?:元|块钱?)?(?:以内|以下|之内)?(?!\d|[斤码号岁天]|cm|kg)"
    rf"|{_SUM}\s*(?:元|块钱?|[日韩美欧港]元|美金|円)?(?:以内|以下|之内)"
    r"|(?<!\bno )(?<!\bnot )(?<!n't )(?<!\bnothing )"
    r"\b(?:under|below|less than|up to|at most|no more than|cheaper than|budget(?: of| is)?|max(?:imum)?(?: of)?)"
    rf"\s*{_SUM}\b(?! ?(?:cm|mm|kg|lbs?|days?|hours?|years?|months?|%))"
)
CHEAPEST = re.compile(
    r"最便宜|最低价|价格最低|最实惠|\b(?:cheapest|least expensive|most affordable|lowest[- ]price[sd]?)\b"
)
NOT_MONEY = re.compile(r"(?:身高|体重|高|重|尺码|码)[^,，。]{0,3}$")
NAMED = (
    (re.compile(r"[¥￥]"), {"CNY", "JPY"}),
    (re.compile(r"人民币|\d\s*块|\b(?:cny|rmb|yuan)\b"), {"CNY", "HKD", "MOP", "TWD"}),
    (re.compile(r"\$|\bdollars?\b"), {"USD", "HKD", "SGD", "AUD", "CAD", "NZD", "TWD"}),
    (re.compile(r"日[元圆币]|円|\b(?:jpy|yen)\b"), {"JPY"}),
    (re.compile(r"韩[元币]|₩|\b(?:krw|won)\b"), {"KRW"}),
    (re.compile(r"美[元金]|\busd\b"), {"USD"}),
    (re.compile(r"港[元币]|\bhkd\b"), {"HKD"}),
    (re.compile(r"欧元|€|\b(?:eur|euros?)\b"), {"EUR"}),
    (re.compile(r"英镑|£|\b(?:gbp|pounds?)\b"), {"GBP"}),
)
"""Words and signs for money, and the currencies that they may mean. `元` is said of many."""


def most_minor(said: str, currency: str) -> int | None:
    """Return what `said` (normal form) names as the most to be paid, in minor units of `currency`.

    None if it names nothing, or names it in another currency.
    """
    if any(words.search(said) and currency not in meant for words, meant in NAMED):
        return None
    for match in MOST.finditer(said):
        if not NOT_MONEY.search(said[: match.start()]):
            major = int(next(group for group in match.groups() if group))
            return major * int(10 ** get_currency_precision(currency))
    return None


def wants_cheapest(said: str) -> bool:
    """Return whether the cheapest goods of a kind are asked for."""
    return CHEAPEST.search(said) is not None

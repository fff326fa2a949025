"""What a customer wants to pay at most, and whether the cheapest is asked for."""

from __future__ import annotations

import re

MOST = re.compile(
    r"(?:不超过|不超過|最多|不高于|低于|少于|预算(?:是|在|大概|大约)?|[¥￥])\s*(\d{2,5})(?:元|块钱?)?(?:以内|以下|之内)?(?!\d|[斤码号岁天]|cm|kg)"
    r"|(\d{2,5})\s*(?:元|块钱?)?(?:以内|以下|之内)"
    r"|\b(?:under|below|less than|up to|at most|no more than|cheaper than|budget(?: of| is)?|max(?:imum)?(?: of)?)"
    r"\s*(?:¥|￥|cny|rmb)?\s*(\d{2,5})\b(?! ?(?:cm|mm|kg|lbs?|days?|hours?|years?|months?|%))"
)
CHEAPEST = re.compile(
    r"最便宜|最低价|价格最低|最实惠|\b(?:cheapest|least expensive|most affordable|lowest[- ]price[sd]?)\b"
)
NOT_MONEY = re.compile(r"(?:身高|体重|高|重|尺码|码)[^,，。]{0,3}$")


def most_minor(said: str) -> int | None:
    """Return what `said` (normal form) names as the most to be paid, in minor units; None if it names nothing."""
    for match in MOST.finditer(said):
        if not NOT_MONEY.search(said[: match.start()]):
            return int(next(group for group in match.groups() if group)) * 100
    return None


def wants_cheapest(said: str) -> bool:
    """Return whether the cheapest goods of a kind are asked for."""
    return CHEAPEST.search(said) is not None

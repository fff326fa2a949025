"""Days that have a name: sales, holidays of the sun's calendar and festivals of the moon's."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

FIXED = {  # month, day → names
    (1, 1): "元旦|new year'?s?(?: day)?",
    (2, 14): "情人节|valentine'?s?(?: day)?",
    (3, 8): "三八节?|妇女节|女神节|38节|38大促|women'?s day",
    (5, 1): "五一|劳动节|labou?r day",
    (5, 20): "520(?=买|下单|活动|那天|礼物|当天)",
    (6, 1): "六一|儿童节|children'?s day",
    (6, 18): "618|六一八|6\\.18|年中大促",
    (10, 1): "国庆节?|十一(?=假期|长假|买|下单|期间)|national day",
    (11, 11): "双十一|双11|11\\.11|光棍节|singles'? day|double (?:eleven|11)",
    (12, 12): "双十二|双12|12\\.12|double (?:twelve|12)",
    (12, 24): "平安夜|christmas eve",
    (12, 25): "圣诞节?|christmas|xmas",
}
LUNAR = {  # month, day of the Chinese calendar → names
    (1, 1): "春节|大年初一|过年|chinese new year|lunar new year|spring festival",
    (1, 15): "元宵节?|lantern festival",
    (5, 5): "端午节?|dragon boat(?: festival)?",
    (7, 7): "七夕节?|qixi",
    (8, 15): "中秋节?|mid-?autumn(?: festival)?|moon festival",
    (9, 9): "重阳节?",
}
THURSDAY = 3


@lru_cache(maxsize=64)
def _lunar(year: int, month: int, day: int) -> date:
    """Return when a day of the Chinese year that begins in `year` falls."""
    from lunar_python import Lunar  # its tables are read only when someone names a festival

    solar = Lunar.fromYmd(year, month, day).getSolar()
    return date(solar.getYear(), solar.getMonth(), solar.getDay())


def _qingming(year: int) -> date:
    """The sun's own festival; good for the years 2000 to 2099."""
    short = year % 100
    return date(year, 4, int(short * 0.2422 + 4.81) - short // 4)


def _black_friday(year: int) -> date:
    first = date(year, 11, 1)
    return first + timedelta((THURSDAY - first.weekday()) % 7 + 22)


def _fixed(month: int, day: int) -> Callable[[int], date]:
    return lambda year: date(year, month, day)


def _of_moon(month: int, day: int) -> Callable[[int], date]:
    return lambda year: _lunar(year, month, day)


_DAYS: tuple[tuple[str, Callable[[int], date]], ...] = (
    *((names, _of_moon(*day)) for day, names in LUNAR.items()),
    ("除夕|大年三十", lambda year: _lunar(year, 1, 1) - timedelta(1)),
    ("清明节?|qingming", _qingming),
    ("黑五|黑色星期五|black friday", _black_friday),
    *((names, _fixed(*day)) for day, names in FIXED.items()),
)
NAMES = "|".join(f"(?P<f{i}>{names})" for i, (names, _) in enumerate(_DAYS))
"""Finds a festival; the group that matched is its number in front of `f`."""


def festival(match: re.Match[str], year: int) -> date:
    """Return the day in `year` of the festival that `NAMES` matched."""
    number = next(i for i in range(len(_DAYS)) if match[f"f{i}"])
    return _DAYS[number][1](year)

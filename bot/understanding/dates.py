"""Days and spans of days that a message names, relative to today in the shop's zone.

What can be past or future is past, as customers ask about what they bought; unless `next` or the like is said.
A day is an ISO date, a span two of them, first and last, with `/` between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from bot.understanding.entity import ALONE, SAID, SPOKEN, Read, Rule, rules, spoken
from bot.understanding.festivals import NAMES, festival

DAY, WEEK = timedelta(1), timedelta(7)
FURTHEST_DAYS = 3660
"""Beyond ten years nobody means a day."""
NEAR = {
    "大前天": -3,
    "前天": -2,
    "昨天": -1,
    "昨晚": -1,
    "昨日": -1,
    "昨儿": -1,
    "今天": 0,
    "今日": 0,
    "今晚": 0,
    "今早": 0,
    "今儿": 0,
    "明天": 1,
    "明日": 1,
    "明晚": 1,
    "明早": 1,
    "后天": 2,
    "大后天": 3,
    "the day before yesterday": -2,
    "day before yesterday": -2,
    "yesterday": -1,
    "last night": -1,
    "today": 0,
    "tonight": 0,
    "tomorrow": 1,
    "the day after tomorrow": 2,
    "day after tomorrow": 2,
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
WEEKDAYS_ZH = "一二三四五六日天"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAY = r"(mon|tues?|wed|thurs?|fri|sat|sun)(?:day|nesday|urday|sday|rsday)?\b"
FULL_WEEKDAY = r"(mon|tues|wednes|thurs|fri|satur|sun)day\b"
COUNT = rf"(?:(?<![\d.])(\d{{1,3}})|(half a|an?|one|two|three|four|five|six|seven|ten|a couple of|a few|半|{SPOKEN}))"
WORDS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "ten": 10,
    "a couple of": 2,
    "a few": 3,
    "half a": 0.5,
    "半": 0.5,
}
DAYS_IN = {
    "天": 1,
    "日": 1,
    "周": 7,
    "星期": 7,
    "礼拜": 7,
    "月": 30,
    "年": 365,
    "day": 1,
    "week": 7,
    "month": 30,
    "year": 365,
}
YEARS = {"今年": 0, "this": 0, "去年": -1, "明年": 1}
STEPS = {"上": -1, "last": -1, "past": -1, "下": 1, "next": 1}
COMING = frozenset({"by", "until", "till", "before"})
LATER = r"(?P<later>期间(?!买)|(?:那天)?(?:会|能|有活动|有优惠|有什么活动|还发|发不发))?"
"""Said behind a festival it tells that the next one is meant."""
WHICH = r"((?:上{1,2}|下{1,2}|这|本)个?)"
UNIT_ZH, UNIT_EN = r"个?(天|日|周|星期|礼拜|月|年)", r" ?(day|week|month|year)s?"
MONTH_ZH, DAY_ZH = r"(\d{1,2}|[一二三四五六七八九十]{1,2})", r"(\d{1,2}|[一二三四五六七八九十]{1,3})"
DAY_EN = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
DONE = r"(?=买|下单|下的|拍|付|订|发|到|收|签收|寄|退|那天|之前|以前|之后|左右|早上|上午|下午|晚上|中午|的)"

ARRIVING = r"(?=(?:(?:[之以]?前|左右)(?:能|会|要|必须|一定)?|能|会|必须|一定要?)(?:到|送到|收到|寄到)(?![的了过]))"
"""Behind a day that something is to arrive on, so it is still to come."""


def _on(day: date | None) -> Read | None:
    return (day.isoformat(), "day") if day else None


def _span(first: date, last: date) -> Read:
    return f"{first.isoformat()}/{last.isoformat()}", "day"


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _iso(match: re.Match[str]) -> Read | None:
    return _on(_day(int(match[1]), int(match[2]), int(match[3])))


def _first_of_month(today: date, months: int) -> date:
    """Return the first day of the month that many months from this one."""
    at = today.year * 12 + today.month - 1 + months
    return date(at // 12, at % 12 + 1, 1)


def _steps(which: str | None) -> int:
    """Return how many weeks or months from this one `which` means: `上上个` is -2."""
    return sum(which.count(word) * step for word, step in STEPS.items()) if which else 0


def _latest(today: date, month: int, day: int) -> date | None:
    """Return the last such day that is not after today."""
    return next((on for year in (today.year, today.year - 1) if (on := _day(year, month, day)) and on <= today), None)


def _count(match: re.Match[str]) -> float:
    return float(match[1]) if match[1] else WORDS[match[2]] if match[2] in WORDS else spoken(match[3])


def _days(match: re.Match[str]) -> int | None:
    """How many days are said: of the groups of COUNT and the unit after them."""
    days = round(_count(match) * DAYS_IN[match[4]])
    return days if 0 < days <= FURTHEST_DAYS else None


@dataclass(frozen=True, slots=True)
class _Calendar:
    """Readers of days as said on one day."""

    today: date

    @property
    def monday(self) -> date:
        return self.today - self.today.weekday() * DAY

    def near(self, match: re.Match[str]) -> Read | None:
        return _on(self.today + NEAR[match[1]] * DAY)

    def month_day(self, match: re.Match[str]) -> Read | None:
        years = YEARS.get(match[1] or "")
        month, day = (int(said) if said.isdigit() else int(spoken(said)) for said in (match[2], match[3]))
        return _on(_latest(self.today, month, day) if years is None else _day(self.today.year + years, month, day))

    def english(self, match: re.Match[str]) -> Read | None:
        month, day = MONTHS.index(match["month"][:3]) + 1, int(match["day"])
        return _on(_day(int(match["year"]), month, day) if match["year"] else _latest(self.today, month, day))

    def of_month(self, match: re.Match[str]) -> Read | None:
        """`上个月3号`, and `3号` alone, which is the last one."""
        months = (_steps(match[1]),) if match[1] else (0, -1, -2)
        firsts = (_first_of_month(self.today, month) for month in months)
        days = (_day(first.year, first.month, int(match[2])) for first in firsts)
        return _on(next((day for day in days if day and (match[1] or day <= self.today)), None))

    def coming_of_month(self, match: re.Match[str]) -> Read | None:
        """`10号之前能到吗`: the next one."""
        firsts = (_first_of_month(self.today, month) for month in (0, 1, 2))
        days = (_day(first.year, first.month, int(match[1])) for first in firsts)
        return _on(next((day for day in days if day and day >= self.today), None))

    def weekday(self, match: re.Match[str]) -> Read | None:
        return _on(self.monday + _steps(match[1]) * WEEK + min(WEEKDAYS_ZH.index(match[2]), 6) * DAY)

    def weekend(self, match: re.Match[str]) -> Read | None:
        saturday = self.monday + _steps(match[1]) * WEEK + 5 * DAY
        return _span(saturday, saturday + DAY)

    def english_weekday(self, match: re.Match[str]) -> Read | None:
        """`last Friday` is the one before today, `by Friday` the next; without a word it is that of this week."""
        index = WEEKDAYS.index(match[2][:3])
        if match[1] in COMING:
            return _on(self.today + (index - self.today.weekday()) % 7 * DAY)
        if match[1] == "last":
            return _on(self.today - ((self.today.weekday() - index - 1) % 7 + 1) * DAY)
        return _on(self.monday + index * DAY + _steps(match[1]) * WEEK)

    def week(self, match: re.Match[str]) -> Read | None:
        first = self.monday + _steps(match[1]) * WEEK
        return _span(first, first + 6 * DAY)

    def month(self, match: re.Match[str]) -> Read | None:
        months = _steps(match[1])
        return _span(_first_of_month(self.today, months), _first_of_month(self.today, months + 1) - DAY)

    def ago(self, match: re.Match[str]) -> Read | None:
        days = _days(match)
        return _on(self.today - days * DAY) if days else None

    def since(self, match: re.Match[str]) -> Read | None:
        days = _days(match)
        return _span(self.today - days * DAY, self.today) if days else None

    def named(self, match: re.Match[str]) -> Read | None:
        said = (match[1] or "").strip(" 的")
        if said in YEARS:
            return _on(festival(match, self.today.year + YEARS[said]))
        step = 1 if said == "next" or match["later"] else -1
        days = (festival(match, year) for year in (self.today.year, self.today.year + step))
        return _on(next((day for day in days if (day > self.today if step > 0 else day <= self.today)), None))


@lru_cache(maxsize=4)
def dated(today: date) -> tuple[Rule, ...]:
    """Return the rules that read days as said on `today`."""
    read = _Calendar(today)
    sure = rules(
        ("date", r"(?<![\d.])(20\d\d)[-/.年] ?(\d{1,2})[-/.月] ?(\d{1,2})[日号]?(?!\d)", _iso),
        ("date", rf"(?<![\d.])(今年|去年|明年)?{MONTH_ZH} ?月 ?{DAY_ZH} ?[号日]?", read.month_day),
        ("date", rf"\b(?P<month>{MONTH})\.? ?{DAY_EN}(?![\d.:])(?:,? (?P<year>20\d\d))?", read.english),
        ("date", rf"(?<![\d.]){DAY_EN} (?:of )?(?P<month>{MONTH})\b\.?(?:,? (?P<year>20\d\d))?", read.english),
        ("date", r"((?:上|这|本|下)个?)月(\d{1,2})[号日]", read.of_month),
        ("date", rf"{WHICH}?(?:周|星期|礼拜)([{WEEKDAYS_ZH}])", read.weekday),
        ("span", rf"{WHICH}?周末", read.weekend),
        ("date", rf"\b(last|this|next|on|by|until|till|before) {WEEKDAY}", read.english_weekday),
        ("date", rf"{COUNT} ?{UNIT_ZH}(?:之?前|以前)", read.ago),
        ("date", rf"\b{COUNT}{UNIT_EN} (?:ago|back)\b", read.ago),
        ("span", rf"{COUNT} ?{UNIT_ZH}多?了", read.since),
        ("span", rf"\b(?:wait(?:ing|ed)?|been) (?:for )?(?:over |more than )?{COUNT}{UNIT_EN}(?: now)?\b", read.since),
        ("span", rf"(?<![a-z]){COUNT}{UNIT_EN} (?:now|already)\b", read.since),
        ("span", rf"{WHICH}(?:周|星期|礼拜)(?![{WEEKDAYS_ZH}末])", read.week),
        ("span", r"\b(last|this|next|past) week\b", read.week),
        ("span", r"((?:上|这|本|下)个?)月(?!\d)", read.month),
        ("span", r"\b(last|this|next) month\b", read.month),
        (
            "date",
            rf"(?<![\d.])(今年的?|去年的?|明年的?|last |this |next )?(?:{NAMES})(?![\d.]?\d|[a-z]){LATER}",
            read.named,
        ),
        ("date", rf"({'|'.join(sorted(NEAR, key=len, reverse=True))})(?:'?s\b)?", read.near),
        confidence=SAID,
    )
    alone = rules(
        ("date", rf"(?<![\d./月])(\d{{1,2}})[号日]{ARRIVING}", read.coming_of_month),
        ("date", rf"(?<![\d./月])()(\d{{1,2}})[号日]{DONE}", read.of_month),
        ("date", rf"\b(){FULL_WEEKDAY}", read.english_weekday),
        confidence=ALONE,
    )
    return sure + alone


GATE = re.compile(
    r"[天日周月年号昨今明节前]|星期|礼拜|双1|双十|圣诞|春节|国庆|元旦|元宵|端午|中秋|清明|七夕|重阳|除夕|五一|六一|黑五|平安夜|618|520"
    r"|\d\.1[128]|day|night|week|month|year|tomorrow|mon\b|tues?\b|wed\b|thurs?\b|fri\b|sat\b|sun\b|christmas|xmas|festival"
    r"|valentine|dragon|autumn|qixi|qingming|double|20\d\d"
    rf"|{MONTH}",
    re.ASCII,
)

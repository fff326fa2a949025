"""Sums of money: what a message says with a currency, in minor units."""

from __future__ import annotations

import re

from bot.understanding.entity import SPOKEN, Read, rules, spoken

CURRENCIES = {  # currency → signs before the number, words after it
    "CNY": (r"¥|rmb|cny|人民币", "元|块钱?|人民币|rmb|cny|yuan|kuai|圆"),
    "HKD": (r"hk\$|hkd", "港币|港元|hkd|hk dollars?"),
    "TWD": (r"nt\$|twd", "新?台币|twd"),
    "JPY": (r"jpy|jp¥", "日元|日圆|円|yen|jpy"),
    "USD": (r"us\$|usd|\$", "美元|美金|美刀|刀|usd|us dollars?|dollars?|bucks"),
    "EUR": (r"€|eur", "欧元|euros?|eur|€"),
    "GBP": (r"£|gbp", "英镑|gbp|quid|pounds sterling|£"),
}
WITHOUT_CENTS = frozenset({"JPY", "TWD"})
SUM = r"(?<![\d.])(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,8})(?P<part>\.\d{1,2})?(?![\d.]?\d)"
YUAN = CURRENCIES["CNY"][1]
TIMES = {"万": 10_000, "千": 1000, "k": 1000}
_SIGNS = {sign: currency for currency, (signs, _) in CURRENCIES.items() for sign in signs.replace("\\", "").split("|")}
_BEFORE = "|".join(signs for signs, _ in CURRENCIES.values())
_AFTER = "|".join(f"(?P<{currency}>{words})" for currency, (_, words) in CURRENCIES.items() if currency != "CNY")
ENDS = r"(?![a-z])"


def _minor(units: float, currency: str) -> Read | None:
    amount_minor = round(units * (1 if currency in WITHOUT_CENTS else 100))
    return (str(amount_minor), currency) if amount_minor else None


def _units(match: re.Match[str], times: str | None = None) -> float:
    return (float(match["whole"].replace(",", "")) + float(match["part"] or 0)) * TIMES.get(times or "", 1)


def _signed(match: re.Match[str]) -> Read | None:
    return _minor(_units(match, match["times"]), _SIGNS[match["sign"]])


def _yuan(match: re.Match[str]) -> Read | None:
    """`199块`, `1.2万元`, and `12块5`, where what follows is tenths."""
    tenths = float("0." + match["tenths"]) if match["tenths"] else 0.0
    return _minor(_units(match, match["times"]) + tenths, "CNY")


def _foreign(match: re.Match[str]) -> Read | None:
    currency = next(currency for currency in CURRENCIES if currency != "CNY" and match[currency])
    return _minor(_units(match, match["times"]), currency)


def _spoken(match: re.Match[str]) -> Read | None:
    return _minor(spoken(match[1]) + (spoken(match[2]) / 10 if match[2] else 0), "CNY")


def _spoken_foreign(match: re.Match[str]) -> Read | None:
    currency = next(currency for currency in CURRENCIES if currency != "CNY" and match[currency])
    return _minor(spoken(match[1]), currency)


def _jiao(match: re.Match[str]) -> Read | None:
    return _minor(float(match[1]) / 10, "CNY")


RULES = rules(
    ("money", rf"(?<![a-z])(?P<sign>{_BEFORE}) ?{SUM}(?P<times>万|k\b)?(?: ?(?:元|块钱?|rmb|yuan)(?!\d))?", _signed),
    (
        "money",
        rf"{SUM} ?(?P<times>万|千|k)? ?(?:块(?P<tenths>\d{{1,2}})(?!\d|[件条双个天月号码])|(?:{YUAN}){ENDS})",
        _yuan,
    ),
    ("money", rf"{SUM} ?(?P<times>万|千|k)? ?(?:{_AFTER}){ENDS}", _foreign),
    ("money", rf"{SPOKEN} ?(?:块([一二三四五六七八九])(?![件条双个十百])|(?:元|块钱))", _spoken),
    ("money", rf"(?!一块){SPOKEN}块(?!儿)", lambda match: _minor(spoken(match[1]), "CNY")),
    ("money", rf"{SPOKEN} ?(?:{_AFTER}){ENDS}", _spoken_foreign),
    ("money", r"(?<![\d.])(\d) ?[毛角]钱?", _jiao),
)
GATE = re.compile(rf"{_BEFORE}|[元块圆刀毛角円€£]|yuan|kuai|dollar|buck|euro|eur\b|quid|sterling|yen|[币镑金]")

"""Measures of people and garments: heights, weights, girths, feet and lengths, in every unit people write."""

from __future__ import annotations

import re

from bot.understanding.entity import ALONE, BESIDE, DIGITS, SPOKEN, Read, Reader, Rule, rules, spoken
from bot.understanding.fit import CHILD, whose

MEASURES = ("height", "weight", "chest", "waist", "hip", "foot")
"""What size charts know of."""
Bounds = tuple[float, float]

JIN_KG = 0.5
LB_KG = 0.45359237
STONE_LB = 14
INCH_CM = 2.54
CHI_CM = 100 / 3
HEIGHT_CM = (90.0, 230.0)
WEIGHT_KG = (10.0, 250.0)
GIRTH_CM = (30.0, 200.0)
FOOT_MM = (80.0, 350.0)
BARE_FOOT = ((13.5, 32.0), (100.0, 320.0))
"""A foot in cm, or in mm, where no unit is said; what is less or in between is a size of shoes."""
CHILDS_FOOT_CM = 10.0
"""The least that a bare number is where a child is spoken of."""
LENGTH_CM = (1.0, 400.0)
INCHES_BELOW_CM = 45
"""A girth below this can only be in inches."""

INCH = r"(?:\"|''|”|″|′′|in\b|inch(?:es)?|英?寸|吋)"
NUMBER = r"(?<![\d.])(\d{1,3}(?:\.\d{1,2})?)"
CHI = rf"(?<![\d.])(\d|[{DIGITS[1:]}两]) ?尺 ?(\d|[{DIGITS[1:]}])?"
GIRTHS = (("chest", "胸围|chest|bust"), ("waist", "腰围|waist|腰"), ("hip", "臀围|hips?"))
LENGTHS = r"衣长|袖长|裤长|裙长|肩宽|内长|鞋跟|跟高|inseam|sleeve(?: length)?|shoulders?|(?<!foot )length|heels?"
FEET = r"脚长|[左右]脚|脚(?=\d)|foot|feet"
FOOT_IS = "(?: length| is| are| measures?)*"
FOOT_TO = r"(?:(?!号|码|尺|[英美欧日]|u[sk]\b|eu|size|jp)\D){0,4}"
"""What may stand between the word and the number: nothing that makes the number a size of shoes."""
NO_SHOE_SIZE = r"(?!\.?\d| ?(?:[号码]|u[sk]\b|eu\b|jp\b))"
CM_OF = {"mm": 0.1, "毫米": 0.1, "m": 100.0, "米": 100.0}
OTHER_UNIT = r"(?!\d| ?(?:斤|公斤|kg|lb|元|块|%|mm|重))"


def _within(value: float, bounds: Bounds, unit: str) -> Read | None:
    return (f"{value:g}", unit) if bounds[0] <= value <= bounds[1] else None


def _number(bounds: Bounds, unit: str, factor: float = 1.0) -> Reader:
    return lambda match: _within(round(float(match[1]) * factor, 1), bounds, unit)


def _spoken(bounds: Bounds, unit: str, factor: float = 1.0) -> Reader:
    return lambda match: _within(spoken(match[1]) * factor, bounds, unit)


def _metres(match: re.Match[str]) -> Read | None:
    part = match[2] or ""
    return _within(float(match[1]) * 100 + float(part.ljust(2, "0")), HEIGHT_CM, "cm")


def _spoken_metres(match: re.Match[str]) -> Read | None:
    part = str(int(spoken(match[2]))) if match[2] else ""
    return _within(spoken(match[1]) * 100 + float(part.ljust(2, "0")), HEIGHT_CM, "cm")


def _feet(match: re.Match[str]) -> Read | None:
    return _within(round((float(match[1]) * 12 + float(match[2] or 0)) * INCH_CM), HEIGHT_CM, "cm")


def _stone(match: re.Match[str]) -> Read | None:
    return _within(round((float(match[1]) * STONE_LB + float(match[2] or 0)) * LB_KG, 1), WEIGHT_KG, "kg")


def girth(said: str) -> Read | None:
    """Return a girth in cm; what is too little for that is in inches, as of jeans."""
    number = float(said)
    return _within(round(number * INCH_CM if number < INCHES_BELOW_CM else number, 1), GIRTH_CM, "cm")


def _girth(match: re.Match[str]) -> Read | None:
    return girth(match[1])


def _chi(match: re.Match[str]) -> Read | None:
    """A girth in 尺 and 寸, as tailors in China say it."""
    chi, cun = (spoken(said) if said in DIGITS + "两" else float(said) for said in (match[1], match[2] or "0"))
    return _within(round((chi + cun / 10) * CHI_CM, 1), GIRTH_CM, "cm")


def _foot(match: re.Match[str]) -> Read | None:
    """A foot's length: below 50 it is in cm."""
    number = float(match[1])
    (least, most), mm = BARE_FOOT
    least = CHILDS_FOOT_CM if whose(match.string) == CHILD else least
    if not match[2] and not (least <= number <= most or mm[0] <= number <= mm[1]):
        return None
    return _within(number * 10 if number < 50 else number, FOOT_MM, "mm")


def _bare_weight(match: re.Match[str]) -> Read | None:
    return _in_jin_or_kg(float(match[1]))


def _in_jin_or_kg(number: float) -> Read | None:
    """A weight without a unit: above 90 it is taken for 斤, as customers in China mean it."""
    return _within(number * JIN_KG if number > 90 else number, WEIGHT_KG, "kg")


def _bare_spoken_weight(match: re.Match[str]) -> Read | None:
    return _in_jin_or_kg(spoken(match[1]))


def _length(match: re.Match[str]) -> Read | None:
    unit = match[2] or "cm"
    factor = INCH_CM if re.fullmatch(INCH, unit) else CM_OF.get(unit, 1.0)
    return _within(round(float(match[1]) * factor, 1), LENGTH_CM, "cm")


def _girth_rules() -> tuple[Rule, ...]:
    """The girths, by 尺 before bare numbers."""
    return tuple(
        rule
        for kind, names in GIRTHS
        for rule in rules(
            (kind, rf"(?:{names})(?:是|有|大概|:|,| )?{CHI}", _chi),
            (kind, rf"{CHI}的?(?:{names})", _chi),
            (kind, rf"(?:{names})\D{{0,4}}{NUMBER}(?: ?{INCH}| ?cm| ?厘米| ?公分)?", _girth),
            (kind, rf"{NUMBER} ?{INCH} (?:{names})\b", _girth),
            (kind, rf"(?<![\d.])([2-4]\d) (?:{names})\b(?!\D{{0,4}}\d)", _girth),
        )
    )


RULES: tuple[Rule, ...] = (
    *rules(
        ("length", rf"(?:{LENGTHS})\D{{0,4}}{NUMBER} ?(mm|毫米|cm|厘米|公分|m\b|米|{INCH})?", _length),
        ("length", rf"{NUMBER} ?(mm|毫米|cm|厘米|公分|{INCH}) (?:{LENGTHS})", _length),
    ),
    *_girth_rules(),
    *rules(
        ("height", r"(?<![\d.])([12])\.(\d{1,2}) ?(?:米|m\b|metres?|meters?)", _metres),
        ("height", r"(?<![\d.])([12]) ?(?:米|m(?:etres?|eters?)?(?![a-z]))\.? ?(\d{1,2})?(?!\d)", _metres),
        (
            "height",
            r"(?<![\d.])([4-7]) ?(?:'|ft|foot|feet|呎|英?尺) ?(\d{1,2})?(?:\"|''|in(?:ch(?:es)?)?\b|吋|寸)?(?!\d)",
            _feet,
        ),
        ("height", r"(?:身高|高|height|tall)\D{0,4}([12])\.(\d{1,2})(?!\d)", _metres),
        ("height", r"height\D{0,4}([4-6])\.(\d{1,2})(?!\d)", _feet),
        ("height", rf"{SPOKEN}米([{DIGITS}]{{1,2}})?", _spoken_metres),
        ("height", rf"(?:身高|高){SPOKEN}", _spoken(HEIGHT_CM, "cm")),
        ("weight", rf"{SPOKEN} ?(?:公斤|千克)", _spoken(WEIGHT_KG, "kg")),
        ("weight", rf"{SPOKEN} ?斤", _spoken(WEIGHT_KG, "kg", JIN_KG)),
        ("weight", r"(?<![\d.])(\d{1,2}) ?(?:st\b|stones?)(?: ?(\d{1,2})(?: ?lbs?)?(?!\d))?", _stone),
        ("foot", rf"(?:{FEET}){FOOT_IS}{FOOT_TO}{NUMBER} ?{INCH}", _number(FOOT_MM, "mm", 10 * INCH_CM)),
        ("foot", rf"(?:{FEET}){FOOT_IS}{FOOT_TO}{NUMBER}(?: ?(cm|mm|厘米|毫米|公分)|{NO_SHOE_SIZE})", _foot),
        ("foot", rf"{NUMBER} ?(cm|mm)[ -](?:foot|feet)\b", _foot),
        ("foot", rf"脚长{SPOKEN} ?(?:厘米|公分)", _spoken(FOOT_MM, "mm", 10)),
        ("height", rf"{NUMBER} ?(?:cm|厘米|公分)", _number(HEIGHT_CM, "cm")),
        ("weight", rf"{NUMBER} ?(?:公斤|千克|kgs?|kilos?)", _number(WEIGHT_KG, "kg")),
        ("weight", rf"{NUMBER} ?斤", _number(WEIGHT_KG, "kg", JIN_KG)),
        ("weight", rf"{NUMBER} ?(?:lbs?|pounds?|磅)", _number(WEIGHT_KG, "kg", LB_KG)),
        ("height", rf"(?:身高|高|height|tall)\D{{0,4}}{NUMBER}{OTHER_UNIT}", _number(HEIGHT_CM, "cm")),
        ("weight", rf"(?:体重|重|weigh(?:t|s)?)\D{{0,5}}{NUMBER}(?!\d)", _bare_weight),
        ("weight", rf"体重(?:是|有|大概|:|,| )?{SPOKEN}", _bare_spoken_weight),
    ),
)
BARE = rules(("height", r"(?<![\d.])(1[4-9]\d)(?![\d.])", _number(HEIGHT_CM, "cm")), confidence=ALONE)
"""A number that is a height if it is nothing else."""
BESIDE_HEIGHT = rules(("weight", r"(?<=[ /,，、\0])([3-9]\d)(?![\d.])", _bare_weight), confidence=BESIDE)
"""A number that is a weight only because a height stands in the same message: `175 70`."""
THREE_GIRTHS = re.compile(
    r"(?:三围|measurements)\D{0,5}(\d{2,3})\D{1,3}(\d{2,3})(?:\D{1,3}(\d{2,3}))?(?!\d)"
    r"|(?<![\d/.-])(\d{2,3})[-/](\d{2,3})[-/](\d{2,3})(?![\d/.-])",
    re.ASCII,
)
"""Chest, waist and hips; without a word before them they have to look like a waist between two others."""

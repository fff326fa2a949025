"""Finds the things a message names: order numbers, phone endings, body measures, sizes and the shop's own products.

Each span of text is taken once: finders run from the most particular to the least, and what one has taken is blanked
for the next, so that no digit is part of two things.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.understanding.products import Named, meant
from bot.understanding.text import CJK, normal

__all__ = ["FINDERS", "HEIGHT_CM", "MEASURES", "WEIGHT_KG", "Entity", "Named", "find", "without"]


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing found.

    Attributes:
        kind: order, phone_end, height, weight, chest, waist, foot, size, colour or product.
        value: number as text (height, chest, waist in cm; weight in kg; foot in mm), or the id of the thing.
        start, end: position in `normal(text)`; of a product, from its first word to its last.
    """

    kind: str
    value: str
    start: int
    end: int


MEASURES = ("height", "weight", "chest", "waist", "foot")
Finder = Callable[[re.Match[str]], str | None]
Bounds = tuple[float, float]

JIN_KG = 0.5
LB_KG = 0.45359237
INCH_CM = 2.54
HEIGHT_CM = (90.0, 230.0)
WEIGHT_KG = (10.0, 250.0)
GIRTH_CM = (30.0, 200.0)
FOOT_MM = (80.0, 350.0)
TAKEN = "\0"
"""Stands for a character that is part of something found already."""
INCHES_BELOW_CM = 45
"""A girth below this can only be in inches."""
INCH = r"(?:\"|''|”|″|′′|in\b|inch(?:es)?|英?寸|吋)"
DIGITS = "零一二三四五六七八九"
SPOKEN = r"([零一二两三四五六七八九十百]+)"
NUMBER = r"(?<![\d.])(\d{1,3}(?:\.\d{1,2})?)"
SIZE_NAMES = {"xxxl": "3XL", "2xl": "XXL"}
SHOE_OR_CHILD = r"(3[5-9]|4[0-6]|90|1[0-6]0)"


def _within(value: float, bounds: Bounds) -> str | None:
    return f"{value:g}" if bounds[0] <= value <= bounds[1] else None


def _number(bounds: Bounds, factor: float = 1.0) -> Finder:
    return lambda match: _within(round(float(match[1]) * factor, 1), bounds)


def _metres(match: re.Match[str]) -> str | None:
    part = match[2] or ""
    return _within(float(match[1]) * 100 + float(part.ljust(2, "0")), HEIGHT_CM)


def _girth_cm(said: str) -> str | None:
    """A girth in cm; what is too little for that is in inches, as of jeans."""
    number = float(said)
    return _within(round(number * INCH_CM if number < INCHES_BELOW_CM else number, 1), GIRTH_CM)


def _girth(match: re.Match[str]) -> str | None:
    return _girth_cm(match[1])


def _in_words(said: str) -> float:
    """Return the number that Chinese numerals spell: `一百一十`, `一百一`, or digit by digit `一六五`."""
    said = said.replace("两", "二")
    if not {"十", "百"} & set(said):
        return float("".join(str(DIGITS.index(sign)) for sign in said))
    total, digit = 0, 0
    for sign in said:
        if sign in DIGITS:
            digit = DIGITS.index(sign)
        else:
            total, digit = total + (digit or 1) * (10 if sign == "十" else 100), 0
    return total + digit * (10 if said[-2:-1] == "百" else 1)


def _spoken(bounds: Bounds, factor: float = 1.0) -> Finder:
    return lambda match: _within(_in_words(match[1]) * factor, bounds)


def _spoken_metres(match: re.Match[str]) -> str | None:
    part = str(int(_in_words(match[2]))) if match[2] else ""
    return _within(_in_words(match[1]) * 100 + float(part.ljust(2, "0")), HEIGHT_CM)


def _feet(match: re.Match[str]) -> str | None:
    return _within(round((float(match[1]) * 12 + float(match[2] or 0)) * INCH_CM), HEIGHT_CM)


def _foot(match: re.Match[str]) -> str | None:
    """A foot's length: below 50 it is in cm."""
    number = float(match[1])
    return _within(number * 10 if number < 50 else number, FOOT_MM)


def _bare_weight(match: re.Match[str]) -> str | None:
    """A weight without a unit: above 90 it is taken for 斤, as customers in China mean it."""
    number = float(match[1])
    return _within(number * JIN_KG if number > 90 else number, WEIGHT_KG)


def _digits(match: re.Match[str]) -> str:
    return match[1]


def _order(match: re.Match[str]) -> str:
    """An order number in capitals: what its groups matched, if it has any, else the whole."""
    return ("".join(group or "" for group in match.groups()) or match[0]).upper()


@lru_cache
def _order_pattern(order_number: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9])(?:{order_number})(?!\d)", re.ASCII | re.IGNORECASE)


def _letter_size(match: re.Match[str]) -> str:
    return SIZE_NAMES.get(match[1], match[1].upper())


FINDERS: tuple[tuple[str, re.Pattern[str], Finder], ...] = tuple(
    (kind, re.compile(pattern, re.ASCII), value_of)  # ASCII: `m` before a Chinese character ends a word
    for kind, pattern, value_of in (
        ("phone_end", r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?(\d{4})(?!\d)", _digits),
        ("phone_end", r"(?:尾号|[末后]四[位个]|手机号?)\D{0,6}(\d{4})(?!\d)", _digits),
        ("phone_end", r"(?:last (?:four|4)(?: digits)?|ends|ending)\D{0,6}(\d{4})(?!\d)", _digits),
        ("size", rf"(?<!\d){SHOE_OR_CHILD} ?码", _digits),
        ("size", rf"(?:\bsize|\beu) ?{SHOE_OR_CHILD}(?![\d.])", _digits),
        ("chest", rf"(?:胸围|chest|bust)\D{{0,4}}{NUMBER}(?: ?{INCH})?", _girth),
        ("waist", rf"(?:腰围|waist)\D{{0,4}}{NUMBER}(?: ?{INCH})?", _girth),
        ("chest", rf"{NUMBER} ?{INCH} (?:chest|bust)", _girth),
        ("waist", rf"{NUMBER} ?{INCH} waist", _girth),
        ("height", r"(?<![\d.])([12])\.(\d{1,2}) ?(?:米|m\b|metres?|meters?)", _metres),
        ("height", r"(?<![\d.])([12]) ?(?:米|m(?:etres?|eters?)?(?![a-z]))\.? ?(\d{1,2})?(?!\d)", _metres),
        (
            "height",
            r"(?<![\d.])([4-7]) ?(?:'|ft|foot|feet|呎|英?尺) ?(\d{1,2})?(?:\"|''|in(?:ch(?:es)?)?\b|吋|寸)?(?!\d)",
            _feet,
        ),
        ("height", r"(?:身高|高|height|tall)\D{0,4}([12])\.(\d{1,2})(?!\d)", _metres),
        ("height", rf"{SPOKEN}米([零一二三四五六七八九]{{1,2}})?", _spoken_metres),
        ("height", rf"(?:身高|高){SPOKEN}", _spoken(HEIGHT_CM)),
        ("weight", rf"{SPOKEN} ?(?:公斤|千克)", _spoken(WEIGHT_KG)),
        ("weight", rf"{SPOKEN} ?斤", _spoken(WEIGHT_KG, JIN_KG)),
        ("foot", rf"(?:脚长|foot|feet)(?: length| is| are)?\D{{0,4}}{NUMBER} ?{INCH}", _number(FOOT_MM, 10 * INCH_CM)),
        ("foot", rf"(?:脚长|foot|feet)(?: length| is| are)?\D{{0,4}}{NUMBER} ?(?:cm|mm|厘米|毫米|公分)?", _foot),
        ("height", rf"{NUMBER} ?(?:cm|厘米|公分)", _number(HEIGHT_CM)),
        ("weight", rf"{NUMBER} ?(?:公斤|千克|kgs?|kilos?)", _number(WEIGHT_KG)),
        ("weight", rf"{NUMBER} ?斤", _number(WEIGHT_KG, JIN_KG)),
        ("weight", rf"{NUMBER} ?(?:lbs?|pounds?|磅)", _number(WEIGHT_KG, LB_KG)),
        ("height", rf"(?:身高|高|height|tall)\D{{0,4}}{NUMBER}(?!\d)", _number(HEIGHT_CM)),
        ("weight", rf"(?:体重|重|weigh(?:t|s)?)\D{{0,5}}{NUMBER}(?!\d)", _bare_weight),
        ("height", r"(?<![\d.])(1[4-9]\d)(?![\d.])", _number(HEIGHT_CM)),
        ("size", r"(?<![a-z0-9'])(xxxl|3xl|xxl|2xl|xl|xs|s|m|l)(?:码|号| size)?(?![a-z0-9'])", _letter_size),
    )
)
BESIDE_HEIGHT = re.compile(r"(?<=[ /,，、\0])([3-9]\d)(?![\d.])", re.ASCII)
"""A number that is a weight only because a height stands in the same message: `175 70`."""
THREE_GIRTHS = re.compile(r"(?:三围|measurements)\D{0,5}(\d{2,3})\D{1,3}(\d{2,3})(?:\D{1,3}\d{2,3})?(?!\d)", re.ASCII)
"""Chest, waist and hips; no chart knows of hips."""
NO_COLOUR = re.compile(r"明白|白[天白搭费]|小红书|红包|[拉变]黑|黑名单|灰心|绿色通道|[厘毫纳玉\d一二两][米]")
"""Words in which a single character is not a colour."""


def find(text: str, products: Sequence[Named], colours: Iterable[str], order_number: str = "") -> tuple[Entity, ...]:
    """Return what `text` names, in the order of the text. Products come best match first among themselves.

    Args:
        order_number: the setting `[shop] order_number`; without it no order is found.
    """
    said = normal(text)
    left = said
    found: list[Entity] = []

    def take(kind: str, pattern: re.Pattern[str], value_of: Finder) -> None:
        nonlocal left
        for match in pattern.finditer(left):
            if TAKEN not in match[0] and (value := value_of(match)) is not None:
                found.append(Entity(kind, value, match.start(), match.end()))
                left = left[: match.start()] + TAKEN * len(match[0]) + left[match.end() :]

    def take_three_girths() -> None:
        nonlocal left
        for match in THREE_GIRTHS.finditer(left):
            for kind, group in (("chest", 1), ("waist", 2)):
                value = _girth_cm(match[group])
                found.extend([Entity(kind, value, *match.span(group))] if value else [])
            left = left[: match.start()] + TAKEN * len(match[0]) + left[match.end() :]

    if order_number:
        take("order", _order_pattern(order_number), _order)
    take_three_girths()
    for kind, pattern, value_of in FINDERS:
        take(kind, pattern, value_of)
    if any(entity.kind == "height" for entity in found):
        take("weight", BESIDE_HEIGHT, _bare_weight)
    uncoloured = NO_COLOUR.sub(lambda match: " " * len(match[0]), left)
    found += _colours(uncoloured, colours)
    named = (Entity("product", product_id, start, end) for product_id, start, end in meant(said, products))
    return (*sorted(found, key=lambda entity: entity.start), *named)


def without(kind: str, said: str, entities: Iterable[Entity]) -> str:
    """Return `said` (normal form) with the things of this kind blanked."""
    for entity in entities:
        if entity.kind == kind:
            said = said[: entity.start] + " " * (entity.end - entity.start) + said[entity.end :]
    return said


def _colours(left: str, colours: Iterable[str]) -> Iterable[Entity]:
    """Yield the colours named; `天蓝` is not also `蓝` as long as the longer words come first."""
    for colour in colours:
        edge = "" if CJK.search(colour) else r"\b"
        for match in re.finditer(f"{edge}{re.escape(colour)}{edge}", left, re.ASCII):
            yield Entity("colour", colour, match.start(), match.end())
            left = left[: match.start()] + " " * len(match[0]) + left[match.end() :]

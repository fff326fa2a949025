"""Finds the things a message names: order numbers, phone endings, body measures, sizes and the shop's own products.

Each span of text is taken once: finders run from the most particular to the least, and what one has taken is blanked
for the next, so that no digit is part of two things.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from bot.understanding.text import CJK, normal


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing found.

    Attributes:
        kind: order, phone_end, height, weight, chest, waist, foot, size, colour or product.
        value: number as text (height, chest, waist in cm; weight in kg; foot in mm), or the id of the thing.
        start, end: position in `normal(text)`.
    """

    kind: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Named:
    """A product the catalogue knows, with the words it may be called by."""

    id: str
    names: tuple[str, ...]


Finder = Callable[[re.Match[str]], str | None]

JIN_KG = 0.5
LB_KG = 0.45359237
INCH_CM = 2.54
NUMBER = r"(\d{1,3}(?:\.\d{1,2})?)"
HEIGHT_CM = (90.0, 230.0)
WEIGHT_KG = (10.0, 250.0)


def _within(value: float, bounds: tuple[float, float]) -> str | None:
    return f"{value:g}" if bounds[0] <= value <= bounds[1] else None


def _height(metres: str, centimetres: str) -> str | None:
    part = (centimetres + "0")[:2] if len(centimetres) == 1 else centimetres
    return _within(float(metres) * 100 + float(part or 0), HEIGHT_CM)


def _feet(match: re.Match[str]) -> str | None:
    return _within(round((float(match[1]) * 12 + float(match[2] or 0)) * INCH_CM), HEIGHT_CM)


def _weight(factor: float) -> Finder:
    return lambda match: _within(round(float(match[1]) * factor, 1), WEIGHT_KG)


def _length(match: re.Match[str]) -> str | None:
    return f"{float(match[1]):g}"


FINDERS: tuple[tuple[str, re.Pattern[str], Finder], ...] = (
    ("order", re.compile(r"(?<![a-z0-9])(qh ?-?\d{8,12})(?!\d)"), lambda m: re.sub(r"[ -]", "", m[1]).upper()),
    ("phone_end", re.compile(r"(?<!\d)1[3-9]\d{5}(\d{4})(?!\d)"), lambda m: m[1]),
    ("phone_end", re.compile(r"(?:尾号|末四位|后四位|last (?:four|4)(?: digits)?|ending(?: in)?)\D{0,6}(\d{4})(?!\d)"), lambda m: m[1]),
    ("chest", re.compile(rf"(?:胸围|chest|bust)\D{{0,4}}{NUMBER}"), _length),
    ("waist", re.compile(rf"(?:腰围|waist)\D{{0,4}}{NUMBER}"), _length),
    ("foot", re.compile(rf"(?:脚长|foot(?: length)?)\D{{0,4}}{NUMBER} ?mm"), _length),
    ("foot", re.compile(rf"(?:脚长|foot(?: length)?)\D{{0,4}}{NUMBER}"), lambda m: f"{float(m[1]) * (10 if float(m[1]) < 50 else 1):g}"),
    ("height", re.compile(r"(?<!\d)([12]) ?[米m](?:etres?|eters?)?(?:\.)? ?(\d{1,2})?(?!\d)"), lambda m: _height(m[1], m[2] or "")),
    ("height", re.compile(r"(?<![\d.])([12])\.(\d{1,2}) ?(?:米|m\b|metres?|meters?)"), lambda m: _height(m[1], m[2])),
    ("height", re.compile(r"(?<!\d)([4-7]) ?(?:'|ft|foot|feet|呎|尺) ?(\d{1,2})?(?:\"|''|in(?:ch(?:es)?)?|吋|寸)?"), _feet),
    ("height", re.compile(rf"{NUMBER} ?(?:cm|厘米|公分)"), lambda m: _within(float(m[1]), HEIGHT_CM)),
    ("weight", re.compile(rf"{NUMBER} ?(?:公斤|千克|kgs?|kilos?)"), _weight(1.0)),
    ("weight", re.compile(rf"{NUMBER} ?(?:斤)"), _weight(JIN_KG)),
    ("weight", re.compile(rf"{NUMBER} ?(?:lbs?|pounds?|磅)"), _weight(LB_KG)),
    ("height", re.compile(rf"(?:身高|高|height|tall)\D{{0,4}}{NUMBER}"), lambda m: _within(float(m[1]), HEIGHT_CM)),
    ("weight", re.compile(rf"(?:体重|重|weigh(?:t|s)?)\D{{0,5}}{NUMBER}"), lambda m: _bare_weight(float(m[1]))),
    ("height", re.compile(r"(?<![\d.])(1[4-9]\d)(?![\d.])"), lambda m: _within(float(m[1]), HEIGHT_CM)),
    ("weight", re.compile(r"(?<=[ /,，])([3-9]\d)(?![\d.])"), lambda m: _within(float(m[1]), WEIGHT_KG)),
    ("size", re.compile(r"(?<![a-z0-9'])(xxxl|3xl|xxl|2xl|xl|xs|s|m|l)(?:码|碼|号| size)?(?![a-z0-9'])"), lambda m: SIZE_NAMES.get(m[1], m[1].upper())),
    ("size", re.compile(r"(?<!\d)(3[5-9]|4[0-6])(?:码|碼| size)"), lambda m: m[1]),
)
SIZE_NAMES = {"xxxl": "3XL", "2xl": "XXL"}


def _bare_weight(number: float) -> str | None:
    """A weight without a unit: above 90 it is taken for 斤, as customers in China mean it."""
    return _within(number * JIN_KG if number > 90 else number, WEIGHT_KG)


def find(text: str, products: Sequence[Named], colours: Iterable[str]) -> tuple[Entity, ...]:
    """Return what `text` names, in the order of the text. Products come best match first among themselves."""
    left = normal(text)
    found: list[Entity] = []
    for kind, pattern, value_of in FINDERS:
        for match in pattern.finditer(left):
            if (value := value_of(match)) is not None:
                found.append(Entity(kind, value, match.start(), match.end()))
                left = left[: match.start()] + " " * len(match[0]) + left[match.end() :]
    for colour in colours:
        at = left.find(colour)
        if at >= 0:
            found.append(Entity("colour", colour, at, at + len(colour)))
    return (*sorted(found, key=lambda entity: entity.start), *_products(left, products))


ENOUGH = 82.0
NEAR_BEST = 6.0


def _products(text: str, products: Sequence[Named]) -> Iterable[Entity]:
    """Yield the products the text may mean: all that come close to the best match."""
    scored = [(max(_likeness(text, normal(name)) for name in product.names), product) for product in products]
    best = max((score for score, _ in scored), default=0.0)
    for score, product in sorted(scored, key=lambda pair: (-pair[0], pair[1].id)):
        if score >= ENOUGH and score >= best - NEAR_BEST:
            yield Entity("product", product.id, 0, 0)


def _likeness(text: str, name: str) -> float:
    """0 to 100: how much of the name the text holds. Chinese names by characters, Latin ones by words."""
    if CJK.search(name):
        characters = [c for c in name if CJK.match(c)]
        held = sum(a + b in text for a, b in zip(characters, characters[1:], strict=False))
        return 100.0 * held / max(1, len(characters) - 1)
    return fuzz.token_set_ratio(name, text) if len(text) >= 4 else 0.0

"""Finds which products of the catalogue a text speaks of, by the words of their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rapidfuzz import fuzz

from bot.understanding.text import CJK, normal


@dataclass(frozen=True, slots=True)
class Named:
    """A product the catalogue knows, with the words it may be called by."""

    id: str
    names: tuple[str, ...]


LIKE_ENOUGH = 85.0
LONG_NAME = 8
"""A shorter name is too close to other words: `chinos`, `chinese`."""
ENOUGH_WORDS = 2
PACKED = re.compile(r"[一二三四五六七八九十]+[双条件]装$|,.*$")
"""How many come in a pack is no part of what a product is called."""


def meant(text: str, products: Sequence[Named]) -> list[tuple[str, int, int]]:
    """Return the products that `text` may mean: all that share the most words with it, else the likest.

    Args:
        text: as `bot.understanding.text.normal` makes it.

    Returns:
        (id, start, end): from the first word of the product to its last, 0 and 0 where it was only alike.
    """
    spans = {product.id: max((_held(text, name) for name in product.names), default=Span()) for product in products}
    most = max((span.words for span in spans.values()), default=0)
    if most >= ENOUGH_WORDS:
        return [(i, span.start, span.end) for i, span in sorted(spans.items()) if span.words == most]
    likest = max((_likeness(text, product) for product in products), default=0.0)
    if likest < LIKE_ENOUGH:
        return []
    return [(product.id, 0, 0) for product in products if _likeness(text, product) == likest]


GENERIC = re.compile(r"\)shoe\(|\)set\(")
"""Last words of names that any product of the kind may be called by."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """How much of a name a text holds: words, counting the last word of the name twice, and from where to where."""

    words: int = 0
    start: int = 0
    end: int = 0


def _held(text: str, name: str) -> Span:
    pieces = _pieces(name)
    matches = [match for piece in pieces if (match := piece.search(text))]
    if not matches:
        return Span()
    by_kind = pieces[-1].search(text) is not None and not GENERIC.search(pieces[-1].pattern)
    words = len(matches) + by_kind
    return Span(words, min(m.start() for m in matches), max(m.end() for m in matches))


@lru_cache(maxsize=4096)
def _pieces(name: str) -> tuple[re.Pattern[str], ...]:
    """Return what to look for: pairs of characters of a Chinese name, words of another, with or without plural."""
    called = PACKED.sub("", normal(name))
    if CJK.search(called):
        signs = re.findall(r"[a-z]+|\S", called)
        return tuple(re.compile(re.escape(a + b)) for a, b in pairwise(signs))
    words = [re.sub(r"(?<!s)s$", "", word) for word in re.findall(r"[a-z-]{3,}", called)]
    return tuple(re.compile(rf"(?<![a-z-]){word}(?:e?s)?(?![a-z-])") for word in words)


def _likeness(text: str, product: Named) -> float:
    """0 to 100: how close a stretch of the text comes to the whole name, slips included; for names in Latin script."""
    latin = [normal(name) for name in product.names if not CJK.search(name) and len(name) >= LONG_NAME]
    return max((fuzz.partial_ratio(name, text) for name in latin if len(text) >= len(name)), default=0.0)

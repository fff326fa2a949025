"""Finds which products of the catalogue a text speaks of, by the words of their names; one slip a word is forgiven.

The names are kept in an index by their words, so that a message costs what it says, not what the shop sells.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import OSA

from bot.understanding.lexicon import garment_of
from bot.understanding.text import CJK, normal


@dataclass(frozen=True, slots=True)
class Named:
    """A product the catalogue knows, with the words it may be called by."""

    id: str
    names: tuple[str, ...]


ENOUGH_WORDS = 2
SLIP_FROM = 5
"""Letters: a shorter word is one slip away from too many others."""
SURE_ALONE = 8
"""Letters: a longer word with a slip in it names a product without another word beside it."""
SIGNS_FROM = 4
"""A shorter Chinese name is one character away from too many others."""
PACKED = re.compile(r"[一二三四五六七八九十]+[双条件]装$|,.*$")
"""How many come in a pack is no part of what a product is called."""
GENERIC = frozenset({"shoe", "set"})
"""Last words of names that any product of the kind may be called by."""
LATIN = re.compile(r"[a-z-]{3,}")
SIGN = re.compile(r"[a-z]+|\S")


@dataclass(frozen=True, slots=True)
class _Name:
    """One name: whose it is, the pieces it is found by, and its characters if it is Chinese."""

    product_id: str
    pieces: tuple[str, ...]
    signs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Index:
    """Names by piece, and words with one letter left out by what is left."""

    names: tuple[_Name, ...]
    by_piece: Mapping[str, tuple[int, ...]]
    by_slip: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of a name as the text holds it."""

    piece: str
    start: int
    end: int
    slipped: bool = False
    at: int = -1
    """Of a pair of characters: the number of the first in the text."""


class _Same:
    """A catalogue by identity: to compare thousands of names for every message would cost more than to look them up."""

    __slots__ = ("products",)

    def __init__(self, products: Sequence[Named]) -> None:
        self.products = products

    def __hash__(self) -> int:
        return id(self.products)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.products is self.products


def meant(text: str, products: Sequence[Named]) -> list[tuple[str, int, int, bool]]:
    """Return the products that `text` may mean: all that share the most words with it, and those whose whole name
    stands elsewhere in it.

    Args:
        text: as `bot.understanding.text.normal` makes it.

    Returns:
        (id, start, end, slipped): from the first word of the product to its last, and whether a word was misspelt.
    """
    if not products:
        return []
    index = _index(_Same(products))
    held = list(_held(text, index))
    best = _best(held, index)
    almost = _almost_whole(text, held, index)
    named = {product_id for product_id, *_ in best}
    found = [found for found in almost if found[0] in named] or best or almost
    return sorted(_with_others(found, _whole(held, index) | {one: (s, e) for one, s, e, wrong in almost if not wrong}))


def _with_others(
    found: list[tuple[str, int, int, bool]], whole: Mapping[str, tuple[int, int]]
) -> list[tuple[str, int, int, bool]]:
    """Return what was found, where its name stands, and what else is called by its whole name: `the linen dress or
    the floral chiffon dress`.
    """
    placed = [(one, *whole.get(one, (start, end)), slipped) for one, start, end, slipped in found]
    taken = [(start, end) for _, start, end, _ in placed]
    known = {one for one, *_ in placed}
    others = [
        (one, start, end, False)
        for one, (start, end) in whole.items()
        if one not in known and not any(s < end and start < e for s, e in taken)
    ]
    inside = {
        one
        for one, s, e, _ in others
        for other, t, u, _ in others
        if other != one and t <= s and e <= u and u - t > e - s
    }
    return placed + [other for other in others if other[0] not in inside] if placed else []


def _whole(held: Sequence[_Piece], index: _Index) -> dict[str, tuple[int, int]]:
    """Return where names of at least two words stand whole, word by word and nothing misspelt."""
    words = [piece for piece in held if piece.at < 0 and not piece.slipped]
    found: dict[str, tuple[int, int]] = {}
    for place, first in enumerate(words):
        for number in index.by_piece[first.piece]:
            name = index.names[number]
            run = words[place : place + len(name.pieces)]
            joined = all(other.start - one.end == 1 for one, other in pairwise(run))
            if len(run) >= ENOUGH_WORDS and joined and tuple(piece.piece for piece in run) == name.pieces:
                found.setdefault(name.product_id, (first.start, run[-1].end))
    return found


@lru_cache(maxsize=4)
def _index(catalogue: _Same) -> _Index:
    names = tuple(_named(product.id, name) for product in catalogue.products for name in product.names)
    by_piece: defaultdict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        for piece in dict.fromkeys(name.pieces):
            by_piece[piece].append(number)
    by_slip: defaultdict[str, set[str]] = defaultdict(set)
    for word in by_piece:
        if word.isascii() and len(word) >= SLIP_FROM:
            for left in (word, *_left(word)):
                by_slip[left].add(word)
    return _Index(
        names,
        {piece: tuple(numbers) for piece, numbers in by_piece.items()},
        {left: frozenset(words) for left, words in by_slip.items()},
    )


def _named(product_id: str, name: str) -> _Name:
    called = PACKED.sub("", normal(name))
    if CJK.search(called):
        signs = tuple(SIGN.findall(called))
        return _Name(product_id, tuple(a + b for a, b in pairwise(signs)), signs)
    return _Name(product_id, tuple(_stem(word) for word in LATIN.findall(called)))


def _stem(word: str) -> str:
    return re.sub(r"(?<!s)s$", "", word)


def _left(word: str) -> Iterator[str]:
    """Yield the word with each of its letters but the first left out."""
    return (word[:i] + word[i + 1 :] for i in range(1, len(word)))


def _held(text: str, index: _Index) -> Iterator[_Piece]:
    """Yield the pieces of names in the text: words, with or without plural or a slip, and pairs of characters."""
    for match in LATIN.finditer(text):
        word = match[0]
        known = next((form for form in (_stem(word), word.removesuffix("es")) if form in index.by_piece), None)
        if known:
            yield _Piece(known, match.start(), match.end())
        elif len(word) >= SLIP_FROM - 1 and not _is_garment(word):
            yield from (_Piece(meant, match.start(), match.end(), slipped=True) for meant in _slips(word, index))
    for at, (one, other) in enumerate(pairwise(SIGN.finditer(text))):
        if one.end() == other.start() and (pair := one[0] + other[0]) in index.by_piece:
            yield _Piece(pair, one.start(), other.end(), at=at)


def _is_garment(word: str) -> bool:
    """`shorts` are no misspelt shirts, nor are they when a customer writes `short`."""
    plural = word + "s"
    return garment_of(word) is not None or (_stem(plural) == word and garment_of(plural) is not None)


def _slips(word: str, index: _Index) -> set[str]:
    """Return the known words that are one letter, or two letters the wrong way round, from `word`."""
    forms = {word, _stem(word)}
    left = forms | {short for form in forms for short in _left(form)}
    near = {known for form in left for known in index.by_slip.get(form, ())}
    return {known for known in near if any(_is_one_slip(form, known) for form in forms)}


def _is_one_slip(a: str, b: str) -> bool:
    return a[0] == b[0] and OSA.distance(a, b, score_cutoff=1) <= 1


def _best(held: list[_Piece], index: _Index) -> list[tuple[str, int, int, bool]]:
    """Return the products whose names hold the most pieces, the last piece of a name counted twice."""
    by_name: defaultdict[int, dict[str, _Piece]] = defaultdict(dict)
    for piece in held:
        for number in index.by_piece[piece.piece]:
            by_name[number].setdefault(piece.piece, piece)
    scored = [(_score(index.names[number], pieces), number) for number, pieces in by_name.items()]
    most = max((score for score, _ in scored), default=0)
    if most < ENOUGH_WORDS:
        return []
    spans = {}
    for score, number in scored:
        if score == most:
            pieces = by_name[number].values()
            start, end = min(p.start for p in pieces), max(p.end for p in pieces)
            spans[index.names[number].product_id] = (start, end, any(p.slipped for p in pieces))
    return [(product_id, *span) for product_id, span in spans.items()]


def _score(name: _Name, pieces: Mapping[str, _Piece]) -> int:
    """How many pieces of the name the text holds; none if all that speaks for it is one short word with a slip."""
    if all(piece.slipped and len(piece.piece) < SURE_ALONE for piece in pieces.values()) and len(pieces) < ENOUGH_WORDS:
        return 0
    held = [piece for piece in name.pieces if piece in pieces]
    by_kind = name.pieces[-1] in pieces and name.pieces[-1] not in GENERIC
    return len(held) + by_kind


def _almost_whole(text: str, held: Iterable[_Piece], index: _Index) -> list[tuple[str, int, int, bool]]:
    """Return the products whose Chinese name stands in the text, at most one character wrong.

    That is how a character which sounds alike gets in.
    """
    signs = list(SIGN.finditer(text))
    found = {}
    for piece in held:
        for number in index.by_piece[piece.piece] if piece.at >= 0 else ():
            name = index.names[number]
            at = piece.at - name.pieces.index(piece.piece)
            stretch = signs[at : at + len(name.signs)] if at >= 0 else []
            if len(stretch) < max(len(name.signs), SIGNS_FROM):
                continue
            wrong = sum(sign != match[0] for sign, match in zip(name.signs, stretch, strict=True))
            if wrong <= 1:
                found[name.product_id] = (stretch[0].start(), stretch[-1].end(), wrong > 0)
    return [(product_id, *span) for product_id, span in found.items()]

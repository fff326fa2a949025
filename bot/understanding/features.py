"""Texts to sparse vectors: words, adjacent pairs, skip pairs and character n-grams, each block of unit length.

Weights are sublinear tf x idf. An n-gram that was never seen in training still counts in the norm of its block, so
an unfamiliar sentence gets small values everywhere, and with them small margins: that is what lets the bot say "I
don't know".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.understanding.text import CJK, TOKEN, comparable

BLOCKS = (("w", 0.5), ("p", 0.5), ("s", 0.3), ("c", 1.0))
LATIN_GRAMS = range(2, 6)
CJK_GRAMS = range(1, 5)


def grams(text: str) -> dict[str, Counter[str]]:
    """Return the counted n-grams of `text` by block name."""
    tokens = TOKEN.findall(comparable(text))
    words = [word for token in tokens for word in (token if CJK.match(token) else (token,))]
    return {
        "w": Counter(words),
        "p": Counter(f"{a} {b}" for a, b in pairwise(words)),
        "s": Counter(f"{a} _ {b}" for a, b in zip(words, words[2:], strict=False)),
        "c": Counter(gram for token in tokens for gram in _characters(token)),
    }


def _characters(token: str) -> Iterator[str]:
    cjk = CJK.match(token) is not None
    run = token if cjk else f" {token} "
    for size in CJK_GRAMS if cjk else LATIN_GRAMS:
        for start in range(len(run) - size + 1):
            yield run[start : start + size]


@dataclass(frozen=True, slots=True)
class Vectoriser:
    """Maps texts into the space of the n-grams seen in training.

    Attributes:
        column_of: `block:gram` → column, None if it was never seen.
        idf: by column.
        unseen_idf: what an n-gram that was never seen weighs in the norm.
    """

    column_of: Callable[[str], int | None]
    idf: Sequence[float]
    unseen_idf: float

    def row(self, text: str) -> tuple[list[int], list[float]]:
        """Return (columns, values) of one text."""
        columns: list[int] = []
        values: list[float] = []
        counted = grams(text)
        for block, weight in BLOCKS:
            self._add_block(block, weight, counted[block], columns, values)
        return columns, values

    def _add_block(
        self, block: str, weight: float, counts: Counter[str], columns: list[int], values: list[float]
    ) -> None:
        square = 0.0
        first = len(values)
        for gram, count in counts.items():
            column = self.column_of(f"{block}:{gram}")
            value = (1.0 + math.log(count)) * (self.unseen_idf if column is None else self.idf[column])
            square += value * value
            if column is not None:
                columns.append(column)
                values.append(value)
        scale = weight / math.sqrt(square) if square else 0.0
        values[first:] = [value * scale for value in values[first:]]

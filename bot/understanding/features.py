"""Texts to sparse vectors: words, adjacent pairs, skip pairs and character n-grams, each block of unit length.

Weights are sublinear tf x idf. An n-gram that was never seen in training still counts in the norm of its block, so
an unfamiliar sentence gets small values everywhere, and with them small margins: that is what lets the bot say "I
don't know".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_matrix

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
        columns: `block:gram` → column.
        idf: by column.
        unseen_idf: what an n-gram that was never seen weighs in the norm.
    """

    columns: dict[str, int]
    idf: np.ndarray
    unseen_idf: float

    def row(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (columns, values) of one text."""
        columns: list[int] = []
        values: list[float] = []
        counted = grams(text)
        for block, weight in BLOCKS:
            self._add_block(block, weight, counted[block], columns, values)
        return np.array(columns, dtype=np.int32), np.array(values, dtype=np.float32)

    def _add_block(
        self, block: str, weight: float, counts: Counter[str], columns: list[int], values: list[float]
    ) -> None:
        square = 0.0
        first = len(values)
        for gram, count in counts.items():
            column = self.columns.get(f"{block}:{gram}")
            value = (1.0 + math.log(count)) * (self.unseen_idf if column is None else float(self.idf[column]))
            square += value * value
            if column is not None:
                columns.append(column)
                values.append(value)
        scale = weight / math.sqrt(square) if square else 0.0
        values[first:] = [value * scale for value in values[first:]]

    def matrix(self, texts: Sequence[str]) -> csr_matrix:
        """Return one row for each text."""
        rows = [self.row(text) for text in texts]
        starts = np.cumsum([0, *(len(columns) for columns, _ in rows)])
        columns = np.concatenate([columns for columns, _ in rows])
        values = np.concatenate([values for _, values in rows])
        return csr_matrix((values, columns, starts), shape=(len(texts), len(self.columns)))


def fit(texts: Sequence[str]) -> Vectoriser:
    """Learn columns and weights from the training texts; smooth idf = ln((1 + n) / (1 + df)) + 1."""
    frequency: Counter[str] = Counter()
    for text in texts:
        for block, counts in grams(text).items():
            frequency.update(f"{block}:{gram}" for gram in counts)
    columns = {gram: column for column, gram in enumerate(sorted(frequency))}
    n = len(texts)
    idf = np.array([math.log((1 + n) / (1 + frequency[gram])) + 1 for gram in columns], dtype=np.float32)
    return Vectoriser(columns, idf, math.log(1 + n) + 1)

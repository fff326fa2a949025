"""A linear one-vs-rest SVM over n-grams. Its margins are the scores everything else is decided by.

Nothing here needs more than Python: a process that answers loads no numerical library. Training does, in
`bot.understanding.training`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from bot.understanding.features import Vectoriser


def key_of(gram: str) -> int:
    """Return the 64-bit number that stands for an n-gram: a few hundred thousand do not collide."""
    return int.from_bytes(blake2b(gram.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class Classifier:
    """Margins for every label; above 0 means "this is it", far below means "nothing like it was ever shown".

    The weights are sparse and lie column by column: those of column `c` are `weights[starts[c]:starts[c + 1]]`, for
    the labels at the same positions of `places`. They are whole numbers of -127 to 127, to be multiplied by
    `scales[c]`: that changes margins by less than 0.01. Sequences may be views of a mapped file.

    Attributes:
        keys: `key_of` the n-gram of each column, ascending.
        idf: by column.
        unseen_idf: what an n-gram that was never seen weighs.
        starts: by column, and one more for the end.
        scales: by column.
        places: positions in `labels`.
        bias: by label.
    """

    labels: tuple[str, ...]
    keys: Sequence[int]
    idf: Sequence[float]
    unseen_idf: float
    starts: Sequence[int]
    scales: Sequence[float]
    places: Sequence[int]
    weights: Sequence[int]
    bias: Sequence[float]

    def margins(self, text: str) -> list[tuple[str, float]]:
        """Return every label with its margin, best first."""
        scores = list(self.bias)
        columns, values = Vectoriser(self._column_of, self.idf, self.unseen_idf).row(text)
        for column, value in zip(columns, values, strict=True):
            own = slice(self.starts[column], self.starts[column + 1])
            scaled = value * self.scales[column]
            for place, weight in zip(self.places[own], self.weights[own], strict=True):
                scores[place] += scaled * weight
        return sorted(zip(self.labels, scores, strict=True), key=lambda scored: -scored[1])

    def _column_of(self, gram: str) -> int | None:
        key = key_of(gram)
        column = bisect_left(self.keys, key)
        return column if column < len(self.keys) and self.keys[column] == key else None

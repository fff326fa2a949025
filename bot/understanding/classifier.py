"""A linear one-vs-rest SVM over n-grams. Its margins are the scores everything else is decided by.

Nothing here needs more than Python: a process that answers loads no numerical library. Training does, in
`bot.understanding.training`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from math import sqrt
from operator import itemgetter

from bot.understanding.features import BLOCKS, UNSEEN, blocks

HOPEFUL = 12
"""So many labels get their whole margins."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """Margins for every label; above 0 means "this is it", far below means "nothing like it was ever shown".

    The weights are sparse and lie column by column: those of column `c` are `weights[starts[c]:starts[c + 1]]`, for
    the labels at the same positions of `places`. They are whole numbers of -127 to 127, to be multiplied by the scale
    of the label. The strongest of a column, up to `middles[c]`, come first; both parts are in the order of places.
    Sequences may be views of a mapped file.

    Attributes:
        keys: `key_of` the n-gram of each column, ascending: all that were seen.
        starts: by column, and one more for the end.
        middles: by column.
        places: positions in `labels`.
        scales: by label.
        bias: by label.
        odds: by column, to be multiplied by `odds_scale`: how much oftener it stands in what is not for the shop.
        odds_scale: 0 where nothing was learnt of that.
    """

    labels: tuple[str, ...]
    keys: Sequence[int]
    starts: Sequence[int]
    middles: Sequence[int]
    places: Sequence[int]
    weights: Sequence[int]
    scales: Sequence[float]
    bias: Sequence[float]
    odds: Sequence[int]
    odds_scale: float

    def margins(self, text: str) -> list[tuple[str, float]]:
        """Return every label with its margin, best first."""
        scores = self._scores(self._row(text), self.starts[1:])
        return sorted(zip(self.labels, scores, strict=True), key=lambda scored: -scored[1])

    def best(self, text: str, count: int) -> list[tuple[str, float]]:
        """Return the first `count` of `margins`, much sooner if there are many labels.

        Only the strongest weights choose who comes into question; `HOPEFUL` labels get their whole margins.
        """
        return self._best(self._row(text), count)

    def best_and_oddness(self, text: str, count: int) -> tuple[list[tuple[str, float]], float | None]:
        """Return `best`, and the log odds that `text` is no business of the shop: None where that was not learnt.

        See `bot.understanding.oddness`.
        """
        row = self._row(text)
        odds = self.odds
        told = self.odds_scale * sum(value * odds[column] for column, value in row) if self.odds_scale else None
        return self._best(row, count), told

    def _best(self, row: Sequence[tuple[int, float]], count: int) -> list[tuple[str, float]]:
        hopeful = nlargest(max(count, HOPEFUL), enumerate(self._scores(row, self.middles)), key=itemgetter(1))
        weak = [
            (value, self.middles[c], self.starts[c + 1]) for c, value in row if self.middles[c] < self.starts[c + 1]
        ]
        whole = [(place, score + self.scales[place] * self._weak(weak, place)) for place, score in hopeful]
        return [(self.labels[place], score) for place, score in nlargest(count, whole, key=itemgetter(1))]

    def _scores(self, row: Sequence[tuple[int, float]], ends: Sequence[int]) -> list[float]:
        """Return what the weights of each column up to its end make of `row`, by label."""
        sums = [0.0] * len(self.labels)
        starts, places, weights = self.starts, self.places, self.weights
        for column, value in row:
            start, end = starts[column], ends[column]
            for place, weight in zip(places[start:end], weights[start:end], strict=True):
                sums[place] += value * weight
        return [scale * own + bias for scale, own, bias in zip(self.scales, sums, self.bias, strict=True)]

    def _weak(self, runs: Sequence[tuple[float, int, int]], place: int) -> float:
        """Return what the weights after the strongest add for one label; `runs` are (value, from, to)."""
        added = 0.0
        places = self.places
        for value, start, end in runs:
            at = bisect_left(places, place, start, end)
            if at < end and places[at] == place:
                added += value * self.weights[at]
        return added

    def _row(self, text: str) -> list[tuple[int, float]]:
        """Return (column, value) of the n-grams that were seen."""
        values: list[tuple[int, float]] = []
        keys, count = self.keys, len(self.keys)
        for block, counted in blocks(text):
            known = []
            square = 0.0
            for key, value in counted:
                column = bisect_left(keys, key)
                if column < count and keys[column] == key:
                    known.append((column, value))
                    square += value * value
                else:
                    square += (UNSEEN[block] * value) ** 2
            scale = BLOCKS[block] / sqrt(square)
            values += [(column, value * scale) for column, value in known]
        return values

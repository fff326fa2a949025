"""Divides labelled messages for cross-validation: always the same way for the same rows and seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from bot.measure.rows import FEWEST_LABELS, Row
from bot.understanding.text import OUT_OF_SCOPE

HELD_LABELS = 10
"""Where nobody gave messages out of scope, one label in so many is kept from an engine, to see whether it says no."""
ENOUGH_OUTSIDE = 20
"""So many messages out of scope stand for others well enough."""


@dataclass(frozen=True, slots=True)
class Fold:
    """What to train on and what to ask; among the asked, those whose label was kept back are `oos`."""

    train: tuple[Row, ...]
    ask: tuple[Row, ...]


def plain_folds(rows: Sequence[Row], k: int, seed: int) -> Iterator[Fold]:
    """Yield `k` folds: every row is asked once. A label with a single row is only trained on."""
    places = _places(rows, k, seed)
    for number in range(k):
        train = tuple(row for row, place in zip(rows, places, strict=True) if place != number)
        ask = tuple(row for row, place in zip(rows, places, strict=True) if place == number)
        yield Fold(train, ask)


def rejection_folds(rows: Sequence[Row], k: int, seed: int) -> Iterator[Fold]:
    """Yield `k` folds to choose a threshold on: as `plain_folds`, but some of the asked are out of scope.

    Where `rows` hold enough that are out of scope, it is these. Else it is all rows of a tenth of the labels, another
    tenth in each fold, on which nothing is trained.
    """
    if sum(label == OUT_OF_SCOPE for _, label in rows) >= ENOUGH_OUTSIDE:
        yield from plain_folds(rows, k, seed)
        return
    names = sorted({label for _, label in rows} - {OUT_OF_SCOPE})
    Random(seed).shuffle(names)
    share = max(HELD_LABELS, k)
    for number, fold in enumerate(plain_folds(rows, k, seed)):
        held = set(names[number::share]) if len(names) > FEWEST_LABELS else set()
        outside = ((text, OUT_OF_SCOPE) for text, label in rows if label in held)
        inside = (row for row in fold.ask if row[1] not in held)
        yield Fold(tuple(row for row in fold.train if row[1] not in held), (*inside, *outside))


def _places(rows: Sequence[Row], k: int, seed: int) -> list[int]:
    """Return for each row the fold that asks it, -1 for none: the rows of a label go round the folds."""
    own: dict[str, list[int]] = defaultdict(list)
    for position, (_, label) in enumerate(rows):
        own[label].append(position)
    places = [-1] * len(rows)
    random = Random(seed)
    begin = 0
    for label in sorted(own):
        positions = own[label]
        random.shuffle(positions)
        if len(positions) > 1:
            for step, position in enumerate(positions):
                places[position] = (begin + step) % k
            begin += len(positions)
    return places

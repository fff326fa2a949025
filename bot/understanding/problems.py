"""Learns from all phrasings: finds out whose they are, and how each class is told apart from the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.understanding.large import learnt_in_large
from bot.understanding.small import learnt_in_small
from bot.understanding.table import Table, digest_of, table_of
from bot.understanding.text import OUT_OF_SCOPE
from bot.understanding.workings import Workings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALL_UP_TO = 300
"""Up to so many classes, each is told apart from all other rows."""
SMALL = 12_000
"""Up to so many rows, the same."""


class NoWords(ValueError):
    """Nothing can be learnt: no phrasing holds a word."""


def learnt(texts: Sequence[str], labels: Sequence[str], known: Workings | None) -> Workings:
    """Return what is learnt from parallel `texts` and `labels`: the same with `known` as without.

    Raises:
        NoWords: no text holds a word.
    """
    import numpy as np

    marks = np.fromiter(map(digest_of, texts), dtype=np.uint64)
    table = table_of(texts, marks, known.table if known else None)
    if not len(table.keys):
        raise NoWords("no phrasing holds a word")
    owners = _owners(marks, labels, table)
    small = len(owners) <= ALL_UP_TO and len(table.digests) <= SMALL
    done = (learnt_in_small if small else learnt_in_large)(table, owners, known)
    return Workings(table, [done[label] for label in owners])


def _owners(marks: NDArray[np.uint64], labels: Sequence[str], table: Table) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each label, ascending, by label."""
    import numpy as np

    names = sorted(set(labels) - {OUT_OF_SCOPE})
    place_of = {name: place for place, name in enumerate(names)}
    places = np.array([place_of.get(label, -1) for label in labels])
    rows = np.searchsorted(table.digests, marks)[places >= 0]
    pairs = np.unique(places[places >= 0] * len(table.digests) + rows)
    cuts = np.searchsorted(pairs, np.arange(1, len(names)) * len(table.digests))
    return dict(zip(names, np.split(pairs % len(table.digests), cuts), strict=True))

"""The texts to learn from as one sparse table. What an earlier table holds of the same texts is taken over."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING

from bot.understanding import features
from bot.understanding.spread import spread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK = 64
"""So many texts are read as one piece of work."""


@dataclass(frozen=True, slots=True)
class Table:
    """A row for each different text, in the order of their digests; columns stand for n-grams.

    Attributes:
        digests: by row, ascending: the 64 bits by which its text is known.
        starts: by row, and one more: where its entries begin.
        columns: of the entries, ascending within a row.
        values: of the entries.
        keys: by column, ascending.
        shared: by column: how many rows hold it.
    """

    digests: NDArray[np.uint64]
    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    keys: NDArray[np.uint64]
    shared: NDArray[np.int64]

    def entries_of(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (starts within the answer, positions of the entries) of some rows, one behind the other."""
        import numpy as np

        lengths = self.starts[rows + 1] - self.starts[rows]
        starts = starts_of(lengths)
        return starts, np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)


def digest_of(text: str) -> int:
    """Return the 64 bits by which a text or label is known."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def starts_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where runs of these lengths begin, and where the last one ends."""
    import numpy as np

    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))


def renumbered(columns: NDArray[np.int32], width: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the different ones of `columns` (below `width`), ascending, and for each of `columns` its place there."""
    import numpy as np

    there = np.zeros(width, dtype=bool)
    there[columns] = True
    different = np.flatnonzero(there)
    place = np.empty(width, dtype=np.int32)
    place[different] = np.arange(len(different), dtype=np.int32)
    return different, place[columns]


def table_of(texts: Sequence[str], marks: NDArray[np.uint64], known: Table | None) -> Table:
    """Return the table of the different ones of `texts`.

    Args:
        marks: the digests of `texts`.
        known: an earlier table, of any texts.
    """
    import numpy as np

    digests, firsts = np.unique(marks, return_index=True)
    old = found_in(digests, known.digests) if known else np.full(len(digests), -1)
    fresh = [texts[place] for place in firsts[old < 0]]
    parts = spread(_rows_of, [fresh[first : first + CHUNK] for first in range(0, len(fresh), CHUNK)])
    keys, values, sizes = (np.concatenate(runs) for runs in zip(_rows_of([]), *parts, strict=True))
    if known is None:
        different, columns = np.unique(keys, return_inverse=True)
        shared = np.bincount(columns, minlength=len(different))
        return Table(digests, starts_of(sizes), columns.astype(np.int32), values, different, shared)
    return _merged(known, digests, old, keys, values, sizes)


def _rows_of(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.float32], NDArray[np.int64]]:
    """Return (keys, values, sizes) of the rows of `texts`, one behind the other."""
    import numpy as np

    keys, values, sizes = array("Q"), array("f"), array("q")
    for row in map(features.row, texts):
        keys.extend(key for key, _ in row)
        values.extend(value for _, value in row)
        sizes.append(len(row))
    return np.array(keys, dtype=np.uint64), np.array(values, dtype=np.float32), np.array(sizes, dtype=np.int64)


def found_in(wanted: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the positions of `wanted` in `known` (ascending), -1 for what is not there."""
    import numpy as np

    if not len(known):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)


def _merged(
    known: Table,
    digests: NDArray[np.uint64],
    old: NDArray[np.int64],
    keys: NDArray[np.uint64],
    values: NDArray[np.float32],
    sizes: NDArray[np.int64],
) -> Table:
    """Return the table of old rows of `known` and of fresh ones (whose place in `old` is -1), with no key too many.

    Runs of old rows are copied as they are: an edit leaves few and long ones.
    """
    import numpy as np

    gone = np.setdiff1d(np.arange(len(known.digests)), old)
    shared = known.shared - np.bincount(known.columns[known.entries_of(gone)[1]], minlength=len(known.keys))
    at = found_in(keys, known.keys)
    shared += np.bincount(at[at >= 0], minlength=len(shared))
    new_keys, new_shared = np.unique(keys[at < 0], return_counts=True)
    used = shared > 0
    places = np.searchsorted(known.keys[used], new_keys)
    all_keys = np.insert(known.keys[used], places, new_keys)
    moved = (np.cumsum(used) - 1 + np.searchsorted(new_keys, known.keys)).astype(np.int32)
    fresh_columns, fresh_starts = np.searchsorted(all_keys, keys).astype(np.int32), starts_of(sizes)
    fresh_before = starts_of((old < 0).astype(np.int64))
    columns, parts, lengths = [fresh_columns[:0]], [values[:0]], np.empty(len(digests), dtype=np.int64)
    lengths[old < 0] = sizes
    lengths[old >= 0] = np.diff(known.starts)[old[old >= 0]]
    for first, end in _runs(old):
        if old[first] < 0:
            a, b = fresh_starts[fresh_before[first]], fresh_starts[fresh_before[end]]
            columns.append(fresh_columns[a:b])
            parts.append(values[a:b])
        else:
            a, b = known.starts[old[first]], known.starts[old[end - 1] + 1]
            columns.append(moved[known.columns[a:b]])
            parts.append(known.values[a:b])
    return Table(
        digests,
        starts_of(lengths),
        np.concatenate(columns),
        np.concatenate(parts),
        all_keys,
        np.insert(shared[used], places, new_shared),
    )


def _runs(old: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return (first, end) of the runs of rows that lay one behind the other before, or are all fresh."""
    import numpy as np

    fresh = old < 0
    breaks = np.flatnonzero(~((fresh[1:] & fresh[:-1]) | (~fresh[:-1] & (old[1:] == old[:-1] + 1)))) + 1
    edges = [0, *breaks.tolist(), len(old)]
    return list(pairwise(edges)) if len(old) else []

"""The products of all pairs of rows (the Gram matrix): made once for all, or as far as they are asked for.

Values are multiples of a part of `EXACT`, so all products are exact in single precision: either way gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bot.understanding.table import Table, renumbered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32] | NDArray[np.float64]
    Ints = NDArray[np.int32] | NDArray[np.int64]
    Rows = NDArray[np.int64]

SHARED_BY_FEW = 6
CHUNK = 1024
"""Columns taken at once."""
PAIRS = 2_000_000
"""Pairs taken at once."""


def gram_matrix(starts: Ints, columns: Ints, values: Floats, width: int) -> NDArray[np.float32]:
    """Return the products of all pairs of rows, and 1 more for the bias.

    Columns that many rows share are multiplied as dense blocks, the others pair by pair.

    Args:
        starts: by row, and one more: where its entries begin.
        columns: of the entries, below `width`.
        values: of the entries.
    """
    import numpy as np

    count = len(starts) - 1
    rows = np.repeat(np.arange(count), np.diff(starts))
    shared = np.bincount(columns, minlength=width)
    few = max(SHARED_BY_FEW, count // 32)
    products = _by_pairs(columns, rows, values, shared[columns], few, count)
    common = np.flatnonzero(shared > few)
    place = np.empty(width, dtype=np.int64)
    for first in range(0, len(common), CHUNK):
        block = common[first : first + CHUNK]
        place.fill(-1)
        place[block] = np.arange(len(block))
        mine = place[columns]
        chosen = np.flatnonzero(mine >= 0)
        dense = np.zeros((count, len(block)), dtype=np.float32)
        dense[rows[chosen], mine[chosen]] = values[chosen]
        products += dense @ dense.T
    return products


def _by_pairs(columns: Ints, rows: Ints, values: Floats, shared: Ints, most: int, count: int) -> NDArray[np.float32]:
    """Return 1, and what the entries of columns that up to `most` of all `count` rows share add to it, pair by pair.

    Args:
        shared: by entry: how many entries its column has.
    """
    import numpy as np

    products = np.zeros((count, count), dtype=np.float32)
    flat = products.reshape(-1)
    seldom = np.flatnonzero(shared <= most)
    seldom = seldom[np.argsort(columns[seldom], kind="stable")]
    sizes = shared[seldom]
    for size in range(2, most + 1):
        entries = seldom[sizes == size].reshape(-1, size)
        one, other = _pairs(size)
        for some in np.array_split(entries, 1 + entries.size * size // PAIRS):
            own, parts = rows[some], values[some]
            np.add.at(flat, (own[:, one] * count + own[:, other]).ravel(), (parts[:, one] * parts[:, other]).ravel())
    products += products.T + 1
    products[np.diag_indices(count)] += np.bincount(rows[seldom], values[seldom] ** 2, count)
    return products


@cache
def _pairs(size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the second of all pairs of different numbers below `size`."""
    import numpy as np

    one, other = np.triu_indices(size, 1)
    return one, other


@dataclass(frozen=True, slots=True)
class Dense:
    """Products that have been made."""

    matrix: NDArray[np.float32]

    def among(self, rows: Rows) -> NDArray[np.float32]:
        import numpy as np

        products: NDArray[np.float32] = self.matrix[np.ix_(rows, rows)]
        return products

    def scores(self, rows: Rows, shares: Floats) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = shares @ self.matrix[rows].astype("float64")
        return scores


@dataclass(frozen=True, slots=True)
class Sparse:
    """Products of the rows of a table, made when they are asked for: of few rows that is soonest."""

    table: Table

    def among(self, rows: Rows) -> NDArray[np.float32]:
        return products_among(self.table, rows)

    def scores(self, rows: Rows, shares: Floats) -> NDArray[np.float64]:
        import numpy as np

        table = self.table
        starts, entries = table.entries_of(rows)
        parts = table.values[entries] * np.repeat(shares, np.diff(starts))
        weights = np.bincount(table.columns[entries], weights=parts, minlength=len(table.keys))
        sums = np.concatenate((np.zeros(1), np.cumsum(weights[table.columns] * table.values)))
        scores: NDArray[np.float64] = np.diff(sums[table.starts]) + shares.sum()
        return scores


def products_among(table: Table, rows: Rows) -> NDArray[np.float32]:
    """Return the products of some rows of a table."""
    starts, entries = table.entries_of(rows)
    different, columns = renumbered(table.columns[entries], len(table.keys))
    return gram_matrix(starts, columns, table.values[entries], len(different))

"""Which rows a class is told apart from: all of them, or in a large set those most like it and a sample of the rest.

Likeness is measured by n-grams that few rows hold. A pool depends on nothing but the rows, so an edit changes only the
pools that the edited rows are in or come into; `to_renew` finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.understanding.table import Table, found_in, starts_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALIKE = 128
"""Rows most like the class in its pool."""
SAMPLED = 128
"""About so many others stand for the rest."""
RARE = 128
"""N-grams that more rows hold say nothing of likeness."""
NEAR = 1e-4
"""Likenesses are rounded to this, so that the order in which they were added up does not show."""
MANY = 200
"""After more new rows than this, all pools are looked for anew."""


@dataclass(frozen=True, slots=True)
class Alike:
    """The rows most like a class.

    Attributes:
        digests: of their texts, ascending.
        cut: the likeness of the last one that came in; 0 where there was room for more.
    """

    digests: NDArray[np.uint64]
    cut: float


@dataclass(frozen=True, slots=True)
class Index:
    """The entries of n-grams that few rows hold, by column."""

    starts: NDArray[np.int64]
    rows: NDArray[np.int64]
    values: NDArray[np.float32]


def index_of(table: Table, rows: NDArray[np.int64]) -> Index:
    """Return the index of those n-grams of `table` that some of `rows` hold."""
    import numpy as np

    wanted = np.zeros(len(table.keys), dtype=bool)
    wanted[table.columns[table.entries_of(rows)[1]]] = True
    wanted &= table.shared <= RARE
    few = np.flatnonzero(wanted[table.columns])
    order = few[np.argsort(table.columns[few], kind="stable")]
    holders = np.searchsorted(table.starts, order, side="right") - 1
    return Index(starts_of(np.where(wanted, table.shared, 0)), holders, table.values[order])


def likeness(table: Table, index: Index, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return by row how much it is like `rows` together: the sum of their products over rare n-grams."""
    import numpy as np

    _, entries = table.entries_of(rows)
    columns, weights = table.columns[entries], table.values[entries].astype(np.float64)
    lengths = index.starts[columns + 1] - index.starts[columns]
    firsts = starts_of(lengths)
    places = np.arange(firsts[-1]) + np.repeat(index.starts[columns] - firsts[:-1], lengths)
    products = index.values[places] * np.repeat(weights, lengths)
    return np.bincount(index.rows[places], weights=products, minlength=len(table.digests)).astype(np.float64)


def alike(table: Table, index: Index, own: NDArray[np.int64]) -> Alike:
    """Return the rows most like those of a class, its `own` left out."""
    import numpy as np

    scores = np.rint(likeness(table, index, own) / NEAR)
    scores[own] = 0
    found = np.flatnonzero(scores)
    best = found[np.argsort(-scores[found], kind="stable")][:ALIKE]
    return Alike(table.digests[np.sort(best)], float(scores[best[-1]] * NEAR) if len(best) == ALIKE else 0.0)


def groups_of(table: Table) -> list[NDArray[np.int64]]:
    """Return the rows dealt into groups of about `SAMPLED`, a power of two of them so that it seldom changes."""
    import numpy as np

    count = 1 << max(0, round(np.log2(len(table.digests) / SAMPLED)))
    group = (table.digests % np.uint64(count)).astype(np.int64)
    return np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group, minlength=count))[:-1])


def to_renew(
    before: Table, now: Table, owners: Sequence[NDArray[np.int64]], known: Sequence[Alike | None]
) -> list[int]:
    """Return the places of the classes whose pool may be another than in `known`.

    Args:
        before: the table that `known` was made from.
        owners: by class, its rows in `now`.
        known: by class; None where the rows of the class itself are others.
    """
    import numpy as np

    added = np.flatnonzero(found_in(now.digests, before.digests) < 0)
    if len(added) > MANY:
        return list(range(len(owners)))
    removed = before.digests[found_in(before.digests, now.digests) < 0]
    owner = np.repeat(np.arange(len(owners)), [len(rows) for rows in owners])
    rows = np.concatenate(owners)
    cuts = np.array([one.cut if one else -1.0 for one in known])
    renew = cuts < 0
    index = index_of(now, added)
    for row in added:
        scores = np.bincount(owner, weights=likeness(now, index, np.array([row]))[rows], minlength=len(owners))
        renew |= (scores > NEAR / 4) & (scores >= cuts - 2 * NEAR)
    touched = np.zeros(len(now.digests), dtype=bool)
    touched[_holding(now, _crossed(before, now))] = True
    renew[owner[touched[rows]]] = True
    pools = [one.digests if one else removed[:0] for one in known]
    pool = np.repeat(np.arange(len(pools)), list(map(len, pools)))
    renew[pool[found_in(np.concatenate(pools), removed) >= 0]] = True
    return [int(place) for place in np.flatnonzero(renew)]


def _crossed(before: Table, now: Table) -> NDArray[np.int64]:
    """Return the columns of `now` whose n-gram became rare, or is no longer."""
    import numpy as np

    was = np.zeros(len(now.keys), dtype=np.int64)
    at = found_in(before.keys, now.keys)
    was[at[at >= 0]] = before.shared[at >= 0]
    return np.flatnonzero((was > RARE) != (now.shared > RARE))


def _holding(table: Table, columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows that hold one of `columns`."""
    import numpy as np

    wanted = np.zeros(len(table.keys), dtype=bool)
    wanted[columns] = True
    entries = np.flatnonzero(wanted[table.columns])
    return np.unique(np.searchsorted(table.starts, entries, side="right") - 1)

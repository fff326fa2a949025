"""Learns small sets: each class is told apart from all rows that are not its own.

A row that is clear of a class by 1 has no share in its weights: whether it is there or not, they are the same. So
after an edit only those classes are learnt anew whose own rows changed, that lost a row with a share in them, or that
a new row is not clear of; and the search starts where it ended.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from bot.understanding.classes import Learnt, Problem, carried_over, solved
from bot.understanding.gram import Dense, Sparse, gram_matrix
from bot.understanding.solver import Products
from bot.understanding.spread import spread
from bot.understanding.table import Table, found_in
from bot.understanding.workings import Workings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

MANY = 24
"""For so many classes the products of all rows are made at once."""

MOST_ADDED = 100
"""After more new rows than this, every class is learnt anew."""


def learnt_in_small(table: Table, owners: Mapping[str, Rows], known: Workings | None) -> dict[str, Learnt]:
    """Return what is learnt of each of `owners` (label: its rows, ascending)."""
    import numpy as np

    usual = _usual(owners)
    problems = {label: _digest(table, own, usual) for label, own in owners.items()}
    before = [one for one in known.classes if one.alike is None and one.label in owners] if known else []
    starts = {one.label: rows for one, rows in zip(before, _active_rows(table, before), strict=True)}
    done: dict[str, Learnt] = {}
    if known:
        same = [one for one in before if one.problem == problems[one.label] and (starts[one.label] >= 0).all()]
        added = np.flatnonzero(found_in(table.digests, known.table.digests) < 0)
        clear = _clear(table, added, same, [starts[one.label] for one in same])
        done = carried_over(
            (one for one, is_clear in zip(same, clear, strict=True) if is_clear), known.table, table, {}
        )
    missing = [label for label in owners if label not in done]
    products = _products(table, len(missing))

    def solve_one(label: str) -> Learnt:
        own = np.zeros(len(table.digests), dtype=bool)
        own[owners[label]] = True
        costs = np.where(own, usual / len(owners[label]), 1.0)
        problem = Problem(problems[label], np.arange(len(own)), own, costs)
        start = starts.get(label)
        start = None if start is None else np.union1d(start[start >= 0], owners[label])
        return solved(table, label, problem, None, products, start)

    return done | {one.label: one for one in spread(solve_one, missing)}


def _usual(owners: Mapping[str, Rows]) -> float:
    """Return how many rows a class has on average, so coarsely that an edit seldom changes it."""
    quarters = round(4 * math.log2(sum(map(len, owners.values())) / len(owners)))
    return math.pow(2, quarters / 4)


def _digest(table: Table, own: Rows, usual: float) -> int:
    """Return 64 bits of all that decides about the weights of a class, but for the rows of others."""
    digest = blake2b(f"{usual} ".encode(), digest_size=8)
    digest.update(table.digests[own].tobytes())
    return int.from_bytes(digest.digest(), "little")


def _active_rows(table: Table, before: Sequence[Learnt]) -> list[Rows]:
    """Return for each class the rows with a share in it; -1 for those that are no longer there."""
    import numpy as np

    rows = found_in(np.concatenate([table.digests[:0], *(one.active for one in before)]), table.digests)
    return np.split(rows, np.cumsum([len(one.active) for one in before])[:-1]) if before else []


def _clear(table: Table, added: Rows, before: Sequence[Learnt], active: Sequence[Rows]) -> NDArray[np.bool_]:
    """Return for each class whether all `added` rows, none of them its own, are clear of it by 1.

    Where many were added, to find that out takes as long as to learn: none is said to be.
    """
    import numpy as np

    if len(added) > MOST_ADDED:
        return np.zeros(len(before), dtype=bool)
    clear = np.ones(len(before), dtype=bool)
    rows = np.concatenate([added[:0], *active])
    shares = np.concatenate([np.zeros(0), *(one.shares for one in before)])
    places = np.repeat(np.arange(len(before)), [len(run) for run in active])
    products = Sparse(table)
    for row in added:
        near = products.scores(np.array([row]), np.ones(1))
        clear &= np.bincount(places, weights=near[rows] * shares, minlength=len(before)) <= -1
    return clear


def _products(table: Table, count: int) -> Products:
    """Return the products of the rows of `table`, in the form that is soonest done for `count` classes."""
    if count < MANY:
        return Sparse(table)
    return Dense(gram_matrix(table.starts, table.columns, table.values, len(table.keys)))

"""Learns the weights of one class from its problem: its own rows and the rows it is told apart from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.understanding.pools import Alike
from bot.understanding.solver import Products, solve
from bot.understanding.table import Table, found_in, renumbered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 127
"""Weights become whole numbers up to this."""
FAINT = 6
"""Weights up to this are left out: they are most of all, and together they move a margin by 0.015."""
TINY = 1e-9
"""Stands for the largest weight of a class whose n-grams decide nothing."""
LIKELY = 100
"""So many negatives are tried first."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A class and what it is told apart from.

    Attributes:
        digest: 64 bits of all that decides about the weights.
        rows: all, ascending.
        own: by row: whether it is one of the class.
        costs: by row: what it costs to be on the wrong side.
    """

    digest: int
    rows: NDArray[np.int64]
    own: NDArray[np.bool_]
    costs: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt of one class.

    Attributes:
        problem: the digest of what it was learnt from.
        columns: of its weights, ascending.
        weights: whole numbers, to be multiplied by `scale`.
        own: the digests of its texts, ascending.
        alike: None where it was told apart from all rows.
        active: the digests of the texts that its weights are made of, ascending; none where there is `alike`.
        shares: how much of each of `active` is in them.
    """

    label: str
    problem: int
    columns: NDArray[np.int32]
    weights: NDArray[np.int8]
    scale: float
    bias: float
    own: NDArray[np.uint64]
    alike: Alike | None
    active: NDArray[np.uint64]
    shares: NDArray[np.float64]


def likely(products: Products, own: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return rows that are likely to matter, where nothing is known: those most like the class, and some of all."""
    import numpy as np

    near = products.scores(np.flatnonzero(own), np.ones(own.sum()))
    near[own] = np.inf
    nearest = np.argsort(-near, kind="stable")[: own.sum() + LIKELY]
    return np.union1d(nearest, np.arange(0, len(own), 1 + len(own) // LIKELY))  # some of all kinds: for the bias


def solved(
    table: Table, label: str, problem: Problem, alike: Alike | None, products: Products, start: NDArray[np.int64] | None
) -> Learnt:
    """Return what is learnt from `problem`.

    Args:
        alike: is kept with it.
        products: of the rows of the problem.
        start: positions of rows that are likely to matter, if they are known.
    """
    import numpy as np

    start = likely(products, problem.own) if start is None else start
    shares = solve(products, np.where(problem.own, 1.0, -1.0), problem.costs, start)
    active = np.flatnonzero(shares)
    starts, entries = table.entries_of(problem.rows[active])
    parts = table.values[entries].astype(np.float64) * np.repeat(shares[active], np.diff(starts))
    different, places = renumbered(table.columns[entries], len(table.keys))
    sums = np.bincount(places, weights=parts, minlength=len(different))
    scale = max(float(np.abs(sums).max(initial=0)), TINY) / LARGEST
    whole_weights = np.rint(sums / scale).astype(np.int8)
    kept = np.abs(whole_weights) > FAINT
    remembered = active if alike is None else active[:0]
    return Learnt(
        label=label,
        problem=problem.digest,
        columns=different[kept].astype(np.int32),
        weights=whole_weights[kept],
        scale=scale,
        bias=float(shares[active].sum()),
        own=table.digests[problem.rows[problem.own]],
        alike=alike,
        active=table.digests[problem.rows[remembered]],
        shares=shares[remembered],
    )


def carried_over(olds: Iterable[Learnt], before: Table, now: Table, alikes: Mapping[str, Alike]) -> dict[str, Learnt]:
    """Return by label what was learnt in the columns of `before` in those of `now`, which hold all that is needed.

    Args:
        alikes: what is kept with it, by label; what is not there is None.
    """
    moved = found_in(before.keys, now.keys).astype("int32")
    return {
        old.label: Learnt(
            label=old.label,
            problem=old.problem,
            columns=moved[old.columns],
            weights=old.weights,
            scale=old.scale,
            bias=old.bias,
            own=old.own,
            alike=alikes.get(old.label),
            active=old.active,
            shares=old.shares,
        )
        for old in olds
    }

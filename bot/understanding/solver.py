"""One class against its negatives: a linear squared-hinge SVM, solved exactly in the space of its rows.

With few rows and many n-grams the products between rows (the Gram matrix) hold all that counts. Newton's method on
the rows that are not yet clear by 1 ends after a handful of steps at the one optimum there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32] | NDArray[np.float64]
    Rows = NDArray[np.int64]

STEPS = 60
"""The most steps of Newton's method; it takes about six."""
SMALLEST_SHARE = 1 / 4096
AT_ONCE = 100
"""So many rows at most become active in a step."""


class Products(Protocol):
    """Knows the products of all pairs of rows, each with 1 more for the bias."""

    def among(self, rows: Rows) -> NDArray[np.float32]:
        """Return the products of some rows with each other."""

    def scores(self, rows: Rows, shares: Floats) -> NDArray[np.float64]:
        """Return the products of every row with the sum of `shares` times `rows`."""


def solve(products: Products, sides: Floats, costs: Floats, start: Rows) -> NDArray[np.float64]:
    """Return what each row weighs in the sum that is the weight vector; most rows weigh nothing.

    The answer is a matter of the rows that are not clear in the end, and these are the same wherever the search
    starts: so it is the same to the last bit, and rows that are clear may come and go.

    Args:
        sides: 1 for rows of the class, -1 for the others.
        costs: what it costs, squared, to be short of 1 on the right side.
        start: rows that are likely to matter, ascending.
    """
    import numpy as np

    def worth(weights: Floats, scores: Floats) -> float:
        return float(weights @ scores / 2 + costs @ np.maximum(0, 1 - sides * scores) ** 2)

    weights = np.zeros(len(sides))
    scores = np.zeros(len(sides))
    best = worth(weights, scores)
    active = start
    for _ in range(STEPS):
        system = products.among(active).astype(np.float64)
        system[np.diag_indices(len(active))] += 0.5 / costs[active]
        full = np.zeros(len(sides))
        full[active] = np.linalg.solve(system, sides[active])
        reached = products.scores(active, full[active])
        clear = sides * reached
        missed = clear < 1
        if np.array_equal(np.flatnonzero(missed), active):
            return full
        share, tried = 1.0, (full, reached)
        while (found := worth(*tried)) >= best and share > SMALLEST_SHARE:
            share /= 2
            tried = (1 - share) * weights + share * full, (1 - share) * scores + share * reached
        if found < best:
            weights, scores = tried
            best, clear = found, sides * scores
            active = _next(clear < 1, active, clear)
        else:  # the first rows tell too little of the others: the worst of those come in
            active = np.union1d(active, _next(missed, active, clear))
    return weights


def _next(missed: NDArray[np.bool_], active: NDArray[Any], clear: Floats) -> NDArray[Any]:
    """Return the rows to be active next: of those that come in, only the worst, for most of them will go again."""
    import numpy as np

    fresh = missed.copy()
    fresh[active] = False
    come = np.flatnonzero(fresh)
    stay = missed & ~fresh
    stay[come[np.argsort(clear[come], kind="stable")[:AT_ONCE]]] = True
    return np.flatnonzero(stay)

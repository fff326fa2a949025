"""Learns large sets: each class is told apart from the rows most like it, and from some that stand for all others.

The problem of a class is known by its digest. After an edit only the classes with another problem are learnt anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from bot.understanding.classes import Learnt, Problem, carried_over, solved
from bot.understanding.gram import Dense, products_among
from bot.understanding.pools import Alike, alike, groups_of, index_of, to_renew
from bot.understanding.spread import spread
from bot.understanding.table import Table, digest_of, found_in
from bot.understanding.workings import Workings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

MOST_OUTSIDE = 256
"""So many rows out of scope are told apart from every class; more are treated like all others."""


def learnt_in_large(table: Table, owners: Mapping[str, Rows], known: Workings | None) -> dict[str, Learnt]:
    """Return what is learnt of each of `owners` (label: its rows, ascending)."""
    import numpy as np

    before = {one.label: one for one in known.classes if one.label in owners} if known else {}
    alikes = _alikes(table, owners, known, before)
    groups = groups_of(table)
    outside = np.setdiff1d(np.arange(len(table.digests)), np.concatenate(list(owners.values())))[:MOST_OUTSIDE]
    usual = 1 << round(math.log2(sum(map(len, owners.values())) / len(owners)))  # an edit seldom changes it
    all_share = f"{usual} {len(groups)} ".encode() + table.digests[outside].tobytes()
    dealt = [blake2b(table.digests[group].tobytes() + all_share, digest_size=8).digest() for group in groups]
    group_of = {label: digest_of(label) % len(groups) for label in owners}
    problems = {
        label: _digest(table.digests[own], alikes[label].digests, dealt[group_of[label]])
        for label, own in owners.items()
    }
    same = (one for label, one in before.items() if one.problem == problems[label])
    done = carried_over(same, known.table, table, alikes) if known else {}

    def solve_one(label: str) -> Learnt:
        own, group = owners[label], groups[group_of[label]]
        close = found_in(alikes[label].digests, table.digests)
        problem = _problem(problems[label], own, np.concatenate((outside, close)), group, len(groups), usual)
        products = Dense(products_among(table, problem.rows))
        return solved(table, label, problem, alikes[label], products, None)

    missing = [label for label in owners if label not in done]
    return done | {one.label: one for one in spread(solve_one, missing)}


def _digest(own: NDArray[np.uint64], close: NDArray[np.uint64], rest: bytes) -> int:
    """Return 64 bits of all that decides about the weights of a class."""
    digest = blake2b(rest + len(own).to_bytes(8, "little"), digest_size=8)
    digest.update(own.tobytes())
    digest.update(close.tobytes())
    return int.from_bytes(digest.digest(), "little")


def _problem(digest: int, own: Rows, apart: Rows, group: Rows, stand_for: int, usual: float) -> Problem:
    """Return the problem of a class: each row of `group` counts `stand_for` times, unless it is in `apart` as well."""
    import numpy as np

    rows = np.unique(np.concatenate((own, apart, group)))
    is_own = np.isin(rows, own, assume_unique=True)
    stands = np.isin(rows, group, assume_unique=True) & ~np.isin(rows, apart)
    costs = np.where(is_own, usual / len(own), np.where(stands, float(stand_for), 1.0))
    return Problem(digest, rows, is_own, costs)


def _alikes(
    table: Table, owners: Mapping[str, Rows], known: Workings | None, before: Mapping[str, Learnt]
) -> dict[str, Alike]:
    """Return the rows most like each class; those that cannot have changed are taken over."""
    import numpy as np

    labels = list(owners)
    old: list[Alike | None] = [
        one.alike if (one := before.get(label)) and np.array_equal(one.own, table.digests[owners[label]]) else None
        for label in labels
    ]
    rows: Sequence[Rows] = list(owners.values())
    renew = to_renew(known.table, table, rows, old) if known else list(range(len(labels)))
    index = index_of(table, np.concatenate([table.starts[:0], *(rows[place] for place in renew)]))
    found = spread(lambda place: alike(table, index, rows[place]), renew)
    kept = {label: one for label, one in zip(labels, old, strict=True) if one}
    return kept | {labels[place]: one for place, one in zip(renew, found, strict=True)}

"""How odd a message is for a shop: by the n-grams that stand oftener in what is none of its business.

A second opinion beside the margins, and of another kind: it counts, it tells no labels apart, and it knows nothing of
what is asked for. What sounds like the shop is acted on sooner for it, and what does not, later: `what size turkey for
twelve people` asks for a size as clearly as any, but speaks of nothing that is sold.

Counting costs no training, and an edit changes no more than the counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.understanding.features import KEY_BITS, PLACES
from bot.understanding.text import REFUSALS
from bot.understanding.workings import Workings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TELLING = ("w", "c", "k")
"""Blocks that are counted. Pairs say the same as their words, and count them twice."""
ENOUGH = 100
"""With fewer rows on one side nothing is learnt."""
PER = 1000
SMOOTH = 0.1
"""As if in a thousand rows each n-gram stood so much oftener than it does."""
LARGEST = 127


def odds_of(workings: Workings) -> tuple[NDArray[np.int8], float]:
    """Return by column the log of how much oftener it stands in rows that are no business of the shop, and the scale.

    These are the rows out of scope and those to be refused. The scale is 0 where there are too few on either side.
    """
    import numpy as np

    table = workings.table
    own = [one.own for one in workings.classes if one.label not in REFUSALS]
    ours = np.isin(table.digests, np.concatenate([table.digests[:0], *own]))
    if min(ours.sum(), (~ours).sum()) < ENOUGH:
        return np.zeros(len(table.keys), dtype=np.int8), 0.0
    among_ours = np.bincount(table.columns[np.repeat(ours, np.diff(table.starts))], minlength=len(table.keys))
    often = SMOOTH + (table.shared - among_ours) * (PER / (~ours).sum())
    odds = np.log(often / (SMOOTH + among_ours * (PER / ours.sum())))
    blocks = (table.keys & np.uint64((1 << KEY_BITS) - 1)).astype(np.int64)
    odds[~np.isin(blocks, [PLACES[block] for block in TELLING])] = 0.0
    scale = float(np.abs(odds).max()) / LARGEST
    return np.rint(odds / scale).astype(np.int8), scale

"""What the clauses of a message ask for, each read by itself and beside the message as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.understanding.ranker import Ranking

SURER = 0.3
"""A clause after a mere comma has to be surer by this: a comma may stand inside one request."""
LESS = 0.2
"""By so much less sure may a clause be whose label the whole message speaks for, or that stands beside a sure one."""
AT_MOST = 0.05
"""So far above `Bounds.ask` a clause does not yet speak for a label."""
SPOKEN_FOR = 0.25
"""So far above `Bounds.ask` the whole message speaks for a label."""


def sure(whole: Ranking, clauses: Sequence[Ranking], *, strong: bool) -> tuple[tuple[str, float], ...]:
    """Return the labels, with margins, of the clauses that are sure; none unless there are two such labels.

    Args:
        strong: whether what parts the clauses says that another request begins.
    """
    found = _sure_ones(whole, clauses, strong=strong)
    if len(found) == 1:
        found |= _of_the_rest(whole, clauses, *found)
    return tuple(found.items()) if len(found) > 1 else ()


def alone(whole: Ranking, clauses: Sequence[Ranking], *, strong: bool) -> tuple[tuple[str, float], ...]:
    """Return the label, with its margin, of which one clause is sure by itself while no other is sure of anything."""
    found = _sure_ones(whole, clauses, strong=strong) if strong else {}
    return tuple(found.items()) if len(found) == 1 else ()


def _sure_ones(whole: Ranking, clauses: Sequence[Ranking], *, strong: bool) -> dict[str, float]:
    """Return the labels, with margins, of which clauses are sure."""
    act, likely = whole.bounds.usual.act, whole.bounds.ask + SPOKEN_FOR  # how odd the whole is says little of a part
    spoken_for = {label for label, margin in whole.labels if margin >= likely}
    found: dict[str, float] = {}
    beside_a_sure_one = strong and any(clause.labels[0][1] >= act + SURER for clause in clauses)
    for label, margin in (clause.labels[0] for clause in clauses):
        least = act - LESS if label in spoken_for or beside_a_sure_one else act if strong else act + SURER
        if margin >= least:
            found[label] = max(margin, found.get(label, margin))
    return found


def agreed(whole: Ranking, clauses: Sequence[Ranking]) -> Ranking:
    """Return `whole`, surer of its best label where that is nearly sure and a clause is quite sure of it."""
    (best, margin), *others = whole.labels
    said = max((clause.labels[0][1] for clause in clauses if clause.labels[0][0] == best), default=margin)
    act = whole.bounds.usual.act
    if margin < act - LESS or said < act + LESS:
        return whole
    return replace(whole, labels=((best, max(margin, said - LESS)), *others))


def _of_the_rest(whole: Ranking, clauses: Sequence[Ranking], label: str) -> dict[str, float]:
    """Return what the whole message is sure of, where it is not what the one sure clause (with `label`) speaks of.

    `想退货 另外运费谁出`: by itself the second clause might be about any freight.
    """
    best, margin = whole.labels[0]
    if best == label or margin < whole.bounds.usual.act:
        return {}
    said = [dict(clause.labels).get(best, -1.0) for clause in clauses if clause.labels[0][0] == label]
    return {best: margin} if max(said) <= whole.bounds.ask + AT_MOST else {}


def possible(whole: Ranking, clauses: Sequence[Ranking]) -> tuple[tuple[str, float], ...]:
    """Return what may have been meant, best first: in a tale often one clause says it, and the others hide it."""
    scores = dict(whole.labels)
    for label, margin in (ranked for clause in clauses for ranked in clause.labels[:3]):
        scores[label] = max(scores.get(label, margin - LESS), margin - LESS)
    return tuple(sorted(scores.items(), key=lambda scored: -scored[1]))

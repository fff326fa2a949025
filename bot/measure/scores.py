"""How well messages were understood: pure functions of what was right and what an engine said."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import ceil

from bot.understanding.text import OUT_OF_SCOPE

EXAMPLES = 3
"""Texts told for each pair of labels that are taken for each other."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One message: its right label (`oos`: none fits), and an engine's best label with its score."""

    text: str
    label: str
    best: str
    score: float

    @property
    def in_scope(self) -> bool:
        return self.label != OUT_OF_SCOPE

    @property
    def right(self) -> bool:
        return self.best == self.label


@dataclass(frozen=True, slots=True)
class Confusion:
    """So many messages of `label` were taken for `taken_for`, with some of them."""

    label: str
    taken_for: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejection:
    """What comes of refusing every message whose best score is below `threshold`; shares of 1, None of nothing.

    Attributes:
        accuracy: of all messages: in scope, not refused and right; or out of scope and refused.
        oos_recall: of those out of scope, how many were refused.
        oos_precision: of those refused, how many were out of scope.
    """

    threshold: float
    accuracy: float | None
    oos_recall: float | None
    oos_precision: float | None


NOTHING = Rejection(float("-inf"), None, None, None)
"""Where no threshold could be chosen."""


def in_scope_accuracy(outcomes: Iterable[Outcome]) -> float | None:
    """Return the share of messages in scope whose best label is right, whatever its score; None without any."""
    return _share(outcome.right for outcome in outcomes if outcome.in_scope)


def macro_f1(outcomes: Iterable[Outcome]) -> float | None:
    """Return the mean over the labels of messages in scope of the F1 score, nothing refused; None without any."""
    known = [outcome for outcome in outcomes if outcome.in_scope]
    right = Counter(outcome.label for outcome in known if outcome.right)
    there = Counter(outcome.label for outcome in known)
    said = Counter(outcome.best for outcome in known)
    return _mean(2 * right[label] / (there[label] + said[label]) for label in there)


def rejection(outcomes: Sequence[Outcome], threshold: float) -> Rejection:
    """Return what refusing below `threshold` brings."""
    outside = [outcome for outcome in outcomes if not outcome.in_scope]
    refused = [outcome for outcome in outcomes if outcome.score < threshold]
    good = (o.right and o.score >= threshold if o.in_scope else o.score < threshold for o in outcomes)
    return Rejection(
        threshold,
        accuracy=_share(good),
        oos_recall=_share(outcome.score < threshold for outcome in outside),
        oos_precision=_share(not outcome.in_scope for outcome in refused) if outside else None,
    )


def best_threshold(outcomes: Sequence[Outcome]) -> float | None:
    """Return where to refuse: the sum of two shares is largest, of messages in scope that are answered rightly and of
    those out of scope that are refused. So it does not depend on how many there are of each. None without both.
    """
    known = sum(outcome.in_scope for outcome in outcomes)
    outside = len(outcomes) - known
    if not known or not outside:
        return None
    scores = sorted({outcome.score for outcome in outcomes})
    middles = [(low + high) / 2 for low, high in pairwise(scores)]
    by_score = {s: list(own) for s, own in groupby(sorted(outcomes, key=lambda o: o.score), key=lambda o: o.score)}
    gain, best, threshold = 0.0, 0.0, scores[0]
    for score, above in zip(scores[:-1], middles, strict=True):
        for outcome in by_score[score]:
            gain += 1 / outside if not outcome.in_scope else -outcome.right / known
        if gain > best + 1e-12:
            best, threshold = gain, above
    return threshold


def auroc(outcomes: Sequence[Outcome]) -> float | None:
    """Return how often a message in scope scores higher than one out of scope (ties: half); None without both."""
    known = sum(outcome.in_scope for outcome in outcomes)
    outside = len(outcomes) - known
    if not known or not outside:
        return None
    won, below = 0.0, 0
    for _, same in groupby(sorted(outcomes, key=lambda o: o.score), key=lambda o: o.score):
        tied = list(same)
        inside = sum(outcome.in_scope for outcome in tied)
        won += inside * (below + (len(tied) - inside) / 2)
        below += len(tied) - inside
    return won / (known * outside)


def confusions(outcomes: Iterable[Outcome], most: int) -> tuple[Confusion, ...]:
    """Return the pairs of labels that cost the most messages, the worst first."""
    texts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.in_scope and not outcome.right:
            texts[outcome.label, outcome.best].append(outcome.text)
    worst = sorted(texts.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:most]
    return tuple(Confusion(*labels, len(own), tuple(own[:EXAMPLES])) for labels, own in worst)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest of `values` (at least one) that `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def _share(facts: Iterable[bool]) -> float | None:
    return _mean(float(fact) for fact in facts)


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None

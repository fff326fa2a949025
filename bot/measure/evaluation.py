"""Measures an engine on labelled messages: trains it, asks it, and chooses where to refuse on the training rows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from bot.measure.folds import Fold, plain_folds, rejection_folds
from bot.measure.rows import Row
from bot.measure.scores import (
    NOTHING,
    Confusion,
    Outcome,
    auroc,
    best_threshold,
    confusions,
    in_scope_accuracy,
    macro_f1,
    percentile,
    rejection,
)
from bot.measure.trial import Trained, Trial
from bot.understanding.text import OUT_OF_SCOPE

FOLDS = 5
SEED = 0
WORST_PAIRS = 12
WARM_UP = 5
"""Messages asked before the clock runs: the first ones fill caches."""
T = TypeVar("T")


class Track(Protocol):
    """Shows how far a loop is."""

    def __call__(self, items: Sequence[T], what: str) -> Iterable[T]:
        """Yield the items; `what` says what is done with them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure.

    Attributes:
        threshold_folds: of so many folds the threshold is chosen on the first `threshold_runs`; an engine that trains
            for long is trained once for it.
    """

    threshold_folds: int = FOLDS
    threshold_runs: int = FOLDS
    seed: int = SEED


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured; shares of 1, None where there is nothing to measure it on.

    Attributes:
        in_scope_accuracy, macro_f1: with nothing refused.
        accuracy_with_rejection, oos_recall, oos_precision: with everything below `threshold` refused.
        threshold: chosen by cross-validation on the training rows alone.
        outside: what was out of scope: `rows` of the file, `held-out labels` (cross-validation of a file without
            such rows), or `nothing`.
        peak_rss_mb: of the process that answers. 1 MB = 1,048,576 B.
    """

    engine: str
    labels: int
    train_rows: int
    test_rows: int
    in_scope_accuracy: float | None
    macro_f1: float | None
    accuracy_with_rejection: float | None
    oos_recall: float | None
    oos_precision: float | None
    threshold: float | None
    auroc: float | None
    outside: str
    train_s: float
    p50_ms: float
    p95_ms: float
    messages_per_s: float
    peak_rss_mb: float | None
    model_mb: float
    confusions: tuple[Confusion, ...]


@dataclass(slots=True)
class _Costs:
    """What was used while training and answering; of several trainings the mean, the most, the most."""

    train_s: list[float] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)
    rss_mb: list[float | None] = field(default_factory=list)
    model_mb: list[float] = field(default_factory=list)


def evaluate(
    engine: str, trial: Trial, train: Sequence[Row], test: Sequence[Row], plan: Plan, track: Track
) -> Measured:
    """Train on `train`, ask `test`. The threshold is chosen on `train` alone."""
    threshold = best_threshold(_held_out(engine, trial, train, plan, track))
    costs = _Costs()
    outcomes = list(_asked(engine, trial, [Fold(tuple(train), tuple(test))], costs, track))
    return _measured(engine, train, outcomes, outcomes, threshold, costs)


def cross_validate(engine: str, trial: Trial, rows: Sequence[Row], k: int, plan: Plan, track: Track) -> Measured:
    """Ask every row of `rows` of an engine that was trained on the other folds.

    Where `rows` hold none that is out of scope, refusing is measured where the threshold is chosen: on messages whose
    labels were kept back.
    """
    held_out = _held_out(engine, trial, rows, plan, track)
    costs = _Costs()
    outcomes = list(_asked(engine, trial, list(plain_folds(rows, k, plan.seed)), costs, track))
    has_outside = any(not outcome.in_scope for outcome in outcomes)
    return _measured(engine, rows, outcomes, outcomes if has_outside else held_out, best_threshold(held_out), costs)


def _measured(
    engine: str,
    train: Sequence[Row],
    outcomes: Sequence[Outcome],
    refusing: Sequence[Outcome],
    threshold: float | None,
    costs: _Costs,
) -> Measured:
    refused = NOTHING if threshold is None else rejection(refusing, threshold)
    has_outside = any(not outcome.in_scope for outcome in refusing)
    rss_mb = [mb for mb in costs.rss_mb if mb is not None]
    return Measured(
        engine,
        labels=len({label for _, label in train} - {OUT_OF_SCOPE}),
        train_rows=len(train),
        test_rows=len(outcomes),
        in_scope_accuracy=in_scope_accuracy(outcomes),
        macro_f1=macro_f1(outcomes),
        accuracy_with_rejection=refused.accuracy,
        oos_recall=refused.oos_recall,
        oos_precision=refused.oos_precision,
        threshold=threshold,
        auroc=auroc(refusing),
        outside="nothing" if not has_outside else "rows" if refusing is outcomes else "held-out labels",
        train_s=sum(costs.train_s) / len(costs.train_s),
        p50_ms=percentile(costs.took_ms, 50),
        p95_ms=percentile(costs.took_ms, 95),
        messages_per_s=1000 * len(costs.took_ms) / sum(costs.took_ms),
        peak_rss_mb=max(rss_mb, default=None),
        model_mb=max(costs.model_mb),
        confusions=confusions(outcomes, WORST_PAIRS),
    )


def _held_out(engine: str, trial: Trial, rows: Sequence[Row], plan: Plan, track: Track) -> list[Outcome]:
    """Return outcomes to choose a threshold on: each message is asked of an engine that was not trained on it."""
    folds = list(rejection_folds(rows, plan.threshold_folds, plan.seed))[: plan.threshold_runs]
    outcomes: list[Outcome] = []
    for fold in track(folds, f"{engine}: training to choose the threshold"):
        with closing(trial.train(fold.train)) as trained:
            outcomes += [_outcome(trained, row) for row in fold.ask]
    return outcomes


def _asked(engine: str, trial: Trial, folds: Sequence[Fold], costs: _Costs, track: Track) -> Iterator[Outcome]:
    for fold in track(folds, f"{engine}: training") if len(folds) > 1 else folds:
        with closing(trial.train(fold.train)) as trained:
            for text, _ in fold.ask[:WARM_UP]:
                trained.rank(text)
            for row in track(fold.ask, f"{engine}: asking") if len(folds) == 1 else fold.ask:
                started = time.perf_counter()
                outcome = _outcome(trained, row)
                costs.took_ms.append(1000 * (time.perf_counter() - started))
                yield outcome
            costs.train_s.append(trained.train_s)
            costs.model_mb.append(trained.model_mb)
            costs.rss_mb.append(trained.rss_mb)


def _outcome(trained: Trained, row: Row) -> Outcome:
    text, label = row
    best, score = next(iter(trained.rank(text)), (OUT_OF_SCOPE, float("-inf")))
    return Outcome(text, label, best, score)

"""Trains on a shop's own phrasings, as `serve` does, and tells what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from bot.measure.evaluation import Plan, Track, cross_validate
from bot.measure.trial import Trial
from bot.understanding.learning import Rows
from bot.understanding.ranker import Bounds, Ranker


@dataclass(frozen=True, slots=True)
class Own:
    """What training on one language took and gave.

    Attributes:
        train_s: from nothing; what `serve` kept before makes no difference.
        act, ask, lead: the bounds, see `explained`.
        accuracy: in scope, by cross-validation; None if that was not asked for.
        auroc: of refusing messages whose labels were kept back; None likewise.
    """

    language: str
    rows: int
    labels: int
    train_s: float
    model_mb: float
    act: float
    ask: float
    lead: float
    explained: str
    accuracy: float | None
    auroc: float | None


def train_own(rows: Mapping[str, Rows], ranker: Ranker, trial: Trial, k: int | None, track: Track) -> list[Own]:
    """Train `trial` on each language from nothing; `k`: also cross-validate on so many folds.

    Args:
        ranker: what the shop answers with, which knows its bounds.

    Raises:
        CannotLearn: the phrasings hold no words, or the process that trains did not end well.
    """
    return [_own(language, own, ranker, trial, k, track) for language, own in track(list(rows.items()), "training")]


def _own(language: str, rows: Rows, ranker: Ranker, trial: Trial, k: int | None, track: Track) -> Own:
    pairs = list(zip(*rows, strict=True))
    bounds = ranker.rank(rows[0][0], language).bounds
    with closing(trial.train(pairs)) as trained:
        train_s, model_mb = trained.train_s, trained.model_mb
    measured = cross_validate(language, trial, pairs, k, Plan(), track) if k else None
    return Own(
        language,
        rows=len(pairs),
        labels=len(set(rows[1])),
        train_s=train_s,
        model_mb=model_mb,
        act=bounds.act,
        ask=bounds.ask,
        lead=bounds.lead,
        explained=explained(bounds),
        accuracy=measured.in_scope_accuracy if measured else None,
        auroc=measured.auroc if measured else None,
    )


def explained(bounds: Bounds) -> str:
    """Return in words what the bounds mean."""
    return (
        f"from a score of {bounds.act:+.2f} up the bot acts; from {bounds.ask:+.2f} up to it, it asks which of the "
        f"best three was meant, or acts if the best is {bounds.lead:.2f} ahead of the next; below {bounds.ask:+.2f} it "
        "did not understand. A score is a margin: above 0 means this is it, -1 nothing like it was ever shown"
    )

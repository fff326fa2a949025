"""Where the margins of the builtin engine mean what, found by cross-validation on the rows themselves."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bot.understanding.ranker import MARGINS, Bounds
from bot.understanding.text import OUT_OF_SCOPE
from bot.understanding.training import train

FOLDS = 5
UNKNOWN = 0.1
"""The share of labels held out in each fold: their rows stand for what nobody foresaw."""
MOST_WRONG = 0.01
"""Of what is acted on."""
ACTS = tuple(step / 20 for step in range(-12, 9))
ASKS = tuple(step / 20 for step in range(-18, 1))
LEADS = (0.2, 0.3, 0.4, 0.5, 0.7)
FEW_LABELS = 10
"""With fewer there is nothing to learn bounds from."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A row that was held out, and the best three labels for it.

    Attributes:
        margin, lead: of the best label.
        right, among: whether the best label is the right one, and whether one of the three is.
        known: whether the model knew the label of the row at all.
    """

    margin: float
    lead: float
    right: bool
    among: bool
    known: bool


def calibrate(texts: Sequence[str], labels: Sequence[str], seed: int = 0) -> Bounds:
    """Return bounds for parallel `texts` and `labels`. Takes as long as training five times.

    At most 1 % of what is acted on is wrong where that can be reached with half of the right acts left; else the
    F-score decides in which wrong acts count twice as much as missed ones. From `ask` up it is likelier than not that
    one of the best three labels is right. Rows of unknown labels count as a tenth of all.
    """
    if len(set(labels) - {OUT_OF_SCOPE}) < FEW_LABELS:
        return MARGINS
    tried = held_out(texts, labels, seed)
    inside = sum(one.known for one in tried)
    weight = UNKNOWN / (1 - UNKNOWN) * inside / max(1, len(tried) - inside)
    ask = max(ASKS, key=lambda bound: sum(_weight(one, weight) for one in tried if (one.margin >= bound) == one.among))
    choices = [_choice(tried, Bounds(act, min(ask, act), lead), weight) for act in ACTS for lead in LEADS]
    most = max(choice.right for choice in choices)
    careful = [one for one in choices if one.wrong <= MOST_WRONG * (one.right + one.wrong) and one.right >= most / 2]
    if careful:
        return max(careful, key=lambda choice: choice.right).bounds
    return max(choices, key=lambda one: 1.25 * one.right / (0.25 * inside + one.right + one.wrong)).bounds


@dataclass(frozen=True, slots=True)
class Choice:
    """Bounds, and how many acts would be right and wrong with them."""

    bounds: Bounds
    right: float
    wrong: float


def _choice(tried: Sequence[Tried], bounds: Bounds, weight: float) -> Choice:
    acted = [one for one in tried if one.margin >= bounds.act or (one.margin >= bounds.ask and one.lead >= bounds.lead)]
    right = sum(_weight(one, weight) for one in acted if one.right)
    return Choice(bounds, right, sum(_weight(one, weight) for one in acted) - right)


def _weight(one: Tried, unknown: float) -> float:
    return 1.0 if one.known else unknown


def held_out(texts: Sequence[str], labels: Sequence[str], seed: int) -> list[Tried]:
    """Return every row as a model sees it that was trained without it, or without any row of its label."""
    rows = list(zip(texts, labels, strict=True))
    tried: list[Tried] = []
    names = sorted(set(labels) - {OUT_OF_SCOPE})
    for fold in range(FOLDS):
        draw = random.Random(f"{seed} {fold}")
        unknown = {*draw.sample(names, max(1, round(len(names) * UNKNOWN))), OUT_OF_SCOPE}
        aside = set(draw.sample(range(len(rows)), len(rows) // FOLDS))
        kept = [row for place, row in enumerate(rows) if place not in aside and row[1] not in unknown]
        model = train([text for text, _ in kept], [label for _, label in kept])
        known = {label for _, label in kept}
        tried += [
            Tried(
                margin=best[0][1],
                lead=best[0][1] - best[1][1],
                right=best[0][0] == label,
                among=label in {name for name, _ in best},
                known=label in known,
            )
            for place, (text, label) in enumerate(rows)
            if (place in aside and label in known) or label in unknown
            if (best := model.best(text, 3))
        ]
    return tried

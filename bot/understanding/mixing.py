"""Chooses what the semantic figures weigh, and what the mixed scores mean: by cross-validation on the training rows.

Each fold also keeps back a tenth of the labels altogether: all their rows then stand for messages that nothing fits.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from bot.understanding.classifier import Classifier
from bot.understanding.heads import Mix, fit
from bot.understanding.learning import Rows, learn
from bot.understanding.ranker import MARGINS, Bounds
from bot.understanding.text import OUT_OF_SCOPE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bot.understanding.heads import Floats

FOLDS = 3
ONE_LABEL_OF = 10
LEAST = 0.01
"""The least distance between what fits and what does not."""
GRID = tuple(Mix(*weights) for weights in product((0.0, 2.0, 4.0, 8.0), (0.0, 4.0, 8.0)))
ENOUGH = 0.01
"""Below this gain (of accuracy, and of AUROC twice) the encoder is no use: `builtin` alone is as good and quicker."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was found for rows nobody was trained on, of one fold; a column for each label of the fold.

    Attributes:
        right: the column of the right label, -1 where it was kept back.
    """

    builtin: Floats
    opinions: Floats
    nearest: Floats
    right: NDArray[np.int64]

    def mixed(self, mix: Mix) -> Floats:
        scores: Floats = self.builtin + mix.opinion * self.opinions + mix.nearest * self.nearest
        return mix.slope * scores + mix.shift


@dataclass(frozen=True, slots=True)
class Best:
    """Of every row asked: the best score, how far it is ahead of the next, and whether its label is right."""

    score: Floats
    lead: Floats
    right: NDArray[np.bool_]
    inside: NDArray[np.bool_]


def chosen(rows: Rows, vectors: Floats) -> tuple[Mix, Bounds]:
    """Return the best mix for `rows` (whose vectors are given) and the bounds of its scores.

    A mix of zeros means: the vectors are no use here, e.g. those of an English encoder for Chinese.
    """
    folds = list(_asked(rows, vectors))
    plain = _worth(_best(folds, Mix()))
    worth, mix = max(((_worth(_best(folds, mix)), mix) for mix in GRID), key=lambda found: found[0])
    if worth - plain < ENOUGH:
        return Mix(), MARGINS
    builtin = _best(folds, Mix())
    mix = on_scale_of(builtin, _best(folds, mix), mix)
    return mix, as_careful(_best(folds, mix), builtin, MARGINS)


def on_scale_of(builtin: Best, own: Best, mix: Mix) -> Mix:
    """Return `mix` with the slope and shift that put the middle of what fits, and of what nothing fits, where `builtin`
    has them.
    """
    import numpy as np

    inside = [float(np.median(best.score[best.inside])) for best in (own, builtin)]
    if own.inside.all():
        slope = 1 / (1 + mix.opinion + mix.nearest)
    else:
        outside = [float(np.median(best.score[~best.inside])) for best in (own, builtin)]
        slope = max(inside[1] - outside[1], LEAST) / max(inside[0] - outside[0], LEAST)
    return replace(mix, slope=slope, shift=inside[1] - slope * inside[0])


def as_careful(own: Best, builtin: Best, bounds: Bounds) -> Bounds:
    """Return the bounds with which `own` is as careful as `builtin` is with `bounds`, on the same rows.

    From `act` up no larger share of what is acted on is wrong; below `ask` no fewer of the messages that nothing fits
    are refused; and no larger share of what is acted on for its lead is wrong.
    """
    import numpy as np

    act = lowest(own.score, own.right, _wrong(builtin, builtin.score >= bounds.act))
    refused = float(np.mean(builtin.score[~builtin.inside] < bounds.ask)) if not builtin.inside.all() else 0.0
    ask = min(float(np.quantile(own.score[~own.inside], refused)), act) if not own.inside.all() else act
    between = (builtin.score >= bounds.ask) & (builtin.score < bounds.act) & (builtin.lead >= bounds.lead)
    middle = (own.score >= ask) & (own.score < act)
    lead = lowest(own.lead[middle], own.right[middle], _wrong(builtin, between))
    return Bounds(round(act, 3), round(ask, 3), round(lead, 3))


def lowest(scores: Floats, right: NDArray[np.bool_], most_wrong: float) -> float:
    """Return the lowest score from which up no larger share than `most_wrong` is not right; inf without any."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    wrong = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(wrong <= most_wrong)
    return float(scores[order][good[-1]]) if len(good) else float("inf")


def _wrong(best: Best, acted: NDArray[np.bool_]) -> float:
    return float(1 - best.right[acted].mean()) if acted.any() else 0.0


def _worth(best: Best) -> float:
    """Return accuracy in scope plus twice the AUROC of refusing: a wrong answer costs more than a question back."""
    from scipy.stats import rankdata

    accuracy = float(best.right[best.inside].mean())
    known, outside = int(best.inside.sum()), int((~best.inside).sum())
    if not outside:
        return accuracy
    ranks = rankdata(best.score)
    return accuracy + 2 * float((ranks[best.inside].sum() - known * (known + 1) / 2) / (known * outside))


def _best(folds: Sequence[Asked], mix: Mix) -> Best:
    import numpy as np

    scores, leads, right, inside = [], [], [], []
    for fold in folds:
        mixed = fold.mixed(mix)
        two = np.partition(mixed, -2, axis=1)[:, -2:]
        scores.append(two[:, 1])
        leads.append(two[:, 1] - two[:, 0])
        right.append(mixed.argmax(axis=1) == fold.right)
        inside.append(fold.right >= 0)
    return Best(*(np.concatenate(parts) for parts in (scores, leads, right, inside)))


def _asked(rows: Rows, vectors: Floats) -> Iterator[Asked]:
    texts, labels = rows
    plans = list(_folds(labels))
    with tempfile.TemporaryDirectory(prefix="zhanggui-folds-", ignore_cleanup_errors=True) as folder:
        trained = {
            str(number): ([texts[i] for i in train], [labels[i] for i in train])
            for number, (train, _) in enumerate(plans)
        }
        classifiers = learn(trained, Path(folder))
        for number, (train, ask) in enumerate(plans):
            head = fit(vectors[train], [labels[i] for i in train])
            opinions, nearest = head.figures(vectors[ask])
            builtin = margins_of(classifiers[str(number)], [texts[i] for i in ask], head.labels)
            yield Asked(builtin, opinions, nearest, _columns(head.labels, [labels[i] for i in ask]))


def _columns(labels: Sequence[str], right: Sequence[str]) -> NDArray[np.int64]:
    import numpy as np

    columns = {label: column for column, label in enumerate(labels)}
    return np.array([columns.get(label, -1) for label in right])


def margins_of(classifier: Classifier, texts: Sequence[str], labels: Sequence[str]) -> Floats:
    """Return the builtin margins of `texts`, a column for each of `labels`."""
    import numpy as np

    found = (dict(classifier.margins(text)) for text in texts)
    return np.array([[margins[label] for label in labels] for margins in found], np.float32)


def _folds(labels: Sequence[str]) -> Iterator[tuple[list[int], list[int]]]:
    """Yield (positions to train on, positions to ask) of each fold; a label with a single row is only trained on."""
    random = Random(0)
    own: dict[str, list[int]] = defaultdict(list)
    for position, label in enumerate(labels):
        own[label].append(position)
    names = sorted(set(own) - {OUT_OF_SCOPE})
    random.shuffle(names)
    places = [-1] * len(labels)
    begin = 0
    for label in sorted(own):
        random.shuffle(own[label])
        if len(own[label]) > 1:
            for step, position in enumerate(own[label]):
                places[position] = (begin + step) % FOLDS
            begin += len(own[label])
    for number in range(FOLDS):
        held = set(names[number::ONE_LABEL_OF]) if len(names) >= ONE_LABEL_OF else set()
        train = [i for i, label in enumerate(labels) if places[i] != number and label not in held]
        ask = [i for i, label in enumerate(labels) if places[i] == number or label in held]
        yield train, ask

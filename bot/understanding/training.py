"""Trains classifiers. It needs numpy, so the bot runs it as a process of its own, see `learning`.

As a process: a JSON list of `{"path", "texts", "labels", "workings"}` on stdin, one model file for each; exit 0, or 3
with what is wrong with the phrasings on stdout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bot.understanding.classes import Learnt
from bot.understanding.classifier import Classifier
from bot.understanding.modelfile import write
from bot.understanding.oddness import odds_of
from bot.understanding.problems import NoWords, learnt
from bot.understanding.spread import allow_splitting
from bot.understanding.table import starts_of
from bot.understanding.text import OUT_OF_SCOPE
from bot.understanding.workings import Workings, read_workings, write_workings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BAD_PHRASINGS", "OUT_OF_SCOPE", "train", "trained"]
BAD_PHRASINGS = 3
"""Exit status: nothing can be learnt from the phrasings."""

STRONGEST = 48
"""So many weights of a column are always added up; the others only for labels that come into question."""


def train(texts: Sequence[str], labels: Sequence[str]) -> Classifier:
    """Train on parallel `texts` and `labels`. Rows labelled `OUT_OF_SCOPE` are told apart from all, but are no label.

    Raises:
        NoWords: no text holds a word.
    """
    return trained(texts, labels, None)[0]


def trained(texts: Sequence[str], labels: Sequence[str], known: Workings | None) -> tuple[Classifier, Workings]:
    """Return what `train` does, bit by bit, and the workings; takes over from earlier ones whatever still holds.

    Raises:
        NoWords: no text holds a word.
    """
    workings = learnt(texts, labels, known)
    return _assembled(workings.classes, workings), workings


def _assembled(classes: Sequence[Learnt], workings: Workings) -> Classifier:
    """Return the weights of all classes, column by column."""
    import numpy as np

    keys = workings.table.keys
    place_type = np.uint8 if len(classes) <= 256 else np.uint16 if len(classes) <= 65536 else np.uint32
    columns = np.concatenate([one.columns for one in classes])
    places = np.repeat(np.arange(len(classes), dtype=place_type), [len(one.columns) for one in classes])
    order = _sorted(columns)
    starts = starts_of(np.bincount(columns, minlength=len(keys)))
    weights = np.concatenate([one.weights for one in classes])
    odds, odds_scale = odds_of(workings)
    scales = np.array([one.scale for one in classes], dtype=np.float32)
    middles = starts[1:].copy()
    for column in np.flatnonzero(np.diff(starts) > STRONGEST):
        own = order[starts[column] : starts[column + 1]]
        strength = np.abs(weights[own]) * scales[places[own]]
        strong = np.zeros(len(own), dtype=bool)
        strong[np.argsort(-strength, kind="stable")[:STRONGEST]] = True
        order[starts[column] : starts[column + 1]] = np.concatenate((own[strong], own[~strong]))
        middles[column] = starts[column] + STRONGEST
    return Classifier(
        labels=tuple(one.label for one in classes),
        keys=keys.data,
        starts=starts.astype(np.uint32).data,
        middles=middles.astype(np.uint32).data,
        places=places[order].data,
        weights=weights[order].data,
        scales=scales.data,
        bias=np.array([one.bias for one in classes], dtype=np.float32).data,
        odds=odds.data,
        odds_scale=odds_scale,
    )


def _sorted(columns: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the stable order of `columns`, by their lower and then by their upper half.

    Short numbers are sorted without comparing them: that takes a third of the time.
    """
    import numpy as np

    order = np.argsort((columns & 0xFFFF).astype(np.uint16), kind="stable")
    return order[np.argsort((columns >> 16).astype(np.uint16)[order], kind="stable")]


def _kept(path: Path) -> Workings | None:
    try:
        return read_workings(path)
    except (OSError, ValueError):
        return None


def main() -> int:
    """Do what stdin asks; return the exit status."""
    allow_splitting()
    try:
        for job in json.load(sys.stdin):
            kept = Path(job["workings"])
            classifier, workings = trained(job["texts"], job["labels"], _kept(kept))
            write(Path(job["path"]), classifier)
            with suppress(OSError):
                write_workings(kept, workings)
    except NoWords as error:
        sys.stdout.write(str(error))
        return BAD_PHRASINGS
    return 0


if __name__ == "__main__":
    sys.exit(main())

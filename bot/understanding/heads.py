"""What the semantic engine learns on vectors: figures for every label that are added to its builtin margin.

Two figures of a text and a label, each with a weight: its probability under logistic regression on vectors, and the
likeness (cosine) to its nearest phrasing. The first tells labels apart; the second tells what is far from all of them.
The weights are chosen on the training rows, see `mixing`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.understanding.ranker import Bounds
from bot.understanding.text import OUT_OF_SCOPE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SOFTNESS = 30.0
"""C of the regression: for vectors of unit length the usual 1 is far too timid."""
ROUNDS = 150


@dataclass(frozen=True, slots=True)
class Mix:
    """What the two figures weigh beside the margin of the builtin engine, which weighs 1. Both 0: they are no use.

    Attributes:
        slope, shift: bring the sum to the scale of builtin margins, so that scores of different mixes can be compared.
    """

    opinion: float = 0.0
    nearest: float = 0.0
    slope: float = 1.0
    shift: float = 0.0

    @property
    def is_useful(self) -> bool:
        return bool(self.opinion or self.nearest)


@dataclass(frozen=True, slots=True)
class Head:
    """What was learnt in one language.

    Attributes:
        labels: ascending.
        weights: of the regression: a column for each label (and one more for `oos`, if there was any), a row for each
            number of a vector and one for the bias.
        vectors: of the phrasings, label after label.
        starts: where those of each label begin.
        bounds: what the mixed scores mean.
    """

    labels: tuple[str, ...]
    weights: Floats
    vectors: Floats
    starts: NDArray[np.int64]
    mix: Mix = Mix()
    bounds: Bounds | None = None

    def figures(self, vectors: Floats) -> tuple[Floats, Floats]:
        """Return (probabilities, likenesses), each with a row for each vector and a column for each label."""
        import numpy as np

        logits = vectors @ self.weights[:-1] + self.weights[-1]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        sure = odds / odds.sum(axis=1, keepdims=True)
        nearest = np.maximum.reduceat(vectors @ self.vectors.T, self.starts, axis=1)
        return sure[:, : len(self.labels)], nearest

    def added(self, vector: Floats) -> Floats:
        """Return what is added to the builtin margin of each label for one text."""
        sure, nearest = self.figures(vector[None, :])
        mixed: Floats = self.mix.opinion * sure[0] + self.mix.nearest * nearest[0]
        return mixed


def fit(vectors: Floats, labels: Sequence[str], mix: Mix = Mix(), bounds: Bounds | None = None) -> Head:
    """Learn from vectors and their labels (at least three); `oos` rows are negatives of every label."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    names = np.array(labels)
    model = LogisticRegression(C=SOFTNESS, max_iter=ROUNDS).fit(vectors, names)
    last = np.argsort(model.classes_ == OUT_OF_SCOPE, kind="stable")
    weights = np.vstack([model.coef_.T, model.intercept_])[:, last].astype(np.float32)
    known = model.classes_[model.classes_ != OUT_OF_SCOPE]
    order = np.argsort(names, kind="stable")
    order = order[names[order] != OUT_OF_SCOPE]
    starts = np.searchsorted(names[order], known)
    return Head(tuple(str(name) for name in known), weights, vectors[order], starts, mix, bounds)


def write_head(path: Path, head: Head) -> None:
    """Write `head` as plain arrays; nobody ever sees half a file under `path`.

    Raises:
        OSError: the folder cannot be written.
    """
    import numpy as np

    bounds = head.bounds and [head.bounds.act, head.bounds.ask, head.bounds.lead]
    about = json.dumps({"labels": head.labels, "mix": astuple(head.mix), "bounds": bounds})
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with new.open("wb") as file:
        np.savez(
            file,
            about=np.frombuffer(about.encode(), np.uint8),
            weights=head.weights,
            vectors=head.vectors.astype(np.float16),
            starts=head.starts,
        )
    new.replace(path)


def read_head(path: Path) -> Head:
    """Read what `write_head` wrote.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is no such file.
    """
    from zipfile import BadZipFile

    import numpy as np

    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            about = json.loads(file["about"].tobytes())
            bounds = about["bounds"] and Bounds(*about["bounds"])
            vectors = file["vectors"].astype(np.float32)
            return Head(tuple(about["labels"]), file["weights"], vectors, file["starts"], Mix(*about["mix"]), bounds)
    except (KeyError, TypeError, BadZipFile, EOFError) as error:
        raise ValueError(f"{path} is no head of the semantic engine: {error}") from error

"""A linear one-vs-rest SVM over n-grams. Its margins are the scores everything else is decided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.understanding.features import Vectoriser, fit


@dataclass(frozen=True, slots=True)
class Classifier:
    """Margins for every label; above 0 means "this is it", far below means "nothing like it was ever shown".

    Attributes:
        labels: in the order of the columns of `weights`.
        weights: features x labels.
    """

    vectoriser: Vectoriser
    labels: tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray

    def margins(self, text: str) -> list[tuple[str, float]]:
        """Return every label with its margin, best first."""
        columns, values = self.vectoriser.row(text)
        scores = values @ self.weights[columns] + self.bias
        return [(self.labels[i], float(scores[i])) for i in np.argsort(-scores)]


def train(texts: Sequence[str], labels: Sequence[str], seed: int = 0) -> Classifier:
    """Train on parallel `texts` and `labels` (at least three different ones)."""
    from sklearn.svm import LinearSVC  # heavy: only where it is needed

    vectoriser = fit(texts)
    model = LinearSVC(C=1.0, class_weight="balanced", loss="squared_hinge", random_state=seed)
    model.fit(vectoriser.matrix(texts), labels)
    return Classifier(
        vectoriser,
        tuple(str(label) for label in model.classes_),
        np.ascontiguousarray(model.coef_.T, dtype=np.float32),
        model.intercept_.astype(np.float32),
    )

"""Trains classifiers. Heavy libraries are needed for it, so the bot runs it as a process of its own, see `learning`.

As a process: a JSON list of `{"path", "texts", "labels"}` on stdin, one file for each; exit 0, or 3 with what is wrong
with the phrasings on stdout.
"""

from __future__ import annotations

import json
import math
import sys
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bot.understanding.classifier import Classifier, key_of
from bot.understanding.features import Vectoriser, grams
from bot.understanding.modelfile import write

BAD_PHRASINGS = 3
"""Exit status: nothing can be learnt from the phrasings."""
LARGEST = 127
"""Weights become whole numbers up to this."""
TINY = 1e-9
"""Stands for the largest weight of an n-gram that decides nothing."""


def train(texts: Sequence[str], labels: Sequence[str], seed: int = 0) -> Classifier:
    """Train on parallel `texts` and `labels` (at least three different ones).

    Raises:
        ValueError: no text holds a word.
    """
    frequency = Counter(f"{block}:{gram}" for text in texts for block, seen in grams(text).items() for gram in seen)
    if not frequency:
        raise ValueError("no phrasing holds a word")
    import numpy as np
    from scipy.sparse import csr_matrix
    from sklearn.svm import LinearSVC

    columns = {gram: column for column, gram in enumerate(sorted(frequency, key=key_of))}
    n = len(texts)
    idf = array("f", (math.log((1 + n) / (1 + frequency[gram])) + 1 for gram in columns))  # smooth
    unseen_idf = math.log(1 + n) + 1
    vectoriser = Vectoriser(columns.get, idf, unseen_idf)
    rows = [vectoriser.row(text) for text in texts]
    starts = np.cumsum([0, *(len(own) for own, _ in rows)])
    values = np.array([value for _, own in rows for value in own], dtype=np.float32)
    matrix = csr_matrix((values, [column for own, _ in rows for column in own], starts), shape=(n, len(columns)))
    model = LinearSVC(C=1.0, class_weight="balanced", loss="squared_hinge", random_state=seed)
    model.fit(matrix, labels)
    weights = model.coef_.T
    scales = np.maximum(np.abs(weights).max(axis=1), TINY) / LARGEST
    sparse = csr_matrix(np.rint(weights / scales[:, None]).astype(np.int8))
    place_type = np.uint8 if len(model.classes_) <= 256 else np.uint16
    return Classifier(
        labels=tuple(str(label) for label in model.classes_),
        keys=array("Q", map(key_of, columns)),
        idf=idf,
        unseen_idf=unseen_idf,
        starts=memoryview(sparse.indptr.astype(np.uint32)),
        scales=memoryview(scales.astype(np.float32)),
        places=memoryview(sparse.indices.astype(place_type)),
        weights=memoryview(sparse.data),
        bias=memoryview(model.intercept_.astype(np.float32)),
    )


def main() -> int:
    """Do what stdin asks; return the exit status."""
    try:
        for job in json.load(sys.stdin):
            write(Path(job["path"]), train(job["texts"], job["labels"]))
    except ValueError as error:
        sys.stdout.write(str(error))
        return BAD_PHRASINGS
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A trained classifier as a file that is mapped: only what a message touches takes memory."""

from __future__ import annotations

from pathlib import Path

from bot.understanding.arrayfile import read_arrays, write_arrays
from bot.understanding.classifier import Classifier

ARRAYS = ("keys", "starts", "middles", "places", "weights", "scales", "bias", "odds")


def write(path: Path, classifier: Classifier) -> None:
    """Write `classifier` as `training` makes it, of arrays; nobody ever sees half a file under `path`.

    Raises:
        OSError: the folder cannot be written.
    """
    arrays = {name: getattr(classifier, name) for name in ARRAYS}
    write_arrays(path, {"labels": classifier.labels, "odds_scale": classifier.odds_scale}, arrays)


def read(path: Path) -> Classifier:
    """Map the classifier in the file `path`.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is not one that `write` made.
    """
    head, arrays = read_arrays(path)
    try:
        own = {name: arrays[name] for name in ARRAYS}
        return Classifier(labels=tuple(head["labels"]), odds_scale=float(head["odds_scale"]), **own)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no trained classifier: {error}") from error

"""What training keeps for the next time, as a file: the rows, and what was learnt of each class from which rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.understanding.arrayfile import read_arrays, write_arrays
from bot.understanding.classes import Learnt
from bot.understanding.pools import Alike
from bot.understanding.table import Table, starts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

TABLE = ("digests", "starts", "columns", "values", "keys", "shared")
LARGEST_MB = 1000
"""A file that would be larger is not written: the next training starts from nothing."""


@dataclass(frozen=True, slots=True)
class Workings:
    """A table and the classes learnt from it, by label."""

    table: Table
    classes: Sequence[Learnt]


def write_workings(path: Path, workings: Workings) -> None:
    """Write `workings`, if they are not too large; nobody ever sees half a file under `path`.

    Raises:
        OSError: the folder cannot be written.
    """
    import numpy as np

    classes = workings.classes
    none = np.array([], dtype=np.uint64)
    arrays: dict[str, NDArray[Any]] = {f"table_{name}": getattr(workings.table, name) for name in TABLE}
    by_class: dict[str, list[NDArray[Any]]] = {
        "columns": [one.columns for one in classes],
        "weights": [one.weights for one in classes],
        "own": [one.own for one in classes],
        "active": [one.active for one in classes],
        "shares": [one.shares for one in classes],
        "alike": [one.alike.digests if one.alike else none for one in classes],
    }
    for name, runs in by_class.items():
        arrays[name] = np.concatenate(runs)
        arrays[f"{name}_starts"] = starts_of(np.array([len(run) for run in runs]))
    arrays["problem"] = np.array([one.problem for one in classes], dtype=np.uint64)
    arrays["scale"] = np.array([one.scale for one in classes])
    arrays["bias"] = np.array([one.bias for one in classes])
    arrays["cut"] = np.array([one.alike.cut if one.alike else -1.0 for one in classes])
    if sum(array.nbytes for array in arrays.values()) <= LARGEST_MB * 2**20:
        write_arrays(path, {"labels": [one.label for one in classes]}, arrays)


def read_workings(path: Path) -> Workings:
    """Map what `write_workings` made.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it holds something else.
    """
    import numpy as np

    head, views = read_arrays(path)
    arrays = {name: np.asarray(view) for name, view in views.items()}
    try:
        table = Table(**{name: arrays[f"table_{name}"] for name in TABLE})
        runs = {
            name: [arrays[name][a:b] for a, b in pairwise(starts)]
            for name in ("columns", "weights", "own", "active", "shares", "alike")
            if (starts := arrays[f"{name}_starts"].tolist())
        }
        numbers = {name: arrays[name].tolist() for name in ("problem", "scale", "bias", "cut")}
        classes = [
            Learnt(
                label=label,
                problem=numbers["problem"][i],
                columns=runs["columns"][i],
                weights=runs["weights"][i],
                scale=numbers["scale"][i],
                bias=numbers["bias"][i],
                own=runs["own"][i],
                active=runs["active"][i],
                shares=runs["shares"][i],
                alike=Alike(runs["alike"][i], numbers["cut"][i]) if numbers["cut"][i] >= 0 else None,
            )
            for i, label in enumerate(head["labels"])
        ]
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"{path} holds no workings: {error}") from error
    return Workings(table, classes)

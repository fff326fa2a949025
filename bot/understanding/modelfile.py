"""A trained classifier as one file that is mapped, not read: only what a message touches takes memory.

The file holds numbers and names, nothing that could be run. First the length of the head in 8 bytes, then the head in
JSON, then the arrays in the byte order of the machine.
"""

from __future__ import annotations

import json
import mmap
import os
from pathlib import Path

from bot.understanding.classifier import Classifier

ARRAYS = ("keys", "idf", "starts", "scales", "places", "weights", "bias")
ALIGNED = 8


def write(path: Path, classifier: Classifier) -> None:
    """Write `classifier` as `training` makes it, of arrays; nobody ever sees half a file under `path`.

    Raises:
        OSError: the folder cannot be written.
    """
    views = {name: memoryview(getattr(classifier, name)) for name in ARRAYS}
    forms = {name: (view.format, view.nbytes) for name, view in views.items()}
    head = json.dumps({"labels": classifier.labels, "unseen_idf": classifier.unseen_idf, "arrays": forms}).encode()
    head += b" " * (-len(head) % ALIGNED)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with new.open("wb") as file:
        file.write(len(head).to_bytes(ALIGNED, "little") + head)
        for view in views.values():
            file.write(view)
            file.write(b" " * (-view.nbytes % ALIGNED))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read(path: Path) -> Classifier:
    """Map the classifier in the file `path`.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is not one that `write` made.
    """
    with path.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    start = ALIGNED + int.from_bytes(content[:ALIGNED], "little")
    try:
        head = json.loads(bytes(content[ALIGNED:start]))
        arrays = {}
        for name in ARRAYS:
            form, size = head["arrays"][name]
            end = start + size
            arrays[name] = content[start:end].cast(form)
            start = end + -end % ALIGNED
        if start != len(content):
            raise ValueError(f"{path} has {len(content)} bytes, not {start}")
        return Classifier(labels=tuple(head["labels"]), unseen_idf=head["unseen_idf"], **arrays)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no trained classifier: {error}") from error

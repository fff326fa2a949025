"""Named arrays of numbers and a head of plain data as one file that is mapped, not read.

The file holds nothing that could be run. First the length of the head in 8 bytes, then the head in JSON, then the
arrays in the byte order of the machine.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ALIGNED = 8


def write_arrays(path: Path, head: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write `head` (plain data) and `arrays` (buffers of numbers); nobody ever sees half a file under `path`.

    Raises:
        OSError: the folder cannot be written.
    """
    views = {name: memoryview(array) for name, array in arrays.items()}
    forms = {name: (view.format, view.nbytes) for name, view in views.items()}
    line = json.dumps({**head, "arrays": forms}).encode()
    line += b" " * (-len(line) % ALIGNED)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with new.open("wb") as file:
            file.write(len(line).to_bytes(ALIGNED, "little") + line)
            for view in views.values():
                file.write(view.cast("B") if view.nbytes else b"")
                file.write(b" " * (-view.nbytes % ALIGNED))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, memoryview]]:
    """Map the file `path`; return its head and its arrays.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is not one that `write_arrays` made.
    """
    with path.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    start = ALIGNED + int.from_bytes(content[:ALIGNED], "little")
    try:
        head = json.loads(bytes(content[ALIGNED:start]))
        arrays = {}
        for name, (form, size) in head.pop("arrays").items():
            arrays[name] = content[start : start + size].cast(form)
            start += size + -size % ALIGNED
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds no arrays: {error}") from error
    if start != len(content):
        raise ValueError(f"{path} has {len(content)} bytes, not {start}")
    return head, arrays

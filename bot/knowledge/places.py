"""Finds the line of a text in a file, for faults that show only when files are held side by side."""

from __future__ import annotations

from pathlib import Path


def line_with(folder: Path, file: str, text: str, after: str = "") -> int:
    """Return the number of the first line of `file` that holds `text`, from the line that ends or begins with `after`.

    It is 1 if there is none, or if the file is gone by now.
    """
    try:
        lines = (folder / file).read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError):
        return 1
    reached = not after
    for number, line in enumerate(lines, 1):
        reached = reached or line.startswith(after) or line.rstrip().endswith(after)
        if reached and text in line:
            return number
    return 1

"""Reads YAML with line numbers, so that a fault can say where it is."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any

from rapidfuzz import process
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from bot.knowledge.entries import Fault

DAY = re.compile(r"(?<!\d)(\d{4})-(\d\d?)-(\d\d?)(?!\d)")


class Reading:
    """One file being read: collects its faults under its name as the operator knows it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []

    def fault(self, line: int, problem: str, fix: str) -> None:
        self.faults.append(Fault(self.file, line, problem, fix))

    def yaml(self, text: str, first_line: int = 1) -> CommentedMap | None:
        """Parse `text` (which begins at `first_line` of the file) into a mapping, or note the fault and return None."""
        try:
            data = YAML().load(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = first_line + (mark.line if mark else 0)
            self.fault(line, f"this is not YAML: {error.problem or error.context}", "Check indentation and quotes")
            return None
        except Exception as error:  # noqa: BLE001 - on odd input, e.g. `2026-13-45` or a NUL, the parser fails in many ways
            why = (str(error) or type(error).__name__).splitlines()[0]
            line = first_line + _odd_line(text, getattr(error, "position", None))
            self.fault(line, f"this is not YAML: {why}", "Check days, quotes and odd characters")
            return None
        if not isinstance(data, CommentedMap):
            self.fault(first_line, "a mapping of keys and values is expected", "Write `key: value` lines")
            return None
        return data

    def unknown_keys(self, data: CommentedMap, known: Collection[str], first_line: int = 1) -> None:
        """Note every key that is not in `known`, with the nearest one that is."""
        for key in data:
            if key not in known:
                self.fault(line_of(data, key, first_line), f"unknown key `{key}`", did_you_mean(str(key), known))

    def strings(self, data: CommentedMap, key: str, first_line: int = 1) -> tuple[str, ...]:
        """Return a list of non-empty strings, noting items that are not."""
        value = data.get(key)
        if value is None:
            return ()
        if not isinstance(value, CommentedSeq):
            self.fault(line_of(data, key, first_line), f"`{key}` must be a list", f"Write `{key}: [one, two]`")
            return ()
        good: list[str] = []
        for position, item in enumerate(value):
            if isinstance(item, (str, int, float)) and not isinstance(item, bool) and str(item).strip():
                good.append(str(item).strip())
            else:
                line = line_of(value, position, first_line)
                self.fault(line, f"item {position + 1} of `{key}` is not a text", "Put it in quotes")
        return tuple(good)


def did_you_mean(wrong: str, known: Collection[str]) -> str:
    """Return the hint that names what is nearest to `wrong`."""
    return f"Did you mean `{process.extractOne(wrong, sorted(known))[0]}`?"


def _odd_line(text: str, position: int | None) -> int:
    """Return the line (from 0) at which a parser without marks failed: at `position`, or the first impossible day."""
    if position is not None:
        return text.count("\n", 0, position)
    for number, line in enumerate(text.split("\n")):
        for year, month, day in DAY.findall(line):
            try:
                date(int(year), int(month), int(day))
            except ValueError:
                return number
    return 0


def line_of(data: CommentedMap | CommentedSeq, key: Any, first_line: int = 1) -> int:
    """Return the line of a key, or of a position in a list; keys that come from elsewhere (`<<`) have none."""
    place = (data.lc.data or {}).get(key)
    return first_line + (int(place[0]) if place else 0)


def read_text(reading: Reading, path: Path) -> str | None:
    """Return the file's text, or note why it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")  # editors on Windows begin a file with a byte order mark
    except UnicodeDecodeError as error:
        reading.fault(1, f"byte {error.start} is not UTF-8", "Save the file as UTF-8")
    except OSError as error:
        reading.fault(1, f"cannot be read: {error.strerror}", "Check the file and its rights")
    return None

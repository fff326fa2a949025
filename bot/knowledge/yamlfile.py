"""Reads YAML with line numbers, so that a fault can say where it is."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from rapidfuzz import process
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from bot.knowledge.entries import Fault


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
        if not isinstance(data, CommentedMap):
            self.fault(first_line, "a mapping of keys and values is expected", "Write `key: value` lines")
            return None
        return data

    def unknown_keys(self, data: CommentedMap, known: Collection[str], first_line: int = 1) -> None:
        """Note every key that is not in `known`, with the nearest one that is."""
        for key in data:
            if key not in known:
                near = process.extractOne(str(key), sorted(known))
                self.fault(line_of(data, key, first_line), f"unknown key `{key}`", f"Did you mean `{near[0]}`?")

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
                line = first_line + value.lc.item(position)[0]
                self.fault(line, f"item {position + 1} of `{key}` is not a text", "Put it in quotes")
        return tuple(good)


def line_of(data: CommentedMap, key: Any, first_line: int = 1) -> int:
    return first_line + int(data.lc.key(key)[0])


def read_text(reading: Reading, path: Path) -> str | None:
    """Return the file's text, or note why it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        reading.fault(1, f"byte {error.start} is not UTF-8", "Save the file as UTF-8")
    except OSError as error:
        reading.fault(1, f"cannot be read: {error.strerror}", "Check the file and its rights")
    return None

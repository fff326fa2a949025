"""Reads YAML with line numbers, so that a fault can say where it is."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from rapidfuzz import process

from bot.knowledge.entries import Fault

if TYPE_CHECKING:  # the parser is heavy, and most starts need none
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

DASH = re.compile(r"[-–—－−·•]")
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
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError

        try:
            data = YAML().load(text)
        except MarkedYAMLError as error:
            if (slip := _slip(text)) is not None:
                offset, problem, fix = slip
                self.fault(first_line + offset, problem, fix)
                return None
            mark = error.problem_mark or error.context_mark
            line = first_line + (mark.line if mark else 0)
            tabs = "\t" in text.split("\n")[line - first_line : line - first_line + 1][0]
            fix = "Check indentation: blanks, no tabs" if tabs else "Check indentation and quotes"
            self.fault(line, f"this is not YAML: {error.problem or error.context}", fix)
            return None
        except Exception as error:  # noqa: BLE001 - on odd input, e.g. `2026-13-45` or a NUL, the parser fails in many ways
            why = (str(error) or type(error).__name__).splitlines()[0]
            line = first_line + _odd_line(text, getattr(error, "position", None))
            self.fault(line, f"this is not YAML: {why}", "Check days, quotes and odd characters")
            return None
        if not is_map(data):
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
        if not is_list(value):
            dashes = isinstance(value, str) and DASH.match(value)
            fix = "Begin each item with `-` in half width and a blank" if dashes else f"Write `{key}: [one, two]`"
            self.fault(line_of(data, key, first_line), f"`{key}` must be a list", fix)
            return ()
        good: list[str] = []
        for position, item in enumerate(value):
            if isinstance(item, (str, int, float)) and not isinstance(item, bool) and str(item).strip():
                good.append(str(item).replace("\r\n", "\n").replace("\r", "\n").strip())
            else:
                line = line_of(value, position, first_line)
                self.fault(line, f"item {position + 1} of `{key}` is not a text", "Put it in quotes")
        return tuple(good)


SLIPS = (
    (re.compile(r"\s*(?:- )?(\w+)："), "`{0}：` has a full-width colon", "Write `{0}:` and a blank, in half width"),
    (re.compile(r"\s*([–—－−·•])"), "the item begins with `{0}`", "Begin it with `-` in half width and a blank"),
    (re.compile(r"\s+-(?![-\s])(\S{1,12})"), "there is no blank after the `-` of `{0}`", "Write `- {0}`"),
)
"""What hands do to YAML, most of all with a Chinese keyboard: a line like it, what is wrong, and the way out."""


def _slip(text: str) -> tuple[int, str, str] | None:
    """Return (lines before it, problem, fix) of the first line that looks like a slip of the hand."""
    for number, line in enumerate(text.split("\n")):
        for pattern, problem, fix in SLIPS:
            if (found := pattern.match(line)) is not None:
                return number, problem.format(found[1]), fix.format(found[1])
    return None


def is_map(value: object) -> TypeGuard[CommentedMap]:
    """Return whether a value that was parsed is a mapping."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[CommentedSeq]:
    """Return whether a value that was parsed is a list."""
    return isinstance(value, list)


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


LARGEST_BYTES = 2_000_000
MOSTLY_CHINESE = re.compile(r"[\u4e00-\u9fff，。？！、：；（）“”]")


def read_text(reading: Reading, path: Path) -> str | None:
    """Return the file's text, or note why it cannot be read."""
    content = read_bytes(reading, path)
    return None if content is None else text_of(content, reading)


def read_bytes(reading: Reading, path: str | Path) -> bytes | None:
    """Return the file's content, or note why it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - thousands are read one after the other
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        reading.fault(1, f"cannot be read: {error.strerror}", "Check the file and its rights")
        return None
    if len(content) <= LARGEST_BYTES:
        return content
    problem = f"the file has more than {LARGEST_BYTES / 1e6:.0f} MB"
    reading.fault(1, problem, "Is it the right file? Split it: one question and answer a file")
    return None


def text_of(content: bytes, reading: Reading) -> str | None:
    """Return `content` as text with the line ends of Unix and without a byte order mark, or note why it is none."""
    try:
        text = content.decode("utf-8-sig")  # editors on Windows begin a file with a byte order mark
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        if error.reason == "unexpected end of data":
            fix = "It was not saved whole: save it again"
            reading.fault(line, "the file ends in the middle of a character", fix)
            return None
        fix = (
            "Save the file as UTF-8"
            if (other := _encoding_of(content)) is None
            else f"It looks like {other}: open it as that and save it as UTF-8"
        )
        reading.fault(line, f"byte {error.start} is not UTF-8", fix)
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoding_of(content: bytes) -> str | None:
    """Return what a file that is not UTF-8 seems to be written in. It is never read so: a wrong guess says nonsense."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    try:
        odd = [character for character in content.decode("gb18030") if ord(character) > 127]
    except UnicodeDecodeError:
        return None
    return "GBK" if sum(bool(MOSTLY_CHINESE.match(character)) for character in odd) > 0.8 * len(odd) else None

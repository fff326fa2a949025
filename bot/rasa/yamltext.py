"""Writes YAML that every reader reads alike: plain where a person would write so, quoted where it could be mistaken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PLAIN = re.compile(r"[^\W\d_][\w ,.'!?()/+，。？！、；：（）~-]*")
WORDS_WITH_A_MEANING = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
ODD = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
STEP = "  "


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that stand below their key as they are, as in `examples: |`. Each must be printable."""

    lines: Sequence[str]


def yaml_text(data: Mapping[str, Any], comment: str) -> str:
    """Return `data` (mappings, lists, texts, numbers, `Block`s) as one document below a comment of one line."""
    return "\n".join([f"# {comment}", *_mapping(data, "")]) + "\n"


def is_printable(text: str) -> bool:
    """Whether the text can stand in a YAML file without an escape."""
    return UNPRINTABLE.search(text) is None


def _mapping(data: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in data.items():
        yield from _below(f"{indent}{_quoted_if_needed(key)}:", value, indent)


def _below(head: str, value: Any, indent: str) -> Iterator[str]:
    """Yield `value` behind `head`, on the same line if it is short enough, else below it."""
    if isinstance(value, Block):
        yield f"{head} |"
        yield from (f"{indent}{STEP}{line}" for line in value.lines)
    elif isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(value, indent + STEP)
    elif isinstance(value, (list, tuple)) and value:
        yield head
        yield from _list(value, indent)
    elif isinstance(value, str) and _is_plain_block(value):
        yield f"{head} |-"
        yield from (f"{indent}{STEP}{line}" if line else "" for line in value.split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _list(items: Sequence[Any], indent: str) -> Iterator[str]:
    for item in items:
        if isinstance(item, Mapping) and item:
            first, *rest = _mapping(item, indent + STEP)
            yield f"{indent}- {first.removeprefix(indent + STEP)}"
            yield from rest
        else:
            yield f"{indent}- {_scalar(item)}"


def _is_plain_block(text: str) -> bool:
    lines = text.split("\n")
    return (
        len(lines) > 1
        and is_printable(text)
        and all(line == line.rstrip() for line in lines)
        and lines[0] == lines[0].lstrip() != ""
        and lines[-1] != ""
    )


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _quoted_if_needed(value)
    return json.dumps(value, ensure_ascii=False)  # numbers, true, null, [] and {} read the same in YAML


def _quoted_if_needed(text: str) -> str:
    is_plain = PLAIN.fullmatch(text) and text == text.strip() and text.casefold() not in WORDS_WITH_A_MEANING
    if is_plain and is_printable(text):
        return text
    return ODD.sub(lambda odd: f"\\u{ord(odd[0]):04x}", json.dumps(text, ensure_ascii=False))

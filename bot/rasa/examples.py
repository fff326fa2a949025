"""Phrasings in Rasa's notation: one a line, `[words](entity)` around what they name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from bot.rasa.yamltext import Block, is_printable

ANNOTATION = re.compile(r"\[([^\]]+)\](?:\([^)]+\)|\{[^}]+\}|\[[^\]]*\])")
"""Words with what they name: `[red](colour)`, `[red]{"entity": "colour", "role": "wanted"}`, `[red][{…}, {…}]`."""
OPENS_ANNOTATION = re.compile(r"\](?=[(\[{])")
OURS = "zhanggui"
"""The key below which we keep in `metadata` what Rasa has no place for."""


def plain(example: str) -> str:
    """Return an example without its annotations."""
    return ANNOTATION.sub(r"\1", example)


def written(phrasings: Sequence[str]) -> Block | list[dict[str, Any]]:
    """Return `examples:` for these phrasings: lines if Rasa reads all of them as they are, else items.

    A phrasing that Rasa's notation cannot hold becomes the nearest one that it can, with the exact one in `metadata`.
    """
    if all(_is_read_as_it_is(text) for text in phrasings):
        return Block([f"- {text}" for text in phrasings])
    return [_item(text) for text in phrasings]


def exact(metadata: Any) -> str | None:
    """Return the exact phrasing that `written` kept in an example's metadata, if it did."""
    ours = metadata.get(OURS) if isinstance(metadata, dict) else None
    found = ours.get("exact") if isinstance(ours, dict) else None
    return str(found) if found is not None else None


def _is_read_as_it_is(text: str) -> bool:
    return (
        is_printable(text)
        and text == text.strip() != ""
        and len(text.splitlines()) == 1
        and ANNOTATION.search(text) is None
    )


def _item(text: str) -> dict[str, Any]:
    if _is_read_as_it_is(text):
        return {"text": text}
    words = "".join(character if is_printable(character) else " " for character in text)
    nearest = OPENS_ANNOTATION.sub("] ", " ".join(words.split())) or "-"
    return {"text": nearest, "metadata": {OURS: {"exact": text}}}

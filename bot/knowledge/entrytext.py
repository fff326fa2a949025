"""Writes an entry as the file that reads back as the same entry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from bot.knowledge.entries import Entry, Variant
from bot.knowledge.moments import written
from bot.knowledge.plain import plain_text

UNSEEN = re.compile(r"[^ -~\w\u3000-\uffef\U0001f000-\U0001ffff]")


def entry_text(entry: Entry) -> str:
    """Return the content of the entry's file."""
    return "\n".join(["---", *_front(entry), "---", entry.answer, ""])


def _front(entry: Entry) -> Iterator[str]:
    yield f"id: {_text(entry.id)}"
    yield from _list("ask", entry.ask)
    yield from _list("test", entry.test)
    yield from _list("intents", entry.intents)
    yield from _list("tags", entry.tags)
    if entry.owner:
        yield f"owner: {_text(entry.owner)}"
    if entry.valid_from is not None:
        yield f"valid_from: {written(entry.valid_from)}"
    if entry.valid_until is not None:
        yield f"valid_until: {written(entry.valid_until)}"
    if entry.review_by is not None:
        yield f"review_by: {entry.review_by.isoformat()}"
    yield from _list("next", entry.next)
    if entry.variants:
        yield "variants:"
        for variant in entry.variants:
            yield from _variant(variant)


def _list(key: str, items: tuple[str, ...]) -> Iterator[str]:
    if items:
        yield f"{key}:"
        yield from (f"  - {_text(item)}" for item in items)


def _variant(variant: Variant) -> Iterator[str]:
    asked = (("channel", variant.channel), ("tier", variant.tier), ("region", variant.region))
    when = ", ".join(f"{name}: {_quoted(value)}" for name, value in asked if value is not None)
    spans = (("valid_from", variant.valid_from), ("valid_until", variant.valid_until))
    lines = [f"when: {{{when}}}"] if when else []
    lines += [f"{key}: {written(moment)}" for key, moment in spans if moment is not None]
    lines.append(f"answer: {_quoted(variant.answer)}")
    yield from (f"  {'-' if place == 0 else ' '} {line}" for place, line in enumerate(lines))


def _text(value: str) -> str:
    return value if plain_text(value) == value else _quoted(value)


def _quoted(value: str) -> str:
    """Return `value` as YAML in double quotes: JSON, with what cannot be seen escaped."""
    return UNSEEN.sub(lambda found: _escaped(found[0]), json.dumps(value, ensure_ascii=False))


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"

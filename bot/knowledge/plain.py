"""Reads the front matter that nearly all entries have, without the parser of YAML, which takes fifty times as long.

What it reads means the same to YAML. Whatever is a little out of the ordinary is left to the parser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

LISTS = frozenset({"ask", "next", "intents", "tags", "test"})
TEXTS = frozenset({"id", "owner"})
DAYS = frozenset({"valid_from", "valid_until", "review_by"})
NAMES = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that YAML may take for something else than a text."""
KEY = re.compile(r"([a-z_]+):(?: +(.*))?")
ITEM = re.compile(r"  - +(.*)")
UNLIKE_NUMBERS = re.compile(r"[g-np-su-wyG-NP-SU-WY\u3400-\u9fff]")
"""What no number, day or time in YAML holds."""
FLOW_ITEM = re.compile(r"[^\W\d_][\w .'?/:-]*")
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def front_matter(text: str) -> Mapping[str, object] | None:
    """Return key → text, list of texts or day, or None where the parser is needed to say what `text` means."""
    found: dict[str, object] = {}
    items: list[str] | None = None
    for line in text.split("\n")[:-1] if text.endswith("\n") else text.split("\n"):
        if items is not None and (item := ITEM.fullmatch(line)) is not None:
            value = plain_text(item[1])
            if value is None:
                return None
            items.append(value)
            continue
        key = KEY.fullmatch(line)
        if key is None or key[1] in found or items == []:
            return None
        items = [] if key[1] in LISTS and key[2] is None else None
        meant = items if items is not None else _value(key[1], key[2] or "")
        if meant is None:
            return None
        found[key[1]] = meant
    return None if items == [] else found


def _value(key: str, written: str) -> object:
    if key in LISTS:
        return _flow(written)
    if key in TEXTS:
        return plain_text(written)
    if key in DAYS and DAY.fullmatch(written):
        try:
            return date.fromisoformat(written)
        except ValueError:
            return None
    return None


def _flow(written: str) -> Sequence[str] | None:
    if not (written.startswith("[") and written.endswith("]")):
        return None
    items = [item.strip(" ") for item in written[1:-1].split(",")]
    good = all(FLOW_ITEM.fullmatch(item) and plain_text(item) and not item.endswith(":") for item in items)
    return items if good else None


def plain_text(written: str) -> str | None:
    """Return what a text on one line of YAML means, None if that takes more than a look."""
    if not written or not written.isprintable() or written != written.strip():
        return None
    quote = written[0]
    if quote in "\"'":
        inner = written[1:-1]
        whole = len(written) > 2 and written[-1] == quote and quote not in inner and "\\" not in inner
        return inner if whole and inner.strip() == inner else None
    safe = (
        quote.isalnum()
        and not (quote.isdigit() and UNLIKE_NUMBERS.search(written) is None)
        and written.casefold() not in NAMES
        and ": " not in written
        and " #" not in written
        and not written.endswith(":")
    )
    return written if safe else None

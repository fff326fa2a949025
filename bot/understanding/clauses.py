"""Cuts a message where one request may end and another begin: at connectives, else at punctuation."""

from __future__ import annotations

import re

from bot.understanding.text import CJK

MOST = 5
"""A message of more clauses is a tale, not a list of requests."""
SHORTEST_ZH, SHORTEST_EN = 2, 4
"""Characters of a clause."""
_CONNECTIVE_ZH = (
    r"另外(?:再)?(?:还)?(?:想?问(?:一?下)?)?|还有(?:就是|一个问题)|顺便(?:想?问(?:一?下)?)?|对了|再(?:想)?问(?:一?下|个)?"
    r"|还想问(?:一?下)?|以及|同时|然后"
)
_CONNECTIVE_EN = (
    r"\b(?:and also|oh and|and then|and|also|plus|as well as|by the way|btw"
    r"|another (?:thing|question)|one more thing)\b"
)
STRONG = re.compile(
    rf"[.!?][\s]+|[。！？!?;；\n]+|[,，、\s]*(?<![^\s,，、。！？!?;；])还有[,，、:：\s]*|[,，、\s]*(?:{_CONNECTIVE_ZH})[,，、:：\s]*"
    rf"|[\s,]*{_CONNECTIVE_EN}[\s,:]*|\s+\+\s+(?=[a-z])",
    re.IGNORECASE,
)
"""Ends of sentences, and the words that begin another matter."""
WEAK = re.compile(r"[,，、]\s*|(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")


def clauses(text: str) -> tuple[tuple[str, ...], bool]:
    """Return the clauses of `text`, and whether what parts them says so: a comma may stand inside one request."""
    strong = _parts(STRONG, text)
    if len(strong) > 1:
        return strong, True
    return _parts(WEAK, text), False


def _parts(border: re.Pattern[str], text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in border.split(text) if _says_something(part.strip()))
    return parts if len(parts) <= MOST else ()


def _says_something(part: str) -> bool:
    return len(part) >= (SHORTEST_ZH if CJK.search(part) else SHORTEST_EN)

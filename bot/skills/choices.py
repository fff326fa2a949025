"""Matches what a customer types to the choices offered last: `2`, `二`, `②`, `第二个`, the label or a word of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from bot.messages import Choice
from bot.understanding.text import CJK, normal

CHINESE = "一二三四五六七八九"
NUMBERED = re.compile(rf"^(?:第)?([1-9]|[{CHINESE}])(?:个|個|号|號|[.、。)）])?$")

COUNTED = re.compile(
    r"(?:(?:just|only) )?(?:(one|1)|(two|2|两|俩)|(three|3)|(four|4)|(five|5))(?: (?:of (?:them|those)|please))?[.!。]?"
)
"""A number of pieces in words."""
COUNT = "pieces:"
EVERY = "line:all"
THINGS = ("order:", "line:")
"""Tokens of choices among things, which may be told by a word: `the floral one`."""
QUESTION = re.compile(
    r"[?？吗么呢谁几哪咩]|多[久少]|怎[么样]|如何|能不能|可不可以|是不是|什么时候|什麼時候|啥时|啥時|几时|幾時"
    r"|^(?:how|what|when|who|where|why|which|can|could|do|does|is|are|will)\b",
    re.IGNORECASE,
)


def is_question(text: str) -> bool:
    """Return whether `text` has the form of a question."""
    return QUESTION.search(text.strip()) is not None


def pointed_at(text: str, offered: Sequence[Choice]) -> Choice | None:
    """Return the one thing offered whose label shares the most words with `text`."""
    said = _words(text)
    things = [choice for choice in offered if choice.token.startswith(THINGS) and choice.token != EVERY]
    shared = [(len(said & _words(choice.label)), choice) for choice in things]
    most = max((count for count, _ in shared), default=0)
    best = [choice for count, choice in shared if count == most]
    return best[0] if most and len(best) == 1 else None


def _words(text: str) -> set[str]:
    """Return pairs of Chinese characters, and longer words of other scripts."""
    folded = normal(text)
    pairs = {a + b for a, b in pairwise(folded) if CJK.match(a) and CJK.match(b)}
    return pairs | set(re.findall(r"[a-z]{3,}", folded))


def chosen(text: str, tapped: str | None, offered: Sequence[Choice]) -> Choice | None:
    """Return the choice that was meant, if one was."""
    if tapped:
        return next((choice for choice in offered if choice.token == tapped), None)
    said = normal(text)  # NFKC makes `２` and `②` plain digits
    if (count := COUNTED.fullmatch(said)) and any(choice.token.startswith(COUNT) for choice in offered):
        return next((choice for choice in offered if choice.token == f"{COUNT}{count.lastindex}"), None)
    match = NUMBERED.match(said)
    if match:
        number = CHINESE.index(match[1]) if match[1] in CHINESE else int(match[1]) - 1
        return offered[number] if number < len(offered) else None
    return next((choice for choice in offered if said and normal(choice.label) == said), None)

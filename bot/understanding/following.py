"""Messages that only make sense after the one before: `那运费呢`, `and in blue?`, `how long?`.

The rule: a message is elliptic if it carries a mark of going on (`那…`, `…呢`, `and …`, `what about …`), asks with
a bare question word, or only names a colour, a size or a place; and if it is short. It is then read as the end of the
message before. A label counts only if these few words made it likelier, or if it is the same as before and they name
something new. Where that is not sure, and what the words mean by themselves is not clear, both are asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.understanding.entities import Entity
from bot.understanding.text import CJK, normal

MOST_SIGNS_ZH, MOST_WORDS_EN = 9, 6
NEW = frozenset({"colour", "size", "region", "product"})
"""Kinds of things that take the place of what was named before."""
THINGS = frozenset({"colour", "size", "product"})
"""Kinds of things that change nothing about what is asked: `那白色呢` asks the same again."""
RAISED = 0.15
"""By so much the few words have to raise a label's score over that of the message before."""
_MARK = re.compile(
    r"^(?:那么|那|如果是?|要是|换成|(?:ok |okay )?(?:and )?(?:what|how) about|and for|and to|and"
    r"|and if(?: it'?s| it is| i)?|what if(?: it'?s| it is)?|then|same for)(?=[\s\u3400-\u9fff])\s*",
    re.IGNORECASE,
)
_TAIL = re.compile(r"[呢啊呀吗\s?？!！。.~～,，]+$")
_COMPARES = re.compile(r"[跟和与同].+[比哪]|\b(?:versus|vs|than|compared? (?:to|with))\b")
"""Sets two things side by side: no more of the same is asked."""
_BARE = re.compile(
    r"(?:大概|一般|要|需要)?(?:多久|几天|几时|多少钱?|什么时候|怎么[弄办算]?|为什么|谁[出付]|哪里)(?:能?到|呀|啊)?"
    r"|how (?:long|much|many|soon|so)(?: (?:does it take|is it|is that|will it take|for that))?"
    r"|when|where|why|how|who pays",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Before:
    """What the conversation was about: the label acted on, the words, and what they named."""

    label: str
    text: str
    entities: tuple[Entity, ...] = ()


def elliptic(text: str, entities: Sequence[Entity]) -> str:
    """Return what `text` adds to the message before it, without the marks; empty if it stands by itself."""
    said = normal(text)
    core = _TAIL.sub("", said)
    rest = _MARK.sub("", core)
    if not rest or not _is_short(rest) or _COMPARES.search(rest):
        return ""
    marked = rest != core or "呢" in said[len(core) :] or _BARE.fullmatch(rest) is not None
    return rest if marked or names_only(said, entities) else ""


def likelier(
    joined: Sequence[tuple[str, float]],
    base: Sequence[tuple[str, float]],
    before: Before,
    *,
    names: bool,
    names_only: bool,
) -> tuple[tuple[str, float], ...]:
    """Return the labels of `joined` (both messages in one) that the new words speak for, best first.

    Args:
        base: the ranking of the message before alone.
        names: whether the new words name something that takes the place of what was named before.
        names_only: whether they do nothing else: then only the same can be meant.
    """
    was = dict(base)

    def counts(label: str, score: float) -> bool:
        if label == before.label:
            return names
        return not names_only and score - was.get(label, base[-1][1]) >= RAISED

    return tuple((label, score) for label, score in joined if counts(label, score))


def names_a_thing(said: str, rest: str, entities: Sequence[Entity]) -> bool:
    """Return whether `rest` of a message (normal form) is nothing but a colour, a size or a product."""
    start = said.find(rest)
    left = "".join(" " if _is_named(place, entities) else sign for place, sign in enumerate(said))
    left = re.sub(r"\b(?:in|the|for|size|a)\b|[色码的]", "", left[start : start + len(rest)])
    return any(entity.kind in THINGS and entity.end for entity in entities) and not re.search(r"[^\W\d_]", left)


def _is_named(place: int, entities: Sequence[Entity]) -> bool:
    return any(entity.kind in THINGS and entity.start <= place < entity.end for entity in entities)


def either(
    going_on: Sequence[tuple[str, float]], alone: Sequence[tuple[str, float]], least: float, most: float
) -> tuple[tuple[str, float], ...]:
    """Return what a message may mean that might go on or stand by itself: two labels at most of each, from `least` up.

    Args:
        most: no score is above it, so that nothing is acted on.
    """
    scores: dict[str, float] = {}
    for label, score in (*going_on[:2], *alone[:2]):
        if score >= least:
            scores.setdefault(label, min(score, most))
    return tuple(scores.items())


def merged(before: Before, new: Sequence[Entity]) -> tuple[Entity, ...]:
    """Return what both messages name; of a kind that the new one names, only that. What is old stands nowhere."""
    kinds = {entity.kind for entity in new}
    old = tuple(replace(entity, start=0, end=0) for entity in before.entities if entity.kind not in kinds)
    return (*old, *(replace(entity, start=0, end=0) for entity in new))


def _is_short(rest: str) -> bool:
    return len(rest) <= MOST_SIGNS_ZH if CJK.search(rest) else len(rest.split()) <= MOST_WORDS_EN


def names_only(said: str, entities: Sequence[Entity]) -> bool:
    named = [entity for entity in entities if entity.kind in NEW and entity.end]
    left = said
    for entity in named:
        left = left[: entity.start] + " " * (entity.end - entity.start) + left[entity.end :]
    return bool(named) and not re.search(r"[^\W\d_]", re.sub(r"\b(?:in|to|the|for|size)\b|[色码的到]", "", left))

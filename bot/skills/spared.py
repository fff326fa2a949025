"""Which of the pieces named are to stay with the customer: `裙子不退`, `not the dress`, `I'll keep the socks`."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from bot.skills.turn import Turn
from bot.understanding.lexicon import garment_spans
from bot.understanding.text import normal

Span = tuple[int, int]
REACH = 24
"""Characters before a piece in which the words that spare it are looked for."""
BLANK = "·"
"""Stands for the letters of what is to stay, so that all else keeps its place."""
_NO_ZH = r"(?<![是要能可退换])(?:(?:不|别)(?:用|想|要|需要|打算)?(?:退换?|换|寄)|不是(?:要|想)?(?:退|换))(?!钱|款)"
BEFORE = re.compile(
    rf"(?:{_NO_ZH}(?:货|掉|回)?|除了?|除开|留着?下?|保留)(?:的是|那|这|我|的|[一两二三四五六1-9]|[件条双个套]|[ ])*$"
    r"|(?:(?<!is )(?<!'s )(?<!was )\b(?:not|except(?: for)?|apart from|other than|leave out|keep(?:ing)?)"
    r"|\b(?:don't|do not|won't|will not|not) (?:want to |need to |going to )?(?:return|returning|send back|exchange))"
    r"(?: (?:the|my|that|this|those|these|one|of|pairs?|two|pieces?|any))* ?$"
)
AFTER = re.compile(
    r"(?:子|的|那|这|我|就|先|都|也|还是|可以|暂时|[一两二三四五六1-9]|[件条双个套])*"
    rf"(?:{_NO_ZH}|不要退|不动|留(?:着|下)|要?保留|我?要?留)"
    r"|(?: (?:ones?|pairs?))? (?:stays?|is staying|are staying|is not going|are not going|i(?:'d| want to|'ll)? keep)\b"
)
LISTED = re.compile(r"(?:子|的)?(?:和|跟|、|,|/| and | or | nor | & )+(?:the |my )?")
GOES_BACK = re.compile(r"(?:子|的|都|也|要|想|全|[一两二三四五1-9]|[件条双个])*(?:退|换)")


def spans(turn: Turn) -> tuple[Span, ...]:
    """Return where in the message (normal form) pieces are named that are to stay."""
    said = normal(turn.text)
    places = _places(turn, said)
    kept = {place for place in places if _before(said, place[0]) or AFTER.match(said, place[1])}
    for one, other in pairwise(places):  # `不退裙子和T恤`
        if one in kept and LISTED.fullmatch(said, one[1], other[0]) and not GOES_BACK.match(said, other[1]):
            kept.add(other)
    for one, other in reversed(list(pairwise(places))):  # `裙子和T恤不退`
        if other in kept and AFTER.match(said, other[1]) and LISTED.fullmatch(said, one[1], other[0]):
            kept.add(one)
    return tuple(sorted(kept))


def _places(turn: Turn, said: str) -> list[Span]:
    """Return where pieces are named, the colour in front of one with it, none inside another."""
    colours = {entity.end: entity.start for entity in turn.meaning.entities if entity.kind == "colour" and entity.end}
    named = {(e.start, e.end) for e in turn.meaning.entities if e.kind == "product" and e.end}
    named |= set(garment_spans(said))
    whole = {(colours.get(start, colours.get(len(said[:start].rstrip(" 的")), start)), end) for start, end in named}
    whole |= {(start, end) for end, start in colours.items()}
    return sorted(a for a in whole if not any(b != a and b[0] <= a[0] and a[1] <= b[1] for b in whole))


def _before(said: str, start: int) -> bool:
    clause = re.split(r"[,，。;；!！.]", said[max(0, start - REACH) : start])[-1]
    return BEFORE.search(clause) is not None


def words(turn: Turn) -> tuple[str, ...]:
    """Return the words that name what is to stay."""
    said = normal(turn.text)
    return tuple(said[start:end] for start, end in spans(turn))


def without(turn: Turn) -> Turn:
    """Return the turn as if what is to stay had not been named."""
    kept, said = spans(turn), normal(turn.text)
    for start, end in kept:
        said = said[:start] + BLANK * (end - start) + said[end:]
    named = tuple(e for e in turn.meaning.entities if not any(s <= e.start < e.end <= t for s, t in kept))
    return replace(turn, text=said, meaning=replace(turn.meaning, entities=named)) if kept else turn

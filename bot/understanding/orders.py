"""Order numbers: in the shop's own form, in forms that are none, and an example of the form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import cycle

from bot.understanding.entity import ALONE, CHECKED, SAID, Entity, Rule, plain, rules

WORDS_AROUND = re.compile(r"我?的?(?:订单编?号?|单号)[是为]?|\b(?:my|the|this|order|number|no|is|it'?s)\b")
"""Words beside an order's number that say no more than it does."""
OTHER = "order_other"
"""The kind of what is said to be an order number and does not look like one."""
_WORD = r"(?<!快递)(?<!物流)(?<!运)(?:订单编?号?|订单|单号|单子|\border(?: ?(?:number|no|nr|num|id|code))?\b\.?)"
_LINK = r"(?:\s|[:：#＃,，是为]|\bis\b|\bnumber\b)*"
_NUMBER = r"(?=[a-z-]{0,6}\d)[a-z\d](?:[a-z\d]|[-_/](?=[a-z\d])){3,24}"
_NO_DATE = r"(?!\d{2,4}[-/.]\d{1,2}[-/.]\d{1,2})"
_NOT_COUNTED = r"(?![a-z\d])(?! ?(?:件|条|双|个|套|块|元|天|号|月|年|pcs|pieces?|items?|pairs?|yuan|rmb|days?))"
OTHER_FORMS = rules(
    (OTHER, rf"{_WORD}{_LINK}{_NO_DATE}({_NUMBER}){_NOT_COUNTED}", plain()),
    (OTHER, rf"^#\s?({_NUMBER})(?=$|\W)", plain()),
    confidence=ALONE,
)
GATE = re.compile(r"订单|单号|单子|\border\b|^#")
LEAST_DIGITS, MOST_PIECES = 10, 24
_PIECES = re.compile(r"[a-z0-9]+", re.ASCII)
_GAP = re.compile(r"[ ._/-]{1,3}")
_APART = re.compile(r"[a-z\d][ ._/-]{1,3}\d", re.ASCII)
TIMES = {"": 1, "?": 0, "*": 0, "+": 8}
"""How often a piece of a pattern stands in the example."""
_PIECE = re.compile(r"(\[[^\]]+\]|\\.|[^()\\])(\?|\*|\+|\{(\d+)(?:,\d*)?\})?")


@lru_cache
def own_form(order_number: str) -> tuple[Rule, ...]:
    """Return the rule that reads the shop's own numbers, for the setting `[shop] order_number`."""
    pattern = re.compile(rf"(?<![a-z0-9])(?:{order_number})(?!\d)", re.ASCII | re.IGNORECASE)
    return (Rule("order", pattern, _in_capitals, CHECKED),)


def only_names(said: str, entities: Iterable[Entity]) -> bool:
    """Return whether a part of a message (normal form) does no more than tell an order, and whose it is: `单号 …`."""
    named = [entity for entity in entities if entity.kind in ("order", OTHER, "phone_end")]
    for entity in named:
        said = said[: entity.start] + " " * (entity.end - entity.start) + said[entity.end :]
    return bool(named) and not re.search(r"[^\W_]", WORDS_AROUND.sub("", said))


def spaced(said: str, order_number: str) -> Iterator[Entity]:
    """Yield the first of the shop's numbers that is written with blanks or dashes within: `qh 2611 2000 86`.

    Args:
        said: in normal form. Mere digits count from LEAST_DIGITS on: fewer may be measures.
    """
    (rule,) = own_form(order_number)
    pieces = list(_PIECES.finditer(said)) if _APART.search(said) else []
    for place, first in enumerate(pieces):
        written, end, longest = first[0], first.end(), None
        for piece in pieces[place + 1 : place + MOST_PIECES]:
            goes_on = len(piece[0]) == 1 or piece[0][-1].isdigit()
            if not goes_on or _GAP.fullmatch(said, end, piece.start()) is None:
                break
            written, end = written + piece[0], piece.end()
            match = rule.pattern.fullmatch(written)
            if match is not None and (not written.isdigit() or len(written) >= LEAST_DIGITS):
                longest = Entity("order", _in_capitals(match)[0], first.start(), end, confidence=SAID)
        if longest is not None:
            yield longest
            return


def _in_capitals(match: re.Match[str]) -> tuple[str, str]:
    """An order number in capitals: what its groups matched, if it has any, else the whole."""
    return ("".join(group or "" for group in match.groups()) or match[0]).upper(), ""


@lru_cache
def example(order_number: str) -> str:
    """Return a made-up number in the form of the setting `[shop] order_number`, empty if none can be made up."""
    digits = cycle("1234567890")
    said = "".join(
        _sign(piece, digits)
        for piece, repeat, least in _PIECE.findall(order_number.replace("(?:", "("))
        for _ in range(int(least or TIMES[repeat]))
    )
    found = re.fullmatch(order_number, said, re.ASCII | re.IGNORECASE)
    return _in_capitals(found)[0] if found else ""


def _sign(piece: str, digits: cycle[str]) -> str:
    if piece in (r"\d", "[0-9]"):
        return next(digits)
    return piece[1] if len(piece) > 1 else piece

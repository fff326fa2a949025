"""Which of the things named are not meant: refused (`不要红色`), or put right by what follows (`L, no wait, M`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.understanding.entity import Entity

DENIABLE = frozenset(
    {"size", "size_label", "colour", "product", "region", "money", "date", "span", "length"}
    | {"height", "weight", "chest", "waist", "hip", "foot"}
)
"""Numbers of orders, parcels and phones are never refused: `no.` stands before them for another reason."""
FILLER = r"(?:那个|那件|这个|这件|那条|这条|那双|穿|买|拍|选|给我|发|有|带|寄|纯|的|是|码|尺码|颜色|[ ])"
BEFORE = re.compile(
    r"(?:(?<![要想])不(?:想|是很)?(?:要|喜欢|选|想要)|(?<![是要])不是(?!说)|别(?:要|给我|发|拍|选|寄)|除了|(?<!能)不[穿买])"
    rf"{FILLER}{{0,4}}$"
    r"|(?:\b(?:not|no|never|without|except(?: for)?|but not|instead of|rather than|anything but|other than)|"
    r"n't (?:want|like|need|send(?: me)?|do|be)|\b(?:do not (?:want|like|need|send)|isn't|wasn't|hate|dislike))"
    r"(?: (?:it|in|a|an|the|any|my|size|colou?r|that|those|these|really|so|too|for|to|from|on))* ?$"
)
AFTER = re.compile(
    r"(?:的|色|码|款|那件|那个|颜色)*(?:我|就|都|真的|也)*(?:不要|不喜欢|不想要|不行|不合适|不考虑|不好看)(?=了|$|[^\w]|换|改|的话)"
    r"|(?: ones?| colou?r)? (?:is|are) (?:not (?:for me|what)|too|wrong)|,? no thanks"
)
ASKS = re.compile(r"[吗么?？]|^(?:is|are|isn't|aren't|do|don't|does|why)\b")
LISTED = re.compile(r"(?:的|色|码)?(?:和|跟|或者?|、|,|/| and | or | nor | & )+(?:the |a |in |size )?")
CORRECTED = re.compile(
    r"->|→|=>|换成|改成|改为|换到|改到|换|改|变成|应该是|说错|写错|打错|拍错|发错|选错|不对|错了|算了|其实是?|更正|[哦啊不]不|还是要?"
    r"|\b(?:actually|no,? wait|wait|i mean(?:t)?|make (?:it|that)|changed? (?:it |that )?to|scratch that|oops)\b"
    r"|\b(?:correction|instead(?! of)|should be|my mistake|swap(?:ped)? (?:it )?(?:for|to)|rather(?! than))\b|\bsorry,"
)
MOST_MARKED = 40
"""Things; a message that names more is a list."""
BACK = 24
"""Characters before a thing in which a refusal of it is looked for."""


def marked(said: str, found: Sequence[Entity]) -> tuple[Entity, ...]:
    """Return `found` with what is refused or put right marked as negated.

    Args:
        said: normal form.
        found: in the order of the text.
    """
    heard = found[:MOST_MARKED]
    refused = {i for i, entity in enumerate(heard) if entity.kind in DENIABLE and _refused(said, entity)}
    refused |= _also_listed(said, heard, refused) | _corrected(said, heard)
    return tuple(replace(entity, negated=True) if i in refused else entity for i, entity in enumerate(found))


def _refused(said: str, entity: Entity) -> bool:
    if not entity.end:  # a product that was only alike stands nowhere
        return False
    before = BEFORE.search(said[max(0, entity.start - BACK) : entity.start])
    if before is not None:
        return not (before[0].startswith(("不是", "isn't", "wasn't")) and ASKS.search(_rest(said, entity.end)))
    return AFTER.match(said, entity.end) is not None


def _rest(said: str, at: int) -> str:
    """Return what follows up to the end of the clause, its sign included."""
    return re.split(r"(?<=[?？])|[,，。.;；!！]", said[at : at + BACK], maxsplit=1)[0]


def _also_listed(said: str, found: Sequence[Entity], refused: set[int]) -> set[int]:
    """Return what is refused with its neighbour: `不要红色和黑色`."""
    more: set[int] = set()
    for i in range(1, len(found)):
        one, other = found[i - 1], found[i]
        listed = one.kind == other.kind and LISTED.fullmatch(said, one.end, other.start)
        if listed and (i - 1 in refused | more) and not AFTER.match(said, one.end):
            more.add(i)
    return more


def _corrected(said: str, found: Sequence[Entity]) -> set[int]:
    """Return what the next thing of its kind puts right."""
    wrong: set[int] = set()
    last: dict[str, int] = {}
    for i, entity in enumerate(found):
        before = last.get(entity.kind)
        if entity.kind in DENIABLE and entity.end and before is not None:
            between = said[found[before].end : entity.start]
            if len(between) <= 2 * BACK and found[before].value != entity.value and _puts_right(between):
                wrong.add(before)
        last[entity.kind] = i
    return wrong


def _puts_right(between: str) -> bool:
    """Return whether what stands between two things puts the first right; `L还是XL` asks which of them."""
    match = CORRECTED.search(between)
    return match is not None and not (match[0] == "还是" and between.strip() in ("还是", "的还是", "码还是", "色还是"))

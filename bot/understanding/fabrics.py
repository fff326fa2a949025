"""What clothes are made of, and which of them keep warm: the words of customers and of catalogues."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

FABRICS: Mapping[str, str] = {  # fabric → what it is called, in either language
    "cotton": r"棉(?!服|衣|袄)|\bcotton\b",
    "linen": r"亚麻|棉麻|\blinen\b",
    "silk": r"真丝|桑蚕丝|蚕丝|丝绸|\bsilk\b",
    "cashmere": r"羊绒|\bcashmere\b",
    "wool": r"羊毛|\bwool(?:len)?\b",
    "down": r"羽绒|鹅绒|鸭绒|\b(?:goose|duck) down\b|\bdown (?:jackets?|coats?|vests?|parkas?)\b",
    "leather": r"牛皮|真皮|皮革|羊皮|\bleather\b",
    "modal": r"莫代尔|\bmodal\b",
    "polyester": r"聚酯纤维|涤纶|\bpolyester\b",
}
_FABRICS = {fabric: re.compile(words) for fabric, words in FABRICS.items()}
WARM = frozenset({"cashmere", "wool", "down"})
_WARM = re.compile(r"保暖|暖和|御寒|抗冻|加绒|冬天|冬季|\b(?:warm(?:er)?|winter|thermal|fleece|cosy|cozy)\b")
_KEEPS_WARM = re.compile(r"保暖|加绒|\b(?:thermal|fleece)\b")


_OR = re.compile(r"或|还是|/|\bor\b")
_NOT = re.compile(
    r"(?:(?<!是)不是|(?<!要)不要|不(?:想[要买]|含|带)|别(?:要|是)|[非无]|除了)(?:纯|含|百分百|100% ?|任何)*$"
    r"|(?:\b(?:not|no|non|without|except|other than|anything but|isn't|aren't)|n't (?:be|contain|want|like|wear))[ -]"
    r"(?:(?:made (?:of|from|in|with)|of|in|from|any|pure|real|100%|contain(?:ing)?) )*$"
)
_FREE = re.compile(r"[ -]free\b")
_ALSO = re.compile(r"(?:的)?(?:和|跟|或者?|还有|、|,|/| and | or | nor | & )+(?:的|不要)? ?")


@dataclass(frozen=True, slots=True)
class Wished:
    """The fabrics that something is to be made of.

    Attributes:
        any_of: groups of which one fabric each is wanted: `cotton or linen` is one group.
        none_of: what is refused: `not wool`.
    """

    any_of: tuple[frozenset[str], ...] = ()
    none_of: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.any_of or self.none_of)

    def is_met(self, made_of: frozenset[str]) -> bool:
        return all(group & made_of for group in self.any_of) and not self.none_of & made_of


def wished_in(words: str) -> Wished:
    """Return the fabrics that `words` (normal form) wish for, and those that they refuse."""
    spans = sorted((m.start(), m.end(), name) for name, one in _FABRICS.items() for m in one.finditer(words))
    between = ["", *(words[one[1] : other[0]] for one, other in pairwise(spans))]
    any_of: list[frozenset[str]] = []
    none_of: set[str] = set()
    refused = False
    for (start, end, name), joint in zip(spans, between, strict=False):
        refused = bool(_NOT.search(words[:start]) or _FREE.match(words, end) or (refused and _ALSO.fullmatch(joint)))
        if refused:
            none_of.add(name)
        elif any_of and _OR.search(joint):
            any_of[-1] |= {name}
        else:
            any_of.append(frozenset({name}))
    return Wished(tuple(any_of), frozenset(none_of))


def fabrics_in(words: str) -> frozenset[str]:
    """Return the fabrics that `words` (normal form) name."""
    return frozenset(fabric for fabric, pattern in _FABRICS.items() if pattern.search(words))


def asks_warm(said: str) -> bool:
    """Return whether something warm is asked for in `said` (normal form)."""
    return _WARM.search(said) is not None


def is_warm(name: str, material: str) -> bool:
    """Return whether a product keeps warm, by its name and by what it is made of (normal form)."""
    return bool(WARM & fabrics_in(material)) or _KEEPS_WARM.search(name) is not None

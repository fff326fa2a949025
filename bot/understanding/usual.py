"""The sizes that people say they wear, usually or of another brand: `平时穿M`, `I'm a 39 in Nike`."""

from __future__ import annotations

import re

_SIZE = (
    r"(?<![a-z'])"
    r"((?:x{1,4}[ls]|[2-5]xl|[sml])(?![a-z0-9'])|extra[ -](?:large|small)|x-(?:large|small)|small|medium|large"
    r"|(?:3[4-9]|4[0-7])(?:\.5)?(?![\d.]|码?的腰)|[89]0(?![\d.])|1[0-7]0(?![\d.]))"
    r"(?! ?(?:cm|mm|kg|公斤|斤|厘米|公分|lbs?|pounds|st\b|stone|岁|years?|yo\b|months?|个月|%|元|块|/))"
)
"""One of the shop's own, not followed by what makes a number something else."""
_BRANDS = (
    r"优衣库|耐克|阿迪达?斯?|李宁|安踏|斐乐|特步|匡威|斯凯奇|彪马|太平鸟|海澜之家|波司登|无印良品"
    r"|zara|h&m|\bhm|nike|adidas|uniqlo|\bgap|levi'?s|mango|asos|puma|fila|converse|shein|muji|bershka"
    r"|massimo dutti|skechers|new balance|reebok|primark|lululemon"
)
_OTHERS = r"别家|(?:别的|其[他它]|另外)的?(?:牌子|品牌|店|家)"
_ZH = rf"平时|平常|日常|穿惯了?|一般|通常|正常|一直|有时候?|以前|孕前|{_OTHERS}"
_EN = (
    r"usually|normally|generally|always|typically|mostly|sometimes|other (?:brands|shops|stores)|"
    rf"(?:in|at|by) (?:{_BRANDS})|(?:pre-?pregnancy|before (?:the )?pregnancy)|"
    r"(?:i'?m|he'?s|she'?s|i am|he is|she is|i wear|i take|i have|wears|wear|takes?)"
    r"(?= (?:usually |normally |an? |size |eu ))"
)
_BETWEEN = (
    r"(?:,? (?:i|i'm|he|she|he's|she's|am|is|are|wears?|takes?|have|buy|in|an?|the|size|eu|between|about|shoes?|do))*"
)  # fmt: skip
_USUALLY = re.compile(
    rf"(?:{_ZH}|{_BRANDS})[^\d,，。?？!！]{{0,10}}?{_SIZE}"
    rf"|(?:我|他|她|孩子)(?:是|穿)(?=[^,，。?？]{{0,6}}的[鞋裤衣上]){_SIZE}"
    rf"|\b(?:{_EN}){_BETWEEN} {_SIZE}"
    rf"|\b(?:i|he|she)(?:'m|'s| wears?| takes?| buys?| gets?| am| is)(?: an?)? {_SIZE}(?= (?:in|at|from|by)\b)"
    rf"|(?:^|[ ,]){_SIZE} (?:in|at|from|by) (?:{_BRANDS})"
    rf"|\bsize {_SIZE}(?= (?:everywhere|elsewhere|in (?:all|most|other) ))"
    rf"|\b(?:my|his|her) (?:usual |normal |shoe )*size is (?:an? |eu )*{_SIZE}"
)
_ELSEWHERE = re.compile(
    rf"{_BRANDS}|{_OTHERS}|\b(?:other (?:brands|shops|stores)|elsewhere)\b"
    rf"|\b(?:wears?|takes?|buys?|gets?|am|is|i'm|he's|she's)(?: an?)? {_SIZE} (?:at|from|by) (?!your|this|the)[a-z]"
)
"""Whose sizes they are: of another shop, which cuts differently."""
_END = re.compile(r"[,，。;；!！?？] ?|\. |\bbut\b|但是?")
_LED_BY = re.compile(rf"(?:{_BRANDS}|{_OTHERS})的?[,，] ?$")
_ALSO = re.compile(
    rf"(?:码?(?:有时候?(?:穿)?|和|或者?|跟)|,? (?:and|or)(?: sometimes)?(?: an?)?|, sometimes(?: an?)?) ?{_SIZE}"
)
_WORDS = {
    "small": "S",
    "medium": "M",
    "large": "L",
    "extralarge": "XL",
    "xlarge": "XL",
    "extrasmall": "XS",
    "xsmall": "XS",
    "xxxl": "3XL",
    "2xl": "XXL",
    "xxxxl": "4XL",
    "2xs": "XXS",
}


def usual_sizes(said: str) -> dict[str, bool]:
    """Return the sizes that someone says they wear, and whether those are another brand's.

    Args:
        said: normal form.

    Returns:
        By size, as shops write it: `M`, `39`, `130`.
    """
    found: dict[str, bool] = {}
    for match in _USUALLY.finditer(said):
        elsewhere = _is_elsewhere(said, match)
        found.setdefault(_name(next(group for group in match.groups() if group)), elsewhere)
        also = _ALSO.match(said, match.end())
        if also:
            found.setdefault(_name(also[1]), elsewhere)
    return found


def _is_elsewhere(said: str, size: re.Match[str]) -> bool:
    """Return whether another brand is named in the clause of a size, or right before it: `in Zara, I wear M`."""
    start = max((end.end() for end in _END.finditer(said, 0, size.start())), default=0)
    after = _END.search(said, size.end())
    inside = _ELSEWHERE.search(said, start, after.start() if after else len(said))
    return inside is not None or _LED_BY.search(said[:start]) is not None


def _name(size: str) -> str:
    bare = size.replace(" ", "").replace("-", "")
    return _WORDS.get(bare, bare.upper())

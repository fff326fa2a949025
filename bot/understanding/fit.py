"""What people say about fit beside their measures: how it should sit, and for whom it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

LOOSE, SNUG, LAYERS, PREGNANT, ROOMY_FOOT, GROW = "loose", "snug", "layers", "pregnant", "foot", "grow"
LARGER = (PREGNANT, LAYERS, ROOMY_FOOT, GROW, LOOSE)
"""Wishes that ask for more room, the one that says most in front."""
ME, CHILD, OTHER = "me", "child", "other"
WOMAN, MAN = "W", "M"
"""As American shoe sizes are marked in a size chart: `US W8`."""
_NOT = r"(?<!不要)(?<!不喜欢)(?<!别)(?<!不想)(?<!not )(?<!not too )(?<!不)"
_WORDS: Mapping[str, tuple[str, ...]] = {  # wish → what says it, Chinese and English
    LOOSE: (
        r"宽松|宽大|松一点|松一些|松点|肥一点|大一点|慵懒|落肩|不要太紧|别太紧|不喜欢紧|oversized?|over ?size",
        r"\b(?:loose(?:r|ly)?|bagg(?:y|ier)|room(?:y|ier)|relaxed|slouchy|not (?:too )?tight)\b",
    ),
    SNUG: (
        r"修身|紧身|贴身|合身一点|收身|紧一点|不要太松|不要太宽松|不喜欢宽松|别太宽",
        r"\b(?:snug|slim(?: |-)?fit|fitted|not (?:too )?(?:loose|baggy))\b|\b(?:tight(?:er)? |close[- ])fit",
    ),
    LAYERS: (
        r"叠穿|里面.{0,6}(?:穿|加|套|搭)|内搭|[套穿]在.{0,6}外|\blayer(?:s|ed|ing)?\b|\bunder(?:neath| it)\b",
        r"\bover (?:a |my |thick |chunky )*(?:sweater|jumper|hoodie|shirt|knit|jacket|blazer|suit)",
    ),
    PREGNANT: (
        r"怀孕|孕期|孕妇|大肚子|快生了|预产期",
        r"\bpregnan|\b(?:maternity|expecting|baby bump|pre-?pregnancy|due (?:in|next|any))\b",
    ),
    ROOMY_FOOT: (
        r"厚袜|脚.{0,3}[宽肥厚胖]|宽脚|脚[背面].{0,2}高|高脚背",
        r"\b(?:thick (?:wool )?socks?|wide (?:foot|feet))\b|\bhigh (?:instep|arch)",
        r"\bfeet are (?:quite |rather |a bit |very )?wide\b",
    ),
    GROW: (
        r"多穿[一两几]|穿[一两三几]年|穿久一点|穿大一点|能长|长得快|大一点|买大",
        r"\b(?:grow(?:ing)?|room to|grows? into)\b",
    ),
}
_WISHES = {wish: re.compile(_NOT + f"(?:{'|'.join(words)})") for wish, words in _WORDS.items()}
_CHILD = re.compile(
    r"童|宝宝|宝贝|小孩|孩子|儿子|女儿|闺女|娃|小朋友|男孩|女孩|外甥|侄"
    r"|\b(?:kids?|child(?:ren)?(?:'?s)?|toddlers?|sons?|daughters?|baby|babies|boys?|girls?'?)\b"
    r"|\b(?:niece|nephew|grand(?:son|daughter|child))\b"
)
_NOT_A_CHILD = re.compile(r"\b(?:baby bump|big boy|the boys|girls' night)\b|有宝宝了|宝贝[,，]")
_RELATIVES = (
    r"老公|老婆|先生|太太|男朋友|女朋友|男友|女友|对象|爸|妈|爷爷|奶奶|外公|外婆|哥|姐|弟|妹|朋友|同事|闺蜜|婆婆|公公"
    r"|\b(?:husband|wife|boyfriend|girlfriend|partner|fianc[ée]+|dad|father|mum|mom|mother|brother|sister)\b"
    r"|\b(?:friend|grandma|grandpa|colleague|for them)\b"
)
_WHO: Mapping[str, re.Pattern[str]] = {  # one person → what they are called, the longer words in front
    name: re.compile(words)
    for name, words in (
        ("husband", r"老公|丈夫|\bhusband\b"),
        ("wife", r"老婆|太太|妻子|\bwife\b"),
        ("boyfriend", r"男朋友|男友|\bboyfriend\b"),
        ("girlfriend", r"女朋友|女友|\bgirlfriend\b"),
        ("grandmother", r"奶奶|外婆|姥姥|\bgrand(?:ma|mother)\b"),
        ("grandfather", r"爷爷|外公|姥爷|\bgrand(?:pa|dad|father)\b"),
        ("parent-in-law", r"婆婆|公公|岳母|岳父|丈母娘|\b(?:mother|father)-in-law\b"),
        ("mother", r"妈|母亲|\b(?:mum|mom|mother)\b"),
        ("father", r"爸|父亲|\b(?:dad|father)\b"),
        ("brother", r"哥|弟|\bbrother\b"),
        ("sister", r"姐|妹|\bsister\b"),
        ("son", r"儿子|\bson\b"),
        ("daughter", r"女儿|闺女|\bdaughter\b"),
        ("friend", r"朋友|闺蜜|\bfriend\b"),
        ("colleague", r"同事|\bcolleague\b"),
    )
}
_PRONOUN = re.compile(r"(?<![其吉])[他她]|\b(?:he|she|him|his|her)\b|\bhe's|\bshe's")
_OTHER = re.compile(_RELATIVES)
_ME = re.compile(
    r"我自己|给我(?!老|男|女|爸|妈|儿|孩|家|朋)|我本人|我呢|我(?=身高|体重|\d|穿)"
    r"|\b(?:myself|me|i'?m|i am|i weigh|my own)\b"
)
_WOMAN = re.compile(
    r"女|\b(?:wom[ae]n(?:'?s)?|lad(?:y|ies)(?:'s)?|female|girl'?s?|she|her|wife|girlfriend|mum|mom|mother)\b"
    r"|(?<![a-z'])w ?\d|\d ?w\b"
)
_MAN = re.compile(
    r"男|(?<![a-z])(?:m[ae]n(?:'?s)?|male|gents?|boys?|guy|he|his|him|husband|boyfriend|dad|father)\b"
    r"|(?<![a-z'])m ?\d|\d ?m\b"
)


def wishes(said: str) -> tuple[str, ...]:
    """Return how it should fit, by what `said` (normal form) says; a wish and its contrary are none."""
    found = tuple(wish for wish, pattern in _WISHES.items() if pattern.search(said))
    if {LOOSE, SNUG} <= set(found):
        return tuple(wish for wish in found if wish not in (LOOSE, SNUG))
    return found


def whose(said: str, before: str = "") -> str:
    """Return for whom the size is: ME, CHILD or OTHER; `before`, as it was, where `said` does not tell."""
    if _CHILD.search(_NOT_A_CHILD.sub("", said)):
        return CHILD
    if _OTHER.search(said):
        return OTHER
    if _PRONOUN.search(said):  # of a child that was spoken of, else of somebody else
        return before if before in (CHILD, OTHER) else OTHER
    return ME if _ME.search(said) else before


def relative(said: str) -> str:
    """Return who it is that `said` (normal form) names beside the speaker, as the first of some words; else empty."""
    return next((name for name, pattern in _WHO.items() if pattern.search(said)), "")


def gender(said: str) -> str:
    """Return WOMAN or MAN where `said` tells which American sizes are meant, else an empty text."""
    if _WOMAN.search(said):
        return WOMAN
    return MAN if _MAN.search(said) else ""

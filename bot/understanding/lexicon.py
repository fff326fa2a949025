"""Words of the trade: the garments by category, and the colours. All that is known of garments by name stands here.

Which garment or colour is named hardly ever changes what is wanted. So before texts are compared every garment becomes
one stand-in and every colour another: "I want to return the blue dress" is as familiar as "I want to return the black
jeans". What exactly was named is found by `entities`; which kind of garment is meant, by `category_of`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

GARMENT_ZH, COLOUR_ZH = "㐂", "㐃"
"""Rare characters inside the CJK range, so that they take part in character runs."""
GARMENT_EN, COLOUR_EN = "garmentword", "colourword"

CHILDREN = "children"
FOR_CHILDREN = ("童", "宝宝", "小孩", "孩子", "儿子", "女儿"), (
    "kid", "kids", "child", "children", "childrens", "toddler", "toddlers", "my son", "my daughter",
)  # fmt: skip
"""Words that make any garment children's wear, Chinese and English; no garments themselves."""
GARMENTS_ZH: Mapping[str, str] = {  # category, as of products and size charts → words; "" is of no category
    CHILDREN: "童装",
    "underwear": "内裤 内衣 文胸 袜子 袜",
    "dresses": "连衣裙 洋装 半身裙 裙子 短裙 长裙 碎花裙 吊带裙 百褶裙 裙",
    "trousers": "牛仔裤 休闲裤 西裤 短裤 长裤 阔腿裤 运动裤 打底裤 裤子 裤",
    "shoes": "运动鞋 帆布鞋 小白鞋 皮鞋 靴子 靴 凉鞋 拖鞋 鞋子 鞋",
    "outerwear": "外套 风衣 大衣 羽绒服 棉服 夹克 西装",
    "tops": "衬衫 衬衣 T恤 短袖 长袖 卫衣 毛衣 针织衫 开衫 马甲 背心 上衣 打底衫 polo衫",
    "": "睡衣 家居服 泳衣 围巾 帽子 皮带 包包 衣服",
}
GARMENTS_EN: Mapping[str, str] = {
    "underwear": "socks sock underwear briefs boxers boxer bras bra",
    "dresses": "dresses dress skirts skirt",
    "trousers": "jeans trousers trouser pants chinos shorts leggings joggers",
    "shoes": "sneakers sneaker trainers trainer shoes shoe boots boot sandals sandal slippers loafers",
    "outerwear": "jackets jacket coats coat trench parkas parka blazers blazer suits puffers puffer",
    "tops": "shirts shirt blouses blouse tees tee tshirts tshirt t-shirts t-shirt polos tops top hoodies hoodie "
    "sweatshirts sweatshirt sweaters sweater jumpers jumper cardigans cardigan vests vest",
    "": "pyjamas pajamas bikinis bikini swimsuit scarf scarves hats hat belts belt",
}
COLOURS_ZH = """
红色 白色 黑色 蓝色 绿色 黄色 粉色 紫色 灰色 米色 卡其色 咖啡色 棕色 橙色 藏青色 藏青 雾蓝 米白 墨绿 酒红 杏色 驼色
"""
COLOURS_EN = (
    "red white black blue green yellow pink purple grey gray beige khaki brown orange navy cream ivory camel burgundy"
)


def _anywhere(words: Iterable[str]) -> re.Pattern[str]:
    """Return what finds the longest of `words` anywhere."""
    return re.compile("|".join(re.escape(word.casefold()) for word in sorted(words, key=len, reverse=True)))


def _as_words(words: Iterable[str]) -> re.Pattern[str]:
    """Return what finds one of `words`, not as a part of a longer word."""
    return re.compile(rf"(?<![a-z])(?:{_anywhere(words).pattern})(?![a-z])")


_GARMENTS = (
    (_anywhere(" ".join(GARMENTS_ZH.values()).split()), GARMENT_ZH),
    (_as_words(" ".join(GARMENTS_EN.values()).split()), GARMENT_EN),
)
_STAND_INS = (
    *_GARMENTS,
    (_anywhere(COLOURS_ZH.split()), COLOUR_ZH),
    (_as_words(COLOURS_EN.split()), COLOUR_EN),
)
_CATEGORIES = (
    (CHILDREN, _anywhere(FOR_CHILDREN[0])),
    (CHILDREN, _as_words(FOR_CHILDREN[1])),
    *((category, _anywhere(words.split())) for category, words in GARMENTS_ZH.items() if category),
    *((category, _as_words(words.split())) for category, words in GARMENTS_EN.items() if category),
)


def generalised(text: str) -> str:
    """Return `text` (normal form) with garments and colours replaced by their stand-ins."""
    for pattern, stand_in in _STAND_INS:
        text = pattern.sub(stand_in, text)
    return text


def garments_of(text: str) -> tuple[str, ...]:
    """Return the stems of the garment words in `text` (normal form), in order: `袜` of `袜子`, `sock` of `socks`."""
    found = sorted((m for pattern, _ in _GARMENTS for m in pattern.finditer(text)), key=lambda m: m.start())
    return tuple(dict.fromkeys(re.sub(r"(?<=.)子$|(?<!s)s$", "", match[0]) for match in found))


def garment_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Return where the garment words stand in `text` (normal form), from start to before end."""
    return tuple(sorted(match.span() for pattern, _ in _GARMENTS for match in pattern.finditer(text)))


def garment_of(text: str) -> str | None:
    """Return the stem of the first garment word in `text` (normal form)."""
    return next(iter(garments_of(text)), None)


def category_of(text: str) -> str | None:
    """Return the category of the garment that `text` (normal form) names, the first in the order above; else None."""
    return next((category for category, pattern in _CATEGORIES if pattern.search(text)), None)

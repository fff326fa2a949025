"""Words of the trade that stand for one another: which garment or colour is named hardly ever changes what is wanted.

Before texts are compared every garment becomes one stand-in and every colour another, so that "I want to return the
blue dress" is as familiar as "I want to return the black jeans". What exactly was named is found by `entities`.
"""

from __future__ import annotations

import re

GARMENT_ZH, COLOUR_ZH = "㐂", "㐃"
"""Rare characters inside the CJK range, so that they take part in character runs."""
GARMENT_EN, COLOUR_EN = "garmentword", "colourword"

_GARMENTS_ZH = """
连衣裙 半身裙 裙子 短裙 长裙 碎花裙 吊带裙 百褶裙 裙 牛仔裤 休闲裤 西裤 短裤 长裤 阔腿裤 运动裤 打底裤 裤子 裤
衬衫 衬衣 T恤 短袖 长袖 卫衣 毛衣 针织衫 开衫 马甲 背心 上衣 打底衫 polo衫 外套 风衣 大衣 羽绒服 棉服 夹克 西装
睡衣 家居服 童装 运动鞋 帆布鞋 小白鞋 皮鞋 靴子 凉鞋 拖鞋 鞋子 鞋 袜子 内裤 内衣 文胸 泳衣 围巾 帽子 皮带 包包 衣服
"""
_GARMENTS_EN = """
dresses dress skirts skirt jeans trousers trouser pants chinos shorts leggings joggers shirts shirt blouses blouse
tees tee tshirts tshirt t-shirts t-shirt polos tops hoodies hoodie sweatshirts sweatshirt sweaters sweater jumpers
jumper cardigans cardigan vests vest jackets jacket coats coat trench parkas parka blazers blazer suits puffers puffer
pyjamas pajamas sneakers sneaker trainers shoes shoe boots boot sandals sandal slippers loafers socks underwear bras
bra bikinis bikini swimsuit scarf scarves hats hat belts belt
"""
_COLOURS_ZH = """
红色 白色 黑色 蓝色 绿色 黄色 粉色 紫色 灰色 米色 卡其色 咖啡色 棕色 橙色 藏青色 藏青 雾蓝 米白 墨绿 酒红 杏色 驼色
"""
_COLOURS_EN = (
    "red white black blue green yellow pink purple grey gray beige khaki brown orange navy cream ivory camel burgundy"
)


def _longest_first(words: str) -> str:
    return "|".join(re.escape(word) for word in sorted(words.casefold().split(), key=len, reverse=True))


_STAND_INS = (
    (re.compile(_longest_first(_GARMENTS_ZH)), GARMENT_ZH),
    (re.compile(_longest_first(_COLOURS_ZH)), COLOUR_ZH),
    (re.compile(rf"(?<![a-z])(?:{_longest_first(_GARMENTS_EN)})(?![a-z])"), GARMENT_EN),
    (re.compile(rf"(?<![a-z])(?:{_longest_first(_COLOURS_EN)})(?![a-z])"), COLOUR_EN),
)


def generalised(text: str) -> str:
    """Return `text` (normal form) with garments and colours replaced by their stand-ins."""
    for pattern, stand_in in _STAND_INS:
        text = pattern.sub(stand_in, text)
    return text

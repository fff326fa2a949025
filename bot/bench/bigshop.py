"""A made-up shop with very many answers: things of the catalogue times what customers ask of them, in two languages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from itertools import islice, product
from pathlib import Path

from bot.knowledge.entries import Entry
from bot.knowledge.entrytext import entry_text
from bot.starter import SHOP_TOML, make_shop

THINGS = (
    ("羊毛衫", "wool jumper"), ("滑雪服", "ski suit"), ("牛仔裤", "pair of jeans"), ("连衣裙", "summer dress"),
    ("衬衫", "linen shirt"), ("风衣", "trench coat"), ("皮带", "leather belt"), ("舞蹈鞋", "dance shoe"),
    ("凉鞋", "sandal"), ("雨靴", "rain boot"), ("双肩包", "backpack"), ("行李箱", "suitcase"),
    ("丝巾", "silk scarf"), ("手套", "glove"), ("毛线帽", "knitted hat"), ("太阳镜", "sunglass case"),
    ("保温杯", "thermos flask"), ("电饭煲", "rice cooker"), ("空气炸锅", "air fryer"), ("台灯", "desk lamp"),
    ("加湿器", "humidifier"), ("吹风机", "hair dryer"), ("电动牙刷", "electric toothbrush"),
    ("充电宝", "power bank"), ("蓝牙耳机", "earphone"), ("键盘", "keyboard"), ("鼠标垫", "mouse mat"),
    ("瑜伽垫", "yoga mat"), ("哑铃", "dumbbell"), ("跳绳", "skipping rope"), ("帐篷", "tent"),
    ("睡袋", "sleeping bag"), ("钓鱼竿", "fishing rod"), ("婴儿车", "pushchair"), ("奶瓶", "baby bottle"),
    ("积木", "box of bricks"), ("绘本", "picture book"), ("猫砂盆", "litter tray"), ("狗牵引绳", "dog lead"),
    ("鱼缸", "fish tank"), ("床垫", "mattress"), ("枕头", "pillow"), ("被套", "duvet cover"), ("窗帘", "curtain"),
    ("地毯", "carpet"), ("书架", "bookshelf"), ("餐桌", "dining table"), ("办公椅", "office chair"),
    ("平底锅", "frying pan"), ("菜刀", "kitchen knife"),
)  # fmt: skip
MATTERS = (
    ("清洗", "clean"), ("保养", "look after"), ("晾干", "dry"), ("收纳", "store"), ("安装", "set up"),
    ("拆开", "take apart"), ("修理", "repair"), ("除味", "get the smell out of"), ("去污", "get a stain out of"),
    ("熨烫", "iron"), ("测量", "measure"), ("调松", "loosen"), ("调紧", "tighten"), ("充电", "charge"),
    ("换电池", "change the battery of"), ("消毒", "disinfect"), ("防潮", "keep damp out of"),
    ("防晒", "keep the sun off"), ("染色", "dye"), ("缝补", "mend"), ("打包", "pack"), ("托运", "check in"),
    ("送礼", "give away"), ("刻字", "engrave"), ("回收", "recycle"), ("验货", "check over"),
    ("辨真假", "tell a fake"), ("贴标签", "label"), ("上锁", "lock"), ("解锁", "unlock"), ("固定", "fix in place"),
    ("折叠", "fold"), ("展开", "unfold"), ("擦亮", "polish"), ("打蜡", "wax"), ("润滑", "oil"),
    ("降噪", "quieten"), ("调亮度", "dim"), ("重置", "reset"), ("更换配件", "order parts for"),
)  # fmt: skip
ASKED = (
    ("{thing}怎么{matter}", "how do i {matter} a {thing}"),
    ("{matter}{thing}有什么要注意的", "what should i mind when i {matter} the {thing}"),
    ("买来的{thing}能自己{matter}吗", "can i {matter} the {thing} myself"),
    ("请教一下{thing}的{matter}方法", "best way to {matter} a {thing}"),
    ("我的{thing}多久要{matter}一次", "how often should i {matter} my {thing}"),
    ("有没有{thing}{matter}的教程", "is there a guide to {matter} a {thing}"),
)
TRIED = (
    ("不会{matter}这个{thing}怎么办", "i do not know how to {matter} this {thing}"),
    ("你们教教我{thing}如何{matter}", "please show me how to {matter} my {thing}"),
    ("{thing}，想{matter}", "{thing}, want to {matter} it"),
)
ANSWER = (
    "{thing}请按说明书{matter}，不清楚时拍照发给我们，{{shop.hours}}有人在。",
    "Please {matter} the {thing} as its leaflet says. If in doubt send us a photo; we are here {{shop.hours}}.",
)
LANGUAGES = ("zh", "en")
MOST = len(THINGS) * len(MATTERS)


def make_big_shop(folder: Path, count: int) -> None:
    """Make a shop in the new `folder`: the starter set and `count` more answers, at most `MOST`, in both languages."""
    make_shop(folder, SHOP_TOML)
    for entry in _entries(count):
        path = folder / entry.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(entry_text(entry), encoding="utf-8")


def made_up_questions(count: int, entries: int, seed: int = 0) -> list[str]:
    """Return different questions, half Chinese and half English, to the answers of a shop with so many of them."""
    draw = random.Random(seed)
    matters = list(islice(product(THINGS, MATTERS), entries))
    found: dict[str, None] = {}
    while len(found) < min(count, len(matters) * len(TRIED)):
        thing, matter = draw.choice(matters)
        own = len(found) % 2
        found[draw.choice(TRIED)[own].format(thing=thing[own], matter=matter[own])] = None
    return list(found)


def _entries(count: int) -> Iterator[Entry]:
    for number, (thing, matter) in enumerate(islice(product(THINGS, MATTERS), count)):
        entry_id, topic = f"made-{number:04}", f"things-{number // len(MATTERS):02}"
        for own, language in enumerate(LANGUAGES):
            words = {"thing": thing[own], "matter": matter[own]}
            yield Entry(
                entry_id,
                language,
                f"knowledge/{language}/{topic}/{entry_id}.md",
                tuple(asked[own].format(**words) for asked in ASKED),
                ANSWER[own].format(**words),
                tags=(topic,),
                owner="service",
                review_by=date(2099, 12, 31),
            )

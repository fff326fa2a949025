"""Goods that are looked for by how they are made or look: of a fabric, warm, in a colour."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.shop.port import Product
from bot.skills import facts, shown
from bot.skills.choices import is_question
from bot.skills.turn import Turn
from bot.understanding.fabrics import asks_warm, fabrics_in, is_warm, wished_in
from bot.understanding.lexicon import category_of, garment_spans
from bot.understanding.text import normal

SHOWS = re.compile(
    r"有(?:没有|哪些|什么|啥)?[^,，。?？]{0,8}(?:的|衣服|[裙裤鞋衫套衣])[裙裤鞋衫套衣外上连大毛服子款装]{0,4}(?:吗|么|嘛|呢|推荐)?[?？!！。~]*$"
    r"|(?:推荐|看看|找|想买|想要)[^,，。?？]{0,8}(?:的|[裙裤鞋衫套衣])"
    r"|\b(?:do you (?:have|sell|carry)|have you got|got (?:any|something)|anything (?:in|made)|something|show me"
    r"|looking for|what .{0,30} do you have|which .{0,30} do you have)\b"
)
"""Looks about in the shop."""
POINTED = re.compile(r"这|同款|\b(?:this|that|these|those|it)\b")
"""Speaks of what is in a picture."""
WHICH_SIZE = re.compile(r"多大|[几哪]个?[码号]|什么[码号]")
OF_ONE = re.compile(
    r"[洗熨烫含]|成分|起球|掉色|缩水|养护|护理|过敏|\b(?:wash|clean|care|iron|shrink|pill|allerg|tips|advice)"
)
"""Asks about a piece or a fabric, not for goods."""
MAY_BE = frozenset({"", *facts.ABOUT, "new_arrivals", "recommend", "product_search"})
"""What such a message sounds like."""
ANYTHING = re.compile(
    r"有(?:什么|哪些|啥)[^,，。]{0,4}色的|有[^,，。]{0,6}色的?(?:衣服|东西)|\b(?:any|some)thing (?:else )?in\b"
)
IN_A_COLOUR = re.compile(r"有(?:没有)?[^,，。]{0,4}色的")
"""Of the piece spoken of, if there is one."""


def points_at_picture(turn: Turn) -> bool:
    """Return whether a message speaks of what is in a picture that came with it."""
    return bool(turn.pictures) and POINTED.search(normal(turn.text)) is not None


def asks_of_picture(turn: Turn) -> bool:
    """Return whether something, a size perhaps, is asked of a piece that only a picture shows."""
    said, meaning = normal(turn.text), turn.meaning
    unknown = meaning.best in ("", "size_advice") and not meaning.value("product") and category_of(said) is None
    return points_at_picture(turn) and unknown and (is_question(said) or WHICH_SIZE.search(said) is not None)


def by_colour(turn: Turn) -> bool:
    """Return whether goods of any kind are looked for by their colour: `anything in blue?`."""
    said = normal(turn.text)
    if not turn.meaning.values("colour") or turn.meaning.values("product"):
        return False
    return bool(ANYTHING.search(said) or (IN_A_COLOUR.search(said) and not facts.spoken_of(turn)))


def made_like(turn: Turn) -> Callable[[Product], bool] | None:
    """Return what tells the goods that are made as they are wanted, of a fabric or warm; None for any."""
    said, language = normal(turn.text), turn.language
    fabrics, warm = wished_in(unnamed(turn)), asks_warm(said)
    if not fabrics and not warm:
        return None

    def is_like(product: Product) -> bool:
        name, made_of = normal(shown.name(product.name, language)), normal(shown.name(product.material, language))
        return fabrics.is_met(fabrics_in(made_of)) and (not warm or is_warm(name, made_of))

    return is_like


def by_kind_only(turn: Turn, product: Product) -> bool:
    """Return whether but the word for its kind stands for a product: a cotton `top` is no Silk Top."""
    kinds = garment_spans(normal(turn.text))
    own = [one for one in turn.meaning.entities if (one.kind, one.value) == ("product", product.id) and one.end]
    return bool(own) and all(any(s <= one.start and one.end <= e for s, e in kinds) for one in own)


def are_sought(turn: Turn) -> bool:
    """Return whether goods are looked for by how they are made or look, whatever entry on fabrics it sounds like."""
    said, meaning = normal(turn.text), turn.meaning
    if SHOWS.search(said) is None or OF_ONE.search(said) is not None:
        return False
    wished = {meaning.best, *(part for part, _ in meaning.parts)}
    return wished <= MAY_BE and (made_like(turn) is not None or by_colour(turn))


def unnamed(turn: Turn) -> str:
    """Return what a message says beside pieces, colours and sizes."""
    said = normal(turn.text)
    for entity in turn.meaning.entities:
        if entity.kind in ("product", "colour", "size"):
            said = said[: entity.start] + " " * (entity.end - entity.start) + said[entity.end :]
    return said

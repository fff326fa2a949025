"""What the catalogue says of a product beside stock: fabric, care and fit; and products side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.knowledge.entries import version_of
from bot.messages import Source
from bot.shop.port import Product
from bot.skills import shown
from bot.skills.goods import is_colour
from bot.skills.turn import ASKED, OPTIONAL, Say, Step, Turn, phrases
from bot.understanding.lexicon import category_of
from bot.understanding.text import normal

CARE = (
    "care-colour",
    "care-cotton",
    "care-down",
    "care-ironing",
    "care-linen",
    "care-pilling",
    "care-shoes",
    "care-shrinking",
    "care-silk",
    "care-wool",
)
ABOUT = frozenset({"product-fabric", "product-stretch", "product-thickness", "product-allergy", *CARE})
"""Entries to which is added what the catalogue says of the product that is named, or was spoken of."""
CARED_FOR = re.compile(
    r"(?:怎么|怎样|如何|能不能|能|可不可以|可以|要|用)(?:用)?(?:洗衣机|机器)?[机手水干]?洗|洗护|洗涤|[机手水干]洗[吗么嘛]"
    r"|\bhow (?:do|should|can|to|would)\b.{0,12}\b(?:wash|clean|care for|look after)\b"
    r"|\b(?:machine|hand)[- ]wash|\bdry[- ]clean|\btumble[- ]dry|\bwashing instructions\b"
    r"|\b(?:can|may|could|should) (?:i|it|you|they) (?:be )?wash"
)
"""Asks how a piece is washed."""
FABRIC = "product-fabric"
OF_WHAT = re.compile(
    r"(?:[什啥哪]么?|何)(?:面料|料子|材质|布料|料|做的)|(?:面料|材质|成分|料子|布料)(?:是|呢|怎|如何|[?？]|$)"
    r"|\b(?:what|which) (?:fabric|material)s?\b|\b(?:what|how)(?:'s| is| are) .{1,40}\bmade (?:of|from)\b"
)
"""Asks what a piece is made of."""
PHRASES = phrases(
    products="material product material; care product care; fit product fit; "
    "side_by_side product price material colours sizes; side_gone product price material; compare"
)


def spoken_of(turn: Turn) -> tuple[str, ...]:
    """Return the ids of the products of the last messages."""
    before, asked = turn.state.before(turn.now), turn.state.slots.get(ASKED)
    if asked and not turn.state.skill:  # a message that led to a choice of what it meant
        return tuple(dict.fromkeys(one[1] for one in asked["entities"] if one[0] == "product"))
    return tuple(one.value for one in before.entities if one.kind == "product" and not one.negated) if before else ()


def tell(turn: Turn) -> Step | None:
    """Tell what a product is made of and how it is washed; None where no product is meant."""
    named = turn.meaning.values("product")
    ids = named or spoken_of(turn)
    product = turn.shop.product(ids[0]) if ids else None
    if product is not None and not named and not _may_be(turn, product):
        return None
    if product is None:
        return None
    told: dict[str, Mapping[str, str]] = {"material": product.material}
    told |= {"care": product.care} if turn.meaning.best in CARE else {"fit": product.fit}
    says = tuple(_fact(turn, product, name, words) for name, words in told.items() if any(words.values()))
    return Step(says, turn.state.waiting("products", OPTIONAL)) if says else None


def care(turn: Turn) -> Step | None:
    """Tell how the one piece spoken of is washed, where that is asked; None else."""
    ids = () if turn.meaning.value("product") else set(spoken_of(turn))
    product = turn.shop.product(next(iter(ids))) if len(ids) == 1 else None
    if product is None or not any(product.care.values()) or not CARED_FOR.search(normal(turn.text)):
        return None
    return Step((_fact(turn, product, "care", product.care),), turn.state.waiting("products", OPTIONAL))


def _may_be(turn: Turn, product: Product) -> bool:
    """Return whether the piece spoken of may still be meant: of the kind and colour that are named now."""
    category, colours = category_of(normal(turn.text)), turn.meaning.values("colour")
    return category in (None, product.category) and (
        not colours or any(is_colour(colour, v.colour) for colour in colours for v in product.variants)
    )


def _fact(turn: Turn, product: Product, name: str, words: Mapping[str, str]) -> Say:
    fields = {"product": shown.name(product.name, turn.language), name: shown.name(words, turn.language)}
    return Say(f"products.{name}", fields, sources=(_source(product, *fields.values()),))


def compared(turn: Turn, product: Product) -> Say:
    """Return a product in one sentence as it is set beside another: price, fabric, what there is."""
    there = [variant for variant in product.variants if variant.stock > 0]
    prices = [variant.price_for(turn.person.tier) for variant in there or product.variants]
    fields = {
        "product": shown.name(product.name, turn.language),
        "price": shown.money(min(prices, key=lambda price: price.amount_minor), turn.language),
        "material": shown.name(product.material, turn.language),
    }
    if there:
        fields["colours"] = shown.listed((shown.name(v.colour, turn.language) for v in there), turn.language)
        fields["sizes"] = shown.listed(
            (v.size for v in product.variants if v.size in {t.size for t in there}), turn.language
        )
    phrase = "side_by_side" if there else "side_gone"
    return Say(f"products.{phrase}", fields, sources=(_source(product, phrase, *fields.values()),))


def _source(product: Product, *told: str) -> Source:
    return Source(f"product:{product.id}", version_of(*told))

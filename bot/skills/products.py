"""Products: is it there, in which colours and sizes, at what price. Only what the catalogue says."""

from __future__ import annotations

from collections.abc import Sequence

from bot.knowledge.entries import version_of
from bot.messages import Source
from bot.shop.port import Product, Variant
from bot.skills import shown
from bot.skills.goods import is_colour
from bot.skills.turn import Say, Skill, Step, Turn, phrases
from bot.understanding.lexicon import CHILDREN, category_of
from bot.understanding.text import normal

NAME = "products"
MOST_SHOWN = 3
PHRASES = phrases(
    products="item product price colours sizes; sold_out product; none; which; some; "
    "exact product colour size price; exact_gone product colour size; "
    "in_size product size colours price; size_gone product size; "
    "in_colour product colour sizes price; colour_gone product colour; "
    "other_sizes colour sizes; other_colours size colours; not_made product colours sizes"
)
PHRASES_FOR = {  # (is a colour asked for, is a size) → what is said if it is there, and if it is gone
    (True, True): ("exact", "exact_gone"),
    (True, False): ("in_colour", "colour_gone"),
    (False, True): ("in_size", "size_gone"),
    (False, False): ("item", "sold_out"),
}


def run(turn: Turn) -> Step | None:
    """Show up to three products that fit the words; ask which if none is named."""
    waits = turn.state.skill == NAME
    category = category_of(normal(turn.text))
    named = bool(turn.meaning.values("product") or category)
    if waits and (turn.meaning.best or not named):
        return None
    fitting = _fitting(turn, category)
    if not fitting:
        phrase = "none" if category or waits else "which"
        wanted = {kind: list(turn.meaning.values(kind)) for kind in ("colour", "size")}
        waiting = turn.state.waiting(NAME, "product", **wanted) if phrase == "which" else turn.state.idle()
        return Step((Say(f"products.{phrase}"),), waiting)
    says = tuple(say for product in fitting[:MOST_SHOWN] for say in _answer(turn, product))
    return Step((Say("products.some"), *says) if len(fitting) > 1 else says, turn.state.idle())


def _wanted(turn: Turn, kind: str) -> tuple[str, ...]:
    """Return the colours or sizes asked for, now or before the product was asked back."""
    kept = turn.state.slots.get(kind, ()) if turn.state.skill == NAME else ()
    return turn.meaning.values(kind) or tuple(kept)


def _fitting(turn: Turn, category: str | None) -> list[Product]:
    """Return the products meant; those first that are there in the colour and size asked for, children's wear last."""
    products = turn.shop.products()
    ids = turn.meaning.values("product")
    found = [product for product in products if product.id in ids]
    found = found or [product for product in products if product.category == category]
    if not found and turn.meaning.best in ("recommend", "new_arrivals"):
        found = list(products[-MOST_SHOWN:])
    fitting = [product for product in found if _asked_for(turn, product)] or found
    child = category == CHILDREN
    return sorted(fitting, key=lambda product: (_sold_out(turn, product), (product.category == CHILDREN) != child))


def _asked_for(turn: Turn, product: Product) -> list[Variant]:
    colours, sizes = _wanted(turn, "colour"), _wanted(turn, "size")
    in_colour = [v for v in product.variants if not colours or any(is_colour(c, v.colour) for c in colours)]
    return [variant for variant in in_colour if not sizes or variant.size in sizes]


def _sold_out(turn: Turn, product: Product) -> bool:
    return not any(variant.stock > 0 for variant in _asked_for(turn, product))


def _answer(turn: Turn, product: Product) -> list[Say]:
    """Answer for the very colours and sizes that were asked for: two separate lists would promise every pair."""
    asked = _asked_for(turn, product)
    if not asked:
        return [_say(turn, "not_made", product, product.variants)]
    by_colour, by_size = bool(_wanted(turn, "colour")), bool(_wanted(turn, "size"))
    groups: dict[tuple[str, str], list[Variant]] = {}
    for variant in asked:
        key = (shown.name(variant.colour, turn.language) if by_colour else "", variant.size if by_size else "")
        groups.setdefault(key, []).append(variant)
    there, gone = PHRASES_FOR[by_colour, by_size]
    says = [_group(turn, product, group, there, gone) for group in groups.values()]
    return [*says, *_others(turn, product, asked)] if _sold_out(turn, product) else says


def _group(turn: Turn, product: Product, group: list[Variant], there: str, gone: str) -> Say:
    in_stock = [variant for variant in group if variant.stock > 0]
    return _say(turn, there if in_stock else gone, product, in_stock or group)


def _others(turn: Turn, product: Product, asked: list[Variant]) -> list[Say]:
    """Say what there is instead: other sizes in the colour, other colours in the size."""
    in_stock = [variant for variant in product.variants if variant.stock > 0]
    sizes = [v for v in in_stock if _wanted(turn, "colour") and v.colour in [a.colour for a in asked]]
    colours = [v for v in in_stock if _wanted(turn, "size") and v.size in [a.size for a in asked]]
    says = [_say(turn, "other_sizes", product, sizes)] if sizes else []
    return says + ([_say(turn, "other_colours", product, colours)] if colours else [])


def _say(turn: Turn, phrase: str, product: Product, variants: Sequence[Variant]) -> Say:
    """Fill a phrase from `variants`; its price is the lowest of them."""
    colours = shown.listed((shown.name(v.colour, turn.language) for v in variants), turn.language)
    there = {variant.size for variant in variants}
    sizes = shown.listed((v.size for v in product.variants if v.size in there), turn.language)
    cheapest = min((variant.price for variant in variants), key=lambda price: price.amount_minor)
    fields = {
        "product": shown.name(product.name, turn.language),
        "price": shown.money(cheapest, turn.language),
        **dict.fromkeys(("colour", "colours"), colours),
        **dict.fromkeys(("size", "sizes"), sizes),
    }
    return Say(
        f"products.{phrase}", fields, sources=(Source(f"product:{product.id}", version_of(phrase, *fields.values())),)
    )


SKILL = Skill(
    NAME,
    frozenset({"product_search", "stock_question", "recommend", "new_arrivals"}),
    run,
    PHRASES,
    about=frozenset({"product"}),
)

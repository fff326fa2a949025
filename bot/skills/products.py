"""Products: is it there, in which colours and sizes, at what price. Only what the catalogue says."""

from __future__ import annotations

from bot.messages import Source
from bot.shop.port import Money, Product
from bot.skills import shown
from bot.skills.turn import Say, Skill, Step, Turn, phrases

NAME = "products"
MOST_SHOWN = 3
PHRASES = phrases(
    products="item product price colours sizes; sold_out product; none; which; some"
)
KINDS = {  # words customers use → category
    "dresses": ("裙", "dress", "skirt"),
    "trousers": ("裤", "trouser", "pants", "jeans"),
    "shoes": ("鞋", "shoe", "sneaker", "boot", "trainer"),
    "outerwear": ("外套", "风衣", "大衣", "羽绒", "夹克", "coat", "jacket", "trench"),
    "children": ("童", "小孩", "宝宝", "kid", "child"),
    "tops": ("衬衫", "t恤", "卫衣", "毛衣", "上衣", "针织", "shirt", "tee", "sweater", "hoodie", "top", "jumper"),
}


def run(turn: Turn) -> Step | None:
    """Show up to three products that fit the words; ask which if none is named."""
    if turn.state.skill == NAME and not turn.meaning.values("product") and not _category(turn.text):
        return None
    fitting = _fitting(turn)
    if not fitting:
        phrase = "none" if _category(turn.text) or turn.state.skill == NAME else "which"
        waiting = turn.state.waiting(NAME, "product") if phrase == "which" else turn.state.idle()
        return Step((Say(f"products.{phrase}"),), waiting)
    says = tuple(_item(turn, product) for product in fitting[:MOST_SHOWN])
    return Step((Say("products.some"), *says) if len(says) > 1 else says, turn.state.idle())


def _category(text: str) -> str | None:
    lowered = text.casefold()
    return next((kind for kind, words in KINDS.items() if any(word in lowered for word in words)), None)


def _fitting(turn: Turn) -> list[Product]:
    products = turn.shop.products()
    by_id = {product.id: product for product in products}
    named = [by_id[i] for i in turn.meaning.values("product") if i in by_id]
    category = _category(turn.text)
    found = named or [product for product in products if product.category == category]
    if not found and turn.meaning.best in ("recommend", "new_arrivals"):
        found = list(products[-MOST_SHOWN:])
    return [p for p in found if _has_colour(turn, p)] or found


def _has_colour(turn: Turn, product: Product) -> bool:
    wanted = turn.meaning.values("colour")
    words = [word.casefold() for variant in product.variants for word in variant.colour.values()]
    return not wanted or any(colour in word for colour in wanted for word in words)


def _item(turn: Turn, product: Product) -> Say:
    name = shown.name(product.name, turn.language)
    source = (Source(f"product:{product.id}", "stock"),)
    there = [variant for variant in product.variants if variant.stock > 0]
    if not there:
        return Say("products.sold_out", {"product": name}, sources=source)
    comma = "、" if turn.language == "zh" else ", "
    cheapest: Money = min((variant.price for variant in there), key=lambda price: price.amount_minor)
    fields = {
        "product": name,
        "price": shown.money(cheapest, turn.language),
        "colours": comma.join(dict.fromkeys(shown.name(v.colour, turn.language) for v in there)),
        "sizes": comma.join(dict.fromkeys(v.size for v in there)),
    }
    return Say("products.item", fields, sources=source)


SKILL = Skill(
    NAME, frozenset({"product_search", "stock_question", "recommend", "new_arrivals"}), run, PHRASES
)

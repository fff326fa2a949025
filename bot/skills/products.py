"""Products: is it there, in which colours and sizes, at what price. Only what the catalogue says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.knowledge.entries import version_of
from bot.messages import Source
from bot.shop.port import Money, Product, Variant
from bot.skills import budget, facts, looks, shown
from bot.skills.goods import is_colour
from bot.skills.instead import PHRASES as INSTEAD
from bot.skills.instead import instead
from bot.skills.turn import OPTIONAL, Say, Skill, Step, Turn, phrases
from bot.understanding.entities import Entity
from bot.understanding.lexicon import CHILDREN, category_of
from bot.understanding.text import normal

NAME, STOCK = "products", "stock_question"
COLOURS = re.compile(r"(?:什么|哪些|哪几[个种]|几[个种]|多少[个种]?)颜色|\b(?:what|which|how many) colou?rs?\b")
IN_STOCK = re.compile(
    r"(?:现在)?(?:还)?(?:有没?有?|没)(?:现)?货(?:吗|么|嘛|呢)?|[色码的]|\b(?:is|in|the|size|a|stock|available)\b"
)
ANY_LEFT = re.compile(
    r"有(?:没有)?.{1,10}(?:吗|么|嘛|没)|还有.{1,10}|有没有"
    r"|\b(?:do you have|have you got|got any|is there|available|in stock|comes? in)\b"
)
VERSUS = re.compile(
    r"(?:[跟和与同]|比).{0,12}(?:比(?!价)|哪[个款件]更?|更|[好暖厚薄凉轻])|\b(?:than|versus|vs|compared (?:to|with))\b"
)
"""Sets a piece beside the one spoken of."""
MOST_SHOWN = 3
MOST_COMPARED = 3
COMPARE = "product_compare"
PHRASES = (
    INSTEAD
    | facts.PHRASES
    | phrases(
        products="item product price colours sizes; sold_out product; none; which; which_picture; some; "
        "exact product colour size price; exact_gone product colour size; "
        "in_size product size colours price; size_gone product size; "
        "in_colour product colour sizes price; colour_gone product colour; "
        "which_two; not_made product colours sizes; member product price full"
    )
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
    if turn.meaning.best == COMPARE or (waits and turn.state.step == "compare" and turn.meaning.value("product")):
        return _compare(turn)
    if turn.meaning.best in facts.ABOUT:
        return facts.tell(turn)
    if turn.meaning.best == "product_search" and (care := facts.care(turn)):
        return care
    turn, category = _with_spoken_of(turn), category_of(normal(turn.text))
    named = bool(turn.meaning.values("product") or category or looks.made_like(turn) or looks.by_colour(turn))
    if waits and (turn.meaning.best or not named):
        return None
    fitting = _fitting(turn, category)
    if not fitting:
        phrase = "none" if category or waits or looks.made_like(turn) else "which"
        wanted = {kind: list(turn.meaning.values(kind)) for kind in ("colour", "size")}
        waiting = turn.state.waiting(NAME, "product", **wanted) if phrase == "which" else turn.state.idle()
        return Step(
            (Say("products.which_picture" if phrase == "which" and turn.pictures else f"products.{phrase}"),), waiting
        )
    says = tuple(say for product in fitting[:MOST_SHOWN] for say in _answer(turn, product))
    return Step((Say("products.some"), *says) if len(fitting) > 1 else says, turn.state.idle())


def _with_spoken_of(turn: Turn) -> Turn:
    """Return the turn with the piece spoken of before, where its price or stock is asked for and no other is named."""
    meaning = turn.meaning
    named = meaning.value("product") or category_of(normal(turn.text))
    ids = () if named or meaning.best not in ("price_question", STOCK) else facts.spoken_of(turn)
    if len(set(ids)) != 1:
        return turn
    return replace(turn, meaning=replace(meaning, entities=(*meaning.entities, Entity("product", ids[0], 0, 0))))


def _settles(turn: Turn) -> str:
    """Return the wish of someone who asks for the colours of a piece, or for a colour or size of the one spoken of."""
    said, meaning = normal(turn.text), turn.meaning
    if turn.choice or (turn.state.skill and turn.state.step != OPTIONAL):
        return ""
    if looks.asks_of_picture(turn):
        return "product_search"
    spoken = set() if meaning.value("product") or category_of(said) else set(facts.spoken_of(turn))
    if meaning.value("product") and facts.OF_WHAT.search(said) and not meaning.best and not meaning.parts:
        return facts.FABRIC
    if meaning.value("product") and COLOURS.search(said) and not meaning.values("colour"):
        return "product_search"
    if len(spoken) == 1 and not meaning.best and not meaning.values("colour") and COLOURS.search(said):
        return STOCK
    if len(spoken) == 1 and not meaning.best and not meaning.parts and facts.CARED_FOR.search(said):
        return "product_search"
    if budget.wants_cheapest(said) and category_of(said) and not meaning.best and not meaning.parts:
        return "product_search"
    if meaning.value("product") and facts.spoken_of(turn) and not meaning.best and VERSUS.search(said):
        return COMPARE
    variant = bool(meaning.value("colour") or meaning.value("size"))
    if meaning.value("product") and variant and not re.search(r"[^\W\d_]", IN_STOCK.sub("", looks.unnamed(turn))):
        return STOCK if IN_STOCK.search(said) else ""
    if looks.are_sought(turn):
        return "product_search"
    asked = variant and not meaning.best and not meaning.value("product") and not category_of(said)
    open_to_it = len(spoken) == 1 or (not spoken and meaning.value("size") is not None and not looks.by_colour(turn))
    return STOCK if asked and ANY_LEFT.search(said) and open_to_it else ""


def _compare(turn: Turn) -> Step | None:
    """Set two products side by side: those named, else the one named beside the one spoken of before."""
    kept = tuple(turn.state.slots.get("products", ())) if turn.state.skill == NAME else ()
    before = () if kept else facts.spoken_of(turn)
    ids = tuple(dict.fromkeys((*turn.meaning.values("product"), *kept, *before)))
    found = [product for one in ids if (product := turn.shop.product(one)) is not None][:MOST_COMPARED]
    if len(found) < 2:
        waiting = turn.state.waiting(NAME, "compare", products=[product.id for product in found])
        return Step((Say("products.which_two"),), waiting)
    return Step((*(facts.compared(turn, product) for product in found), Say("products.compare")), turn.state.idle())


def _wanted(turn: Turn, kind: str) -> tuple[str, ...]:
    """Return the colours or sizes asked for, now or before the product was asked back."""
    kept = turn.state.slots.get(kind, ()) if turn.state.skill == NAME else ()
    return turn.meaning.values(kind) or tuple(kept)


def _fitting(turn: Turn, category: str | None) -> list[Product]:
    """Return the products meant; those first that are there in the colour and size asked for, children's wear last."""
    products = turn.shop.products()
    ids, like = turn.meaning.values("product"), looks.made_like(turn)
    found = [product for product in products if product.id in ids]
    if like and not (found := [one for one in found if like(one) or not looks.by_kind_only(turn, one)]):
        found = [product for product in products if category in (None, product.category) and like(product)]
    elif not found:
        found = [
            product for product in products if product.category == category or (not category and looks.by_colour(turn))
        ]
    if not found and turn.meaning.best in ("recommend", "new_arrivals"):
        found = list(products[-MOST_SHOWN:])
    fitting = _affordable(turn, [product for product in found if _asked_for(turn, product)] or found)
    child, by_price = category == CHILDREN, budget.wants_cheapest(normal(turn.text))

    def place(product: Product) -> tuple[bool, bool, int]:
        price = _cheapest(turn, _asked_for(turn, product) or product.variants).amount_minor if by_price else 0
        return (_sold_out(turn, product), (product.category == CHILDREN) != child, price)

    return sorted(fitting, key=place)


def _affordable(turn: Turn, found: list[Product]) -> list[Product]:
    """Return those that cost no more than the customer wants to pay; all of them where no sum was named.

    A piece that is asked for by its name stays: its price is the answer.
    """
    said, named = normal(turn.text), turn.meaning.values("product")

    def fits(product: Product) -> bool:
        price = _cheapest(turn, _asked_for(turn, product) or product.variants)
        most = budget.most_minor(said, price.currency)
        by_name = product.id in named and not looks.by_kind_only(turn, product)
        return most is None or by_name or price.amount_minor <= most

    return [product for product in found if fits(product)]


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
    if _sold_out(turn, product):
        return [*says, *instead(turn, product, asked, by_colour=by_colour, by_size=by_size)]
    return [*says, *_member(turn, product, asked)]


def _member(turn: Turn, product: Product, asked: Sequence[Variant]) -> list[Say]:
    """Say what a member pays less than others."""
    own, full = _cheapest(turn, asked), min(v.price.amount_minor for v in asked)
    if own.amount_minor >= full:
        return []
    fields = {
        "product": shown.name(product.name, turn.language),
        "price": shown.money(own, turn.language),
        "full": shown.money(Money(full, own.currency), turn.language),
    }
    source = Source(f"product:{product.id}", version_of("member", *fields.values()))
    return [Say("products.member", fields, sources=(source,))]


def _cheapest(turn: Turn, variants: Sequence[Variant]) -> Money:
    """Return the lowest price for this customer."""
    return min((v.price_for(turn.person.tier) for v in variants), key=lambda price: price.amount_minor)


def _group(turn: Turn, product: Product, group: list[Variant], there: str, gone: str) -> Say:
    in_stock = [variant for variant in group if variant.stock > 0]
    return _say(turn, there if in_stock else gone, product, in_stock or group)


def _say(turn: Turn, phrase: str, product: Product, variants: Sequence[Variant]) -> Say:
    """Fill a phrase from `variants`; its price is the lowest of them."""
    colours = shown.listed((shown.name(v.colour, turn.language) for v in variants), turn.language)
    there = {variant.size for variant in variants}
    sizes = shown.listed((v.size for v in product.variants if v.size in there), turn.language)
    fields = {
        "product": shown.name(product.name, turn.language),
        "price": shown.money(_cheapest(turn, variants), turn.language),
        **dict.fromkeys(("colour", "colours"), colours),
        **dict.fromkeys(("size", "sizes"), sizes),
    }
    return Say(
        f"products.{phrase}", fields, sources=(Source(f"product:{product.id}", version_of(phrase, *fields.values())),)
    )


SKILL = Skill(
    NAME,
    frozenset({"product_search", "price_question", COMPARE, "stock_question", "recommend", "new_arrivals"}),
    run,
    PHRASES,
    about=frozenset({"product"}),
    adds_to=facts.ABOUT,
    settles=_settles,
    is_public=True,
)

"""What there is in stock in place of what is gone: other sizes in the colour, other colours in the size, the like."""

from __future__ import annotations

from collections.abc import Sequence

from bot.knowledge.entries import version_of
from bot.messages import Source
from bot.shop.port import Product, Variant
from bot.skills import shown
from bot.skills.turn import Say, Turn, phrases

MOST_ALIKE = 2
PHRASES = phrases(products="other_sizes colour sizes; other_colours size colours; alike product price sizes; or_else")


def instead(
    turn: Turn, product: Product, gone: Sequence[Variant], *, by_colour: bool = True, by_size: bool = True
) -> list[Say]:
    """Return what to offer in place of the variants that are gone; products of the kind only where none is left."""
    there = [variant for variant in product.variants if variant.stock > 0]
    sizes = [v for v in there if by_colour and v.colour in [g.colour for g in gone]]
    colours = [v for v in there if by_size and v.size in [g.size for g in gone]]
    says = [_said(turn, "other_sizes", product, sizes)] if sizes else []
    says += [_said(turn, "other_colours", product, colours)] if colours else []
    return says or alike(turn, product, frozenset(v.size for v in gone) if by_size else frozenset())


def alike(turn: Turn, product: Product, sizes: frozenset[str]) -> list[Say]:
    """Return products of the same category that can be had, nearest in price first, in one of `sizes` if any."""
    others = [
        (other, there)
        for other in turn.shop.products()
        if other.id != product.id and other.category == product.category
        and (there := [v for v in other.variants if v.stock > 0 and (not sizes or v.size in sizes)])
    ]  # fmt: skip
    price = product.variants[0].price.amount_minor
    others.sort(key=lambda one: (abs(one[1][0].price.amount_minor - price), one[0].id))
    says = [_alike(turn, other, there) for other, there in others[:MOST_ALIKE]]
    return [Say("products.or_else"), *says] if says else []


def _alike(turn: Turn, product: Product, there: Sequence[Variant]) -> Say:
    cheapest = min((v.price_for(turn.person.tier) for v in there), key=lambda price: price.amount_minor)
    fields = {
        "product": shown.name(product.name, turn.language),
        "price": shown.money(cheapest, turn.language),
        "sizes": shown.listed((v.size for v in there), turn.language),
    }
    source = Source(f"product:{product.id}", version_of("alike", *fields.values()))
    return Say("products.alike", fields, sources=(source,))


def _said(turn: Turn, phrase: str, product: Product, variants: Sequence[Variant]) -> Say:
    colours = shown.listed((shown.name(v.colour, turn.language) for v in variants), turn.language)
    there = {variant.size for variant in variants}
    sizes = shown.listed((v.size for v in product.variants if v.size in there), turn.language)
    fields = {"colour": colours, "sizes": sizes} if phrase == "other_sizes" else {"size": sizes, "colours": colours}
    return Say(
        f"products.{phrase}", fields, sources=(Source(f"product:{product.id}", version_of(phrase, *fields.values())),)
    )

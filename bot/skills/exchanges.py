"""What is wanted instead of a piece: another size or colour of the same product, in stock or not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.knowledge.entries import version_of
from bot.messages import Choice, Source
from bot.shop.commands import Outcome, WatchStock
from bot.shop.port import Line, Money, Product, Variant
from bot.skills import offers, shown
from bot.skills.draft import RETURN, Draft
from bot.skills.goods import is_colour
from bot.skills.refunds import FAULTS
from bot.skills.turn import Do, Say, Step, Turn, phrases
from bot.understanding.text import normal

MOST_OFFERED = 4
PHRASES = phrases(
    returns="want line.goods; not_made product colours sizes; gone product variant; same_already line.goods; "
    "off_sale line.goods; watch; watching; not_watching"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a wish comes to.

    Attributes:
        variant: that is wanted; None if there is no such thing.
        offered: variants to choose from instead, all in stock.
    """

    variant: Variant | None
    offered: tuple[Variant, ...]


def sizes_of(product: Product) -> tuple[str, ...]:
    """Return the sizes that the product comes in, as its variants list them: from small to large."""
    return tuple(dict.fromkeys(variant.size for variant in product.variants))


def wanted(draft: Draft, line: Line, product: Product, quantity: int) -> Wanted:
    """Return the variant that the customer wants for `quantity` pieces of `line`, and what is there instead of it."""
    if draft.sku:
        variant = next((v for v in product.variants if v.sku == draft.sku), None)
    else:
        variant = _as_said(draft, line, product, quantity)
    return Wanted(variant, _others(line, product, draft, quantity))


def _as_said(draft: Draft, line: Line, product: Product, quantity: int) -> Variant | None:
    size = draft.size or _shifted(line.size, draft.shift, sizes_of(product))
    fitting = [v for v in product.variants if v.size == size and _of_colour(draft, line, v)]
    exact = [v for v in fitting if normal(draft.colour) in map(normal, v.colour.values())]
    there = [v for v in exact or fitting if v.stock >= quantity]
    return next(iter(there or exact or fitting), None)


def _of_colour(draft: Draft, line: Line, variant: Variant) -> bool:
    return is_colour(draft.colour, variant.colour) if draft.colour else variant.colour == line.colour


def _shifted(size: str, shift: int, sizes: tuple[str, ...]) -> str:
    """Return the size so many steps from this one, empty if there is none."""
    if size not in sizes:
        return size if not shift else ""
    place = sizes.index(size) + shift
    return sizes[place] if 0 <= place < len(sizes) else ""


def _others(line: Line, product: Product, draft: Draft, quantity: int) -> tuple[Variant, ...]:
    """Return what is in stock: in the colour that is wanted, or the customer's, first; then in the size wanted."""
    own = [v for v in product.variants if v.stock >= quantity and v.sku != line.sku]
    of_colour = [v for v in own if _of_colour(draft, line, v)]
    of_size = [v for v in own if v.size == (draft.size or line.size)]
    near = sorted(of_colour, key=lambda v: _distance(v.size, draft.size or line.size, sizes_of(product)))
    return tuple({v.sku: v for v in (*near[:MOST_OFFERED], *of_size)}.values())[:MOST_OFFERED]


def _distance(size: str, other: str, sizes: tuple[str, ...]) -> int:
    return abs(sizes.index(size) - sizes.index(other)) if size in sizes and other in sizes else len(sizes)


def choices(variants: tuple[Variant, ...], language: str) -> tuple[Choice, ...]:
    return tuple(Choice(f"want:{v.sku}", label(v, language)) for v in variants)


def label(variant: Variant, language: str) -> str:
    """Return e.g. `白色 L` or `white L`."""
    return f"{shown.name(variant.colour, language)} {variant.size}"


def difference(line: Line, variant: Variant, tier: str, quantity: int) -> Money:
    """Return what the new pieces cost more (above 0) or less than the old ones did, coupons left out of both."""
    each = variant.price_for(tier).amount_minor - line.price.amount_minor
    return Money(each * quantity, line.price.currency)


def reason_for(line: Line, variant: Variant, product: Product) -> str:
    """Return the reason that the wish itself tells: larger means that this one is too small."""
    sizes = sizes_of(product)
    if variant.size == line.size or variant.size not in sizes or line.size not in sizes:
        return "look" if variant.colour != line.colour else ""
    return "small" if sizes.index(variant.size) > sizes.index(line.size) else "large"


def settle(turn: Turn, draft: Draft, line: Line, quantity: int) -> Draft | Say:
    """Return the draft with the variant that comes instead of `line`, or the sentence that asks for another.

    For a fault, and nothing else said, the same again.
    """
    product = turn.shop.product(line.product_id)
    if product is None or not product.variants:
        goods = {"line.goods": shown.line(line, turn.language)}
        return Say("returns.off_sale", goods, _instead(turn, Wanted(None, ())))
    if not draft.wants and draft.reason not in FAULTS:
        return _what(turn, draft, line, product, quantity)
    found = wanted(draft, line, product, quantity)
    source = (source_of(product),)
    choices = _instead(turn, found)
    words = {"product": shown.name(product.name, turn.language)}
    if found.variant is None:
        words |= {
            "colours": shown.listed((shown.name(v.colour, turn.language) for v in product.variants), turn.language),
            "sizes": shown.listed(sizes_of(product), turn.language),
        }
        return Say("returns.not_made", words, choices, source)
    if found.variant.sku == line.sku and draft.reason not in FAULTS:
        same = {"line.goods": shown.line(line, turn.language)}
        return Say("returns.same_already", same, choices, source)
    if found.variant.stock < quantity:
        gone = {**words, "variant": label(found.variant, turn.language)}
        return Say("returns.gone", gone, choices, source)
    told = draft.reason == "size" or bool(draft.shift)  # of the size something was said, if not which way
    reason = reason_for(line, found.variant, product) if told and draft.reason in ("", "size") else draft.reason
    return replace(draft, sku=found.variant.sku, reason="" if reason == "size" else reason)


def _what(turn: Turn, draft: Draft, line: Line, product: Product, quantity: int) -> Say:
    """Ask what is wanted instead, the next sizes first."""
    offered = _of_way(draft.reason, line, product, wanted(draft, line, product, quantity).offered)
    source = (source_of(product),)
    return Say("returns.want", {"line.goods": shown.line(line, turn.language)}, choices(offered, turn.language), source)


def _of_way(reason: str, line: Line, product: Product, offered: tuple[Variant, ...]) -> tuple[Variant, ...]:
    """Return what helps against a piece that is too small or too large, if any of it does."""
    sizes = sizes_of(product)
    if reason not in ("small", "large") or line.size not in sizes:
        return offered
    place, way = sizes.index(line.size), 1 if reason == "small" else -1
    helping = tuple(v for v in offered if v.size in sizes and (sizes.index(v.size) - place) * way > 0)
    return helping or offered


def _instead(turn: Turn, found: Wanted) -> tuple[Choice, ...]:
    """Return what may be done where the wish cannot be met: another variant, word when it is back, the money back."""
    ways = choices(found.offered, turn.language)
    if found.variant is not None and found.variant.stock == 0:
        ways += (Choice(f"watch:{found.variant.sku}", turn.phrase("returns.watch")),)
    return (*ways, Choice(f"as:{RETURN}", turn.phrase("returns.rather_return")))


def source_of(product: Product) -> Source:
    """Name a product, in the prices and stock it was read with, as the source of a sentence."""
    state = (f"{v.sku} {v.price.amount_minor} {v.stock}" for v in product.variants)
    return Source(f"product:{product.id}", version_of(*state))


def watch(turn: Turn, sku: str) -> Step:
    """Have the shop tell when a variant can be bought again."""
    words = {
        Outcome.DONE: Say("returns.watching"),
        Outcome.PENDING: Say("returns.watching"),
        Outcome.REFUSED: Say("returns.not_watching", choices=(offers.human(turn),)),
    }
    return Step((), turn.state.idle(), (Do(WatchStock(sku), words),))

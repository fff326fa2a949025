"""Whether the size advised can be had: what is said of its stock, and what there is instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.knowledge.entries import SizeChart, version_of
from bot.messages import Choice, Source
from bot.shop.port import Product, Variant
from bot.skills import shown
from bot.skills.goods import is_colour
from bot.skills.labels import Places
from bot.skills.offers import labelled
from bot.skills.turn import Say, Turn, phrases

RESTOCK = "restock_notice"
PHRASES = phrases(
    sizing="in_stock size colours; colour_gone size colour colours; out_of_stock size; nearest_larger size colours; "
    "nearest_smaller size colours; no_size_in_stock product"
)


def own_names(chart: SizeChart, product: Product | None) -> dict[int, str]:
    """Return the places of the chart that the product comes in, with what it calls them: `39-42` for socks of 40."""
    if product is None:
        return {place: size.name for place, size in enumerate(chart.sizes)}
    made = {variant.size for variant in product.variants}
    named = ((place, _own_name(size.name, made)) for place, size in enumerate(chart.sizes))
    return {place: name for place, name in named if name}


def _own_name(name: str, made: set[str]) -> str:
    if name in made or not name.isdecimal():
        return name if name in made else ""
    spans = {span: span.split("-") for span in made if span.replace("-", "").isdecimal() and span.count("-") == 1}
    return next((span for span, (low, high) in spans.items() if int(low) <= int(name) <= int(high)), "")


def stock(turn: Turn, product: Product, names: dict[int, str], places: Places) -> tuple[Say, ...]:
    """Return what is to be said of the stock of the sizes at `places`, and where one is gone, what is nearest."""
    says: list[Say] = []
    gone: list[int] = []
    for place in places:
        there = _there(turn, product, names[place])
        if there:
            says.append(_in_stock(turn, product, names[place], there))
        else:
            gone.append(place)
            says.append(_said(turn, "out_of_stock", product, names[place], ()))
    return (*says, *_instead(turn, product, names, places)) if len(gone) == len(places) else tuple(says)


def _in_stock(turn: Turn, product: Product, size: str, there: tuple[Variant, ...]) -> Say:
    """Say where a size is to be had, and that the colour asked for is not it."""
    wanted = tuple(v for v in product.variants if _is_asked(turn, v))
    if not wanted or any(_is_asked(turn, v) for v in there):
        return _said(turn, "in_stock", product, size, there)
    said = _said(turn, "colour_gone", product, size, there)
    colour = shown.listed((shown.name(v.colour, turn.language) for v in wanted), turn.language)
    return replace(said, fields={**said.fields, "colour": colour})


def _is_asked(turn: Turn, variant: Variant) -> bool:
    return any(is_colour(colour, variant.colour) for colour in turn.meaning.values("colour"))


def _instead(turn: Turn, product: Product, names: dict[int, str], places: Places) -> tuple[Say, ...]:
    """Return the nearest size that is there, the larger of two, and the way to wait for the one advised."""
    others = {place: there for place, name in names.items() if (there := _there(turn, product, name))}
    choices = labelled(turn, (RESTOCK,))
    if not others:
        source = Source(f"product:{product.id}", version_of("none"))
        fields = {"product": shown.name(product.name, turn.language)}
        return (Say("sizing.no_size_in_stock", fields, choices, (source,)),)
    nearest = min(others, key=lambda place: (min(abs(place - p) for p in places), -place))
    phrase = "nearest_larger" if nearest > places[-1] else "nearest_smaller"
    return (_said(turn, phrase, product, names[nearest], others[nearest], choices),)


def _there(turn: Turn, product: Product, size: str) -> tuple[Variant, ...]:
    """Return the variants of a size that are in stock, in the colours asked for if any are."""
    there = tuple(v for v in product.variants if v.size == size and v.stock > 0)
    return tuple(v for v in there if _is_asked(turn, v)) or there


def _said(
    turn: Turn, phrase: str, product: Product, size: str, there: Sequence[Variant], choices: tuple[Choice, ...] = ()
) -> Say:  # fmt: skip
    colours = shown.listed((shown.name(v.colour, turn.language) for v in there), turn.language)
    source = Source(f"product:{product.id}", version_of(size, colours))
    fields = {"size": size, "colours": colours} if there else {"size": size}
    return Say(f"sizing.{phrase}", fields, choices, (source,))

"""Sizing: from the size chart of the product meant and the customer's measures; says why and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.knowledge.entries import Size, SizeChart, version_of
from bot.messages import Source
from bot.shop.port import Product
from bot.skills import shown
from bot.skills.turn import OPTIONAL, Say, Skill, Step, Turn, phrases
from bot.understanding.entities import MEASURES
from bot.understanding.lexicon import CHILDREN, category_of
from bot.understanding.text import normal

NAME = "sizing"
ADULTS = ("tops", "trousers", "shoes")
"""Where no garment is named, the first of these that uses a measure that was given."""
CHARTS = frozenset({*ADULTS, "dresses", CHILDREN})
WEIGHT_IN_FIT = {"weight": 2.0}
UNITS = {"weight": "kg", "foot": "mm"}
BODY = ("height", "weight")
"""One of these without the other, and nothing else, makes a rough guess."""
PHRASES = phrases(
    sizing="ask_measures chart.measures; fits size measures product; "
    "between size other measures product; none_fits measures product; note chart.note; more chart.measures; "
    "in_stock size colours; out_of_stock size",
    chart="tops; trousers; dresses; shoes; children",
)


def run(turn: Turn) -> Step | None:
    """Recommend a size; ask for measures that are missing."""
    waits = turn.state.skill == NAME
    said = {m: float(v) for m in MEASURES if (v := turn.meaning.value(m)) is not None}
    if waits and not said and (turn.meaning.best or not _tries(turn)):
        return None
    if waits and _of_another(turn, said):  # not for the child, not the same garment: nothing said before holds
        turn = replace(turn, state=turn.state.idle())
    known = {m: turn.state.slots[m] for m in MEASURES if m in turn.state.slots}
    measures: dict[str, float] = {**known, **said}
    product = _product(turn)
    chart = _chart(turn, product, measures)
    slots = {**measures, "product": product.id if product else "", "chart": chart.category}
    if not any(measure in chart.measures for measure in measures):
        asked = shown_measures(chart, chart.measures, turn.language)
        waiting = turn.state.waiting(NAME, "measures", **slots)
        return Step((Say("sizing.ask_measures", {"chart.measures": asked}),), waiting)
    says = _recommend(turn, chart, product, measures)
    missing = _missing(chart, measures)
    if not missing:
        return Step(says, turn.state.idle())
    more = Say("sizing.more", {"chart.measures": shown_measures(chart, missing, turn.language)})
    return Step((*says, more), turn.state.waiting(NAME, OPTIONAL, **slots))


def _of_another(turn: Turn, said: Mapping[str, float]) -> bool:
    """Return whether what is said now cannot be about whom or what was spoken of: a foot, or an adult for a child."""
    charts = turn.knowledge.charts
    kept = charts.get(turn.state.slots.get("chart", ""))
    if kept is None or not said or _kind(turn):
        return False
    if not any(measure in kept.measures for measure in said):
        return "foot" in said
    again = any(measure in turn.state.slots for measure in said)
    return kept.category == CHILDREN and (again or _best(kept, said) > 0) and _best(charts[ADULTS[0]], said) == 0


def _best(chart: SizeChart, measures: Mapping[str, float]) -> float:
    return min(misfit(size, measures) for size in chart.sizes)


def _tries(turn: Turn) -> bool:
    """Return whether a message without a measure is still meant as an answer: a product, or numbers that make none."""
    numbers = turn.state.step == "measures" and any(character.isdigit() for character in turn.text)
    return numbers or bool(turn.meaning.values("product"))


def _missing(chart: SizeChart, measures: Mapping[str, float]) -> tuple[str, ...]:
    given = [measure for measure in chart.measures if measure in measures]
    if len(given) > 1 or given[0] not in BODY:
        return ()
    return tuple(measure for measure in BODY if measure in chart.measures and measure not in measures)


def _product(turn: Turn) -> Product | None:
    """Return the product that is meant; none if a kind of garment was named, or several products."""
    ids = turn.meaning.values("product")
    if not ids and not _kind(turn) and turn.state.skill == NAME:
        ids = (turn.state.slots.get("product", ""),)
    found = [p for p in turn.shop.products() if p.id in ids and p.size_chart in turn.knowledge.charts]
    return found[0] if len(found) == 1 else None


def _kind(turn: Turn) -> str | None:
    category = category_of(normal(turn.text))
    return category if category in CHARTS else None


def _chart(turn: Turn, product: Product | None, measures: Mapping[str, float]) -> SizeChart:
    charts = turn.knowledge.charts
    if product is not None:
        return charts[product.size_chart]
    kept = turn.state.slots.get("chart") if turn.state.skill == NAME else None
    named = _kind(turn) or (kept if kept in CHARTS else None)
    fitting = [chart for chart in ADULTS if any(measure in charts[chart].measures for measure in measures)]
    return charts[named or next(iter(fitting), ADULTS[0])]


def shown_measures(chart: SizeChart, measures: tuple[str, ...], language: str) -> str:
    return shown.listed((chart.names[m][language] for m in measures if m in chart.names), language)


def misfit(size: Size, measures: Mapping[str, float]) -> float:
    """Return how far the measures lie outside the size: 0 = inside all ranges, 1 = one range's width outside one."""
    total = 0.0
    for measure, value in measures.items():
        if measure in size.ranges:
            low, high = size.ranges[measure]
            outside = max(low - value, value - high, 0.0)
            total += WEIGHT_IN_FIT.get(measure, 1.0) * outside / max(high - low, 1.0)
    return total


def _recommend(turn: Turn, chart: SizeChart, product: Product | None, measures: Mapping[str, float]) -> tuple[Say, ...]:
    ranked = sorted(chart.sizes, key=lambda size: misfit(size, measures))  # stable: the smaller size first
    best, second = ranked[0], ranked[1]
    fields = {"measures": _measures(chart, measures, turn.language), "product": _named(turn, chart, product)}
    source = (Source(f"size-chart:{chart.category}", chart.version),)
    if misfit(best, measures) > 1.0:
        return (Say("sizing.none_fits", fields, sources=source),)
    if misfit(second, measures) == 0.0 or (misfit(best, measures) > 0 and misfit(second, measures) < 0.3):
        small, large = sorted((best, second), key=chart.sizes.index)
        say = Say("sizing.between", {**fields, "size": small.name, "other": large.name}, sources=source)
        stock = (*_stock(turn, product, small), *_stock(turn, product, large))
    else:
        say = Say("sizing.fits", {**fields, "size": best.name}, sources=source)
        stock = _stock(turn, product, best)
    return (say, Say("sizing.note", {"chart.note": shown.name(chart.notes, turn.language)}, sources=source), *stock)


def _measures(chart: SizeChart, measures: Mapping[str, float], language: str) -> str:
    used = [(m, v) for m, v in measures.items() if m in chart.measures and m in chart.names]
    return shown.listed((f"{chart.names[m][language]} {v:g} {UNITS.get(m, 'cm')}" for m, v in used), language)


def _named(turn: Turn, chart: SizeChart, product: Product | None) -> str:
    return shown.name(product.name, turn.language) if product else turn.phrase(f"chart.{chart.category}")


def _stock(turn: Turn, product: Product | None, size: Size) -> tuple[Say, ...]:
    if product is None:
        return ()
    there = [v for v in product.variants if v.size == size.name and v.stock > 0]
    colours = shown.listed((shown.name(v.colour, turn.language) for v in there), turn.language)
    source = (Source(f"product:{product.id}", version_of(size.name, colours)),)
    if not there:
        return (Say("sizing.out_of_stock", {"size": size.name}, sources=source),)
    return (Say("sizing.in_stock", {"size": size.name, "colours": colours}, sources=source),)


SKILL = Skill(NAME, frozenset({"size_advice"}), run, PHRASES, charts=CHARTS, about=frozenset({"measure", "product"}))

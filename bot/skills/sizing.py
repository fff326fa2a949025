"""Sizing: from the size chart of the product meant and the customer's measures; says why and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping

from bot.knowledge.entries import Size, SizeChart
from bot.messages import Source
from bot.shop.port import Product
from bot.skills import shown
from bot.skills.turn import Say, Skill, Step, Turn, phrases

NAME = "sizing"
DEFAULT_CHART = "tops"
WORDS = {  # the kind of garment named without a product
    "dresses": ("裙", "dress", "skirt"),
    "trousers": ("裤", "trouser", "pants", "jeans"),
    "shoes": ("鞋", "shoe", "sneaker", "trainer", "boot"),
    "children": ("童", "宝宝", "小孩", "孩子", "儿子", "女儿", "kid", "child", "toddler"),
}
WEIGHT_IN_FIT = {"weight": 2.0}
PHRASES = phrases(
    sizing="ask_measures chart.measures; fits size measures product; "
    "between size other measures product; none_fits measures product; note chart.note; "
    "in_stock size colours; out_of_stock size"
)
MEASURES = ("height", "weight", "chest", "waist", "foot")


def run(turn: Turn) -> Step | None:
    """Recommend a size; ask for measures that are missing."""
    waits = turn.state.skill == NAME
    said = {m: float(v) for m in MEASURES if (v := turn.meaning.value(m)) is not None}
    if waits and not said and not turn.choice and not turn.meaning.values("product"):
        return None
    known = {m: turn.state.slots[m] for m in MEASURES if m in turn.state.slots} if waits else {}
    measures: dict[str, float] = {**known, **said}
    product = _product(turn)
    chart = _chart(turn, product)
    if not any(measure in chart.measures for measure in measures):
        asked = shown_measures(chart, turn.language)
        slots = {**measures, "product": product.id if product else "", "chart": chart.category}
        return Step((Say("sizing.ask_measures", {"chart.measures": asked}),), turn.state.waiting(NAME, "measures", **slots))
    return _recommend(turn, chart, product, measures)


def _product(turn: Turn) -> Product | None:
    ids = [i for i in (*turn.meaning.values("product"), turn.choice.removeprefix("product:")) if i]
    if turn.state.skill == NAME:
        ids.append(turn.state.slots.get("product", ""))
    by_id = {product.id: product for product in turn.shop.products()}
    return next((by_id[i] for i in ids if i in by_id and by_id[i].size_chart in turn.knowledge.charts), None)


def _chart(turn: Turn, product: Product | None) -> SizeChart:
    if product is not None:
        return turn.knowledge.charts[product.size_chart]
    text = turn.text.casefold()
    named = next((chart for chart, words in WORDS.items() if any(word in text for word in words)), None)
    kept = turn.state.slots.get("chart") if turn.state.skill == NAME else None
    return turn.knowledge.charts[named or kept or DEFAULT_CHART]


def shown_measures(chart: SizeChart, language: str) -> str:
    return ("、" if language == "zh" else ", ").join(chart.names[m][language] for m in chart.measures if m in chart.names)


def misfit(size: Size, measures: Mapping[str, float]) -> float:
    """Return how far the measures lie outside the size: 0 = inside all ranges, 1 = one range's width outside one."""
    total = 0.0
    for measure, value in measures.items():
        if measure in size.ranges:
            low, high = size.ranges[measure]
            outside = max(low - value, value - high, 0.0)
            total += WEIGHT_IN_FIT.get(measure, 1.0) * outside / max(high - low, 1.0)
    return total


def _recommend(turn: Turn, chart: SizeChart, product: Product | None, measures: Mapping[str, float]) -> Step:
    ranked = sorted(chart.sizes, key=lambda size: misfit(size, measures))  # stable: the smaller size first
    best, second = ranked[0], ranked[1]
    fields = {"measures": _measures(chart, measures, turn.language), "product": _named(turn, chart, product)}
    source = (Source(f"size-chart:{chart.category}", chart.version),)
    if misfit(best, measures) > 1.0:
        return Step((Say("sizing.none_fits", fields, sources=source),), turn.state.idle())
    if misfit(second, measures) == 0.0 or (misfit(best, measures) > 0 and misfit(second, measures) < 0.3):
        small, large = sorted((best, second), key=chart.sizes.index)
        say = Say("sizing.between", {**fields, "size": small.name, "other": large.name}, sources=source)
    else:
        say = Say("sizing.fits", {**fields, "size": best.name}, sources=source)
    note = Say("sizing.note", {"chart.note": shown.name(chart.notes, turn.language)}, sources=source)
    return Step((say, note, *_stock(turn, product, best)), turn.state.idle())


def _measures(chart: SizeChart, measures: Mapping[str, float], language: str) -> str:
    units = {"weight": "kg", "foot": "mm"}
    shown_ones = [f"{chart.names[m][language]} {v:g} {units.get(m, 'cm')}" for m, v in measures.items() if m in chart.names]
    return ("、" if language == "zh" else ", ").join(shown_ones)


def _named(turn: Turn, chart: SizeChart, product: Product | None) -> str:
    return shown.name(product.name, turn.language) if product else turn.phrase(f"chart.{chart.category}")


def _stock(turn: Turn, product: Product | None, size: Size) -> tuple[Say, ...]:
    if product is None:
        return ()
    source = (Source(f"product:{product.id}", "stock"),)
    there = [v for v in product.variants if v.size == size.name and v.stock > 0]
    if not there:
        return (Say("sizing.out_of_stock", {"size": size.name}, sources=source),)
    colours = ("、" if turn.language == "zh" else ", ").join(shown.name(v.colour, turn.language) for v in there)
    return (Say("sizing.in_stock", {"size": size.name, "colours": colours}, sources=source),)


PHRASES |= phrases(chart="tops; trousers; dresses; shoes; children")
SKILL = Skill(NAME, frozenset({"size_advice"}), run, PHRASES)

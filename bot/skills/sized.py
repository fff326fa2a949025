"""What is said of an advice on sizes: the size, what it goes by, how sure it is, and why."""

from __future__ import annotations

from collections.abc import Iterable

from bot.knowledge.entries import SizeChart, version_of
from bot.messages import Source
from bot.shop.port import FitReports, Product
from bot.skills import shown
from bot.skills.bodies import ELSEWHERE, USUAL, Body
from bot.skills.fitting import Advice
from bot.skills.stocked import own_names, stock
from bot.skills.turn import Say, Turn, phrases

UNITS = {"weight": "kg", "foot": "mm"}
MOST_REASONS = 2
WHYS = (
    *("agree", "edge", "girth", "largest_girth", "edge_weight", "edge_height", "edge_usual", "heavier", "taller"),
    *("much_taller", "beyond", "height_first", "sturdy", "much_sturdier", "usual", "between_usual", "not_usual", "age"),
    *("height_only", "weight_only", "loose", "layers", "pregnant", "foot", "grow", "snug", "largest"),
)
REPORTED = ("why_runs_small", "why_runs_large")
PHRASES = phrases(
    sizing="fits size measures product; between size other measures product; none_fits measures product; "
    "not_made size measures product sizes; note chart.note; fit_note fit.note; sure_high; sure_medium; sure_low; "
    "usual; age; why_runs_small reports.small reports.all; why_runs_large reports.large reports.all; "
    + "; ".join(f"why_{why}" for why in WHYS),
    chart="tops; trousers; dresses; shoes; children",
)


def says(
    turn: Turn, chart: SizeChart, product: Product | None, body: Body, advice: Advice, reports: FitReports | None
) -> tuple[Say, ...]:
    """Return an advice in words; `advice.odd` is not for here."""
    names = own_names(chart, product)
    source = (Source(f"size-chart:{chart.category}", chart.version), *_product_source(product))
    goods = shown.name(product.name, turn.language) if product else turn.phrase(f"chart.{chart.category}")
    fields = {"measures": basis(turn, chart, body, advice.used), "product": goods}
    if not advice.places:
        return (Say("sizing.none_fits", fields, sources=source),)
    made = tuple(place for place in advice.places if place in names)
    if not made:
        sizes = shown.listed(names.values(), turn.language)
        needed = {"size": chart.sizes[advice.places[0]].name, "sizes": sizes}
        return (Say("sizing.not_made", {**fields, **needed}, sources=source),)
    if len({names[place] for place in made}) > 1:
        said = Say("sizing.between", {**fields, "size": names[made[0]], "other": names[made[1]]}, sources=source)
    else:
        said = Say("sizing.fits", {**fields, "size": names[made[0]]}, sources=source)
        made = made[:1]
    there = stock(turn, product, names, made) if product else ()
    return (said, *_why(advice, product, reports), *_notes(turn, chart, product, source), *there)


def basis(turn: Turn, chart: SizeChart, body: Body, used: Iterable[str] = ()) -> str:
    """Return what an advice goes by: `height 175 cm, weight 70 kg`, or the size worn elsewhere, or the age."""
    known = [m for m in body.measures if m in chart.measures and m in chart.names]
    told = [_measure(turn, chart, m, body.measures[m]) for m in known]
    if told and not [m for m in used if m not in known]:
        return shown.listed(told, turn.language)
    worn = [turn.phrase("sizing.usual") + " " + _label(label) for label in body.labels]
    age = [turn.phrase("sizing.age") + " " + body.age.rstrip("YT")] if body.age and not worn else []
    return shown.listed((*told, *worn, *age), turn.language)


def shown_measures(turn: Turn, chart: SizeChart, measures: Iterable[str]) -> str:
    """Return the names of measures: `chest, weight, height`."""
    return shown.listed((chart.names[m][turn.language] for m in measures if m in chart.names), turn.language)


def all_measures(turn: Turn, body: Body) -> str:
    """Return everything that was measured, by the names of whichever chart knows it."""
    names = {m: names for chart in turn.knowledge.charts.values() for m, names in chart.names.items()}
    told = (f"{names[m][turn.language]} {v:g} {UNITS.get(m, 'cm')}" for m, v in body.measures.items() if m in names)
    return shown.listed(told, turn.language)


def _measure(turn: Turn, chart: SizeChart, measure: str, value: float) -> str:
    return f"{chart.names[measure][turn.language]} {value:g} {UNITS.get(measure, 'cm')}"


def _label(label: tuple[str, str]) -> str:
    system, value = label
    return value if system in (USUAL, ELSEWHERE, "cn", "jeans", "child", "") else f"{system.upper()} {value}"


def _why(advice: Advice, product: Product | None, reports: FitReports | None) -> tuple[Say, ...]:
    reasons: list[Say] = []
    for reason in advice.reasons[:MOST_REASONS]:
        fields: dict[str, str] = {}
        sources: tuple[Source, ...] = ()
        if reason in REPORTED and reports is not None and product is not None:
            every = reports.small + reports.true + reports.large
            which = ("small", reports.small) if reason == REPORTED[0] else ("large", reports.large)
            fields = {f"reports.{which[0]}": str(which[1]), "reports.all": str(every)}
            sources = (Source(f"fit-reports:{product.id}", version_of(*fields.values())),)
        reasons.append(Say(f"sizing.{reason}", fields, sources=sources))
    return (Say(f"sizing.sure_{advice.sure}"), *reasons)


def _notes(
    turn: Turn, chart: SizeChart, product: Product | None, source: tuple[Source, ...]
) -> tuple[Say, ...]:  # fmt: skip
    """Return what the product says of its cut, else the tip of the chart."""
    if product is not None and product.fit.get(turn.language):
        return (Say("sizing.fit_note", {"fit.note": product.fit[turn.language]}, sources=source),)
    return (Say("sizing.note", {"chart.note": shown.name(chart.notes, turn.language)}, sources=source),)


def _product_source(product: Product | None) -> tuple[Source, ...]:
    if product is None:
        return ()
    return (Source(f"product:{product.id}", version_of(*(variant.size for variant in product.variants))),)

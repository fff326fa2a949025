"""The size for a body, as pure arithmetic on a chart: which, how sure, and why. `docs/how-to/size-advice.md` tells the
rules; its figures come from `tests/skills/size-cases.tsv`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.knowledge.entries import SizeChart
from bot.shop.port import FitReports
from bot.skills.bodies import ELSEWHERE, Body
from bot.skills.labels import Places, measures_of, places_of, places_of_age
from bot.skills.votes import BODY, Vote, agreed, apart, girths, vote
from bot.understanding.fit import GROW, LARGER, ROOMY_FOOT, SNUG

HIGH, MEDIUM, LOW = "high", "medium", "low"
"""How sure an advice is."""
IMPOSSIBLE_APART = 4
"""Measures of one body never lie so many sizes apart: one of them is mistaken."""
USUAL_APART = 3
"""Nor does a size that is usually worn, or a child's age."""
BMI = (12.5, 50.0)
"""kg/m². Outside, a number is mistaken sooner than that somebody is so thin or so heavy."""
GROWN_CM = 150.0
"""From this height on `BMI` is asked."""
REPORTS_COUNT_FROM = 20
RUNS = 0.2
"""From this share of all reports, and twice as many as the other way, a piece runs small or large."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Which size, and why.

    Attributes:
        places: in `SizeChart.sizes`: one, or two if either can be worn; () if none fits.
        sure: HIGH, MEDIUM or LOW.
        reasons: why, as names of phrases `sizing.why_…`, the most important first.
        used: the measures it goes by.
        odd: what cannot be true together, as names of measures, `usual` or `age`; then there is no advice.
    """

    places: Places = ()
    sure: str = HIGH
    reasons: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()


def advise(
    chart: SizeChart,
    body: Body,
    charts: Mapping[str, SizeChart],
    made: Places | None = None,
    reports: FitReports | None = None,
) -> Advice | None:
    """Return the size for a body; None if nothing is known that this chart knows.

    Args:
        charts: all there are: one may know a label that this one does not.
        made: places of the sizes that the product comes in; all if None.
        reports: how the product fitted others.
    """
    votes = _votes(chart, body, charts)
    worn = _worn(chart, body, charts)
    odd = _odd(chart, body, votes, worn)
    if odd:
        return Advice(odd=odd)
    by_measures = _by_measures(chart, votes) if votes else None
    advice = _with_worn(by_measures, worn, body) if worn is not None else by_measures
    if advice is None or not advice.places:
        return advice
    made = tuple(range(len(chart.sizes))) if made is None else made
    return _as_made(_as_wished(chart, _as_reported(advice, votes, reports, made), body, made), made)


def _votes(chart: SizeChart, body: Body, charts: Mapping[str, SizeChart]) -> list[Vote]:
    """Return what each measure says, in the order of the chart; a label that states measures counts as these."""
    stated: dict[str, float] = {}
    for label in body.labels:
        if places_of(chart, label, body.sex, charts) is None:
            stated |= measures_of(chart, label)
    known = {**stated, **body.measures}
    return [vote(chart, measure, known[measure]) for measure in chart.measures if measure in known]


def _worn(chart: SizeChart, body: Body, charts: Mapping[str, SizeChart]) -> Places | None:
    """Return where the sizes that are worn elsewhere, or the age, stand; () beyond the chart, None if untold."""
    told = [found for label in body.labels if (found := places_of(chart, label, body.sex, charts)) is not None]
    if not told and body.age:
        told = [found] if (found := places_of_age(chart, body.age)) else []
    if not told:
        return None
    return tuple(sorted({place for found in told for place in found}))[:2] if all(told) else ()


def _odd(chart: SizeChart, body: Body, votes: Sequence[Vote], worn: Places | None) -> tuple[str, ...]:
    """Return what cannot be true together."""
    height, weight = body.measures.get("height"), body.measures.get("weight")
    if height and weight and height >= GROWN_CM and not BMI[0] <= weight / (height / 100) ** 2 <= BMI[1]:
        return BODY
    for i, one in enumerate(votes):
        for other in votes[i + 1 :]:
            said = {one.measure, other.measure}
            if "height" in said and not _for_children(chart):
                continue  # short and stout, tall and thin: `BMI` says what cannot be
            if abs(apart(one.places, other.places)) >= IMPOSSIBLE_APART:
                return (one.measure, other.measure)
    far = worn and votes and abs(apart(votes[0].places, worn)) >= USUAL_APART
    return (votes[0].measure, "usual" if body.labels else "age") if far else ()


def _for_children(chart: SizeChart) -> bool:
    """Return whether height leads: clothes for people who grow."""
    return chart.measures[0] == "height"


def _by_measures(chart: SizeChart, votes: Sequence[Vote]) -> Advice:
    used = tuple(one.measure for one in votes)
    around = girths(votes)
    deciding = around or [one for one in votes if one.measure == _deciding(chart, used)]
    if any(one.outside for one in deciding):
        return Advice(used=used)
    if around:
        return replace(_by_girths(votes, around), used=used)
    if len(votes) == 1:
        return Advice(_larger(chart, votes[0].places), LOW, (f"why_{used[0]}_only",), used)
    if _for_children(chart):
        return replace(_of_child(chart, votes), used=used)
    return replace(_of_adult(votes), used=used)


def _deciding(chart: SizeChart, used: tuple[str, ...]) -> str:
    """Return which of height and weight has to lie inside the chart."""
    return next(measure for measure in chart.measures if measure in used)


def _larger(chart: SizeChart, places: Places) -> Places:
    """Between two of children's sizes it is the larger: they grow."""
    return places[-1:] if _for_children(chart) else places


def _by_girths(votes: Sequence[Vote], around: Sequence[Vote]) -> Advice:
    """It has to close everywhere: the largest girth decides; what lies on an edge is decided by the rest."""
    places = agreed(around)
    if not places:
        largest = max(around, key=lambda one: one.places)
        return Advice(largest.places[:1], MEDIUM, ("why_largest_girth",))
    reasons, sure = ("why_girth",), HIGH
    for other in (one for one in votes if one not in around and len(places) > 1):
        narrowed = tuple(place for place in places if place in other.places)
        if len(narrowed) == 1:
            return Advice(narrowed, MEDIUM, (f"why_edge_{other.measure}",))
    if len(places) > 1:
        return Advice(places, MEDIUM, ("why_edge",))
    return Advice(places, sure, reasons)


def _of_adult(votes: Sequence[Vote]) -> Advice:
    """Weight says how wide, height how long. It has to go round; what is too long can be worn."""
    weight, height = (next(one for one in votes if one.measure == measure) for measure in ("weight", "height"))
    both = agreed((weight, height))
    if both and height.outside:
        return Advice(both, LOW, ("why_beyond",))
    if both:
        return Advice(both, HIGH, ("why_agree",)) if len(both) == 1 else Advice(both, MEDIUM, ("why_edge",))
    taller = apart(weight.places, height.places)
    if taller < 0:
        heavy = weight.places[:1]
        return Advice(heavy, MEDIUM if taller == -1 else LOW, ("why_heavier",))
    wide, long = weight.places[-1], height.places[0]
    if taller == 1:
        return Advice((wide, long), MEDIUM, ("why_taller",))
    return Advice((wide + 1,), LOW, ("why_much_taller",))


def _of_child(chart: SizeChart, votes: Sequence[Vote]) -> Advice:
    """Height decides, the larger of two; a child heavier than its height gets room, one sturdy either."""
    height, weight = (next(one for one in votes if one.measure == measure) for measure in ("height", "weight"))
    both = agreed((height, weight))
    if both:
        return Advice(both[-1:], HIGH, ("why_agree",))
    tall = height.places[-1:]
    heavier = apart(tall, weight.places)
    if heavier <= 0 or tall[0] + 1 >= len(chart.sizes):
        return Advice(tall, MEDIUM, ("why_height_first",))
    if heavier == 1:
        return Advice((tall[0], tall[0] + 1), MEDIUM, ("why_sturdy",))
    return Advice((tall[0] + 1,), LOW, ("why_much_sturdier",))


def _with_worn(advice: Advice | None, worn: Places, body: Body) -> Advice:
    """Measures count more than what is worn elsewhere, which decides between two."""
    if advice is None:
        reason = "why_usual" if body.labels else "why_age"
        own = body.labels and all(system != ELSEWHERE for system, _ in body.labels)
        sure = MEDIUM if own and len(worn) == 1 else LOW
        return Advice(worn, sure, (reason,) if len(worn) < 2 else ("why_between_usual",))
    narrowed = tuple(place for place in advice.places if place in worn)
    if len(advice.places) > 1 and len(narrowed) == 1:
        return replace(advice, places=narrowed, sure=MEDIUM, reasons=("why_edge_usual",))
    if advice.places and not narrowed and body.labels:
        return replace(advice, sure=LOW if advice.sure == LOW else MEDIUM, reasons=(*advice.reasons, "why_not_usual"))
    return advice


def _as_reported(advice: Advice, votes: Sequence[Vote], reports: FitReports | None, made: Places) -> Advice:
    """Where many sent a piece back as too small, the larger of two, or of one the next for who nearly fills it."""
    runs = runs_small(reports)
    if not runs:
        return advice
    reason = "why_runs_small" if runs > 0 else "why_runs_large"
    upper = bool(votes) and votes[0].upper
    if len(advice.places) > 1:
        places = advice.places[-1:] if runs > 0 else advice.places[:1]
    else:
        step = runs if votes and upper == (runs > 0) else 0
        moved = advice.places[0] + step
        places = (moved,) if moved in made else advice.places
    sure = MEDIUM if advice.sure == HIGH else advice.sure
    return replace(advice, places=places, sure=sure, reasons=(reason, *advice.reasons))


def runs_small(reports: FitReports | None) -> int:
    """Return 1 if customers found a piece small, -1 if large, 0 if neither or too few said so."""
    if reports is None or reports.small + reports.true + reports.large < REPORTS_COUNT_FROM:
        return 0
    enough = RUNS * (reports.small + reports.true + reports.large)
    if reports.small >= enough and reports.small >= 2 * reports.large:
        return 1
    return -1 if reports.large >= enough and reports.large >= 2 * reports.small else 0


def _as_wished(chart: SizeChart, advice: Advice, body: Body, made: Places) -> Advice:
    """More room: the larger of two, or the next. A close fit: the smaller of two; one size is close already."""
    wish = next((wish for wish in LARGER if wish in body.wishes and _concerns(chart, wish)), "")
    if wish:
        place = advice.places[-1] if len(advice.places) > 1 else advice.places[0] + 1
        if place in made:
            return replace(advice, places=(place,), reasons=(f"why_{wish}", *advice.reasons))
        return replace(advice, reasons=("why_largest", *advice.reasons))
    if SNUG in body.wishes:
        return replace(advice, places=advice.places[:1], reasons=("why_snug", *advice.reasons))
    return advice


def _as_made(advice: Advice, made: Places) -> Advice:
    """Of two sizes the one that the product comes in; one that it does not come in stays: somebody has to say so."""
    there = tuple(place for place in advice.places if place in made)
    return replace(advice, places=there) if there else advice


def _concerns(chart: SizeChart, wish: str) -> bool:
    """Return whether a wish is one about this kind of goods: thick socks change no dress."""
    if "foot" in chart.measures:
        return wish == ROOMY_FOOT
    return wish != ROOMY_FOOT and (wish != GROW or _for_children(chart))

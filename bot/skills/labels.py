"""Sizes that people wear elsewhere, as places in a size chart: `UK 10`, `W30`, `165/88A`, `EU 38.5`, `M`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bot.knowledge.entries import SizeChart
from bot.skills.bodies import ELSEWHERE, USUAL

Places = tuple[int, ...]
"""Positions in `SizeChart.sizes`, ascending: one, or two neighbours where something lies between them."""
ALIAS = re.compile(r"([A-Z ]*?)(\d{1,3}(?:\.5)?)(Y?)")
CHINESE = re.compile(r"(\d{2,3})/(\d{2,3})[ABCY]")
AGE = re.compile(r"(\d{1,2})(?:-(\d{1,2}))?[YT]")


def places_of(chart: SizeChart, label: tuple[str, str], sex: str, charts: Mapping[str, SizeChart]) -> Places | None:
    """Return where a size worn elsewhere stands in `chart`; () beyond its ends, None if it cannot be told.

    A chart that does not know a label takes the word of another with sizes of the same names: `UK 10` is a dress size,
    and whoever wears it wears the same letter in tops.

    Args:
        label: (system, value) as of `Body.labels`.
        sex: for American shoe sizes, see `Body.sex`.
    """
    for other in (chart, *_alike(chart, charts)):
        found = _in_chart(other, label, sex)
        if found:
            return tuple(dict.fromkeys(place for name in found if (place := _named(chart, name)) is not None))
        if found == ():
            return ()
    return None


def places_of_age(chart: SizeChart, age: str) -> Places:
    """Return where an age stands in a chart with ages among its labels, () if nowhere."""
    match = AGE.fullmatch(age)
    if match is None:
        return ()
    ages = [(float(years), place) for place, years in _numbers(chart, "", "Y")]
    return _between(ages, float(match[2] or match[1])) or ()


def measures_of(chart: SizeChart, label: tuple[str, str]) -> dict[str, float]:
    """Return the measures that a label states itself: height and girth of `170/88A`, the foot of `JP 24.5`, in mm."""
    system, value = label
    if system == "jp" and "foot" in chart.measures:
        return {"foot": float(value) * 10}
    match = CHINESE.fullmatch(value)
    girth = next((m for m in chart.measures if m in ("chest", "waist")), "")
    if system != "cn" or match is None or not girth:
        return {}
    return {"height": float(match[1]), girth: float(match[2])}


def _alike(chart: SizeChart, charts: Mapping[str, SizeChart]) -> Iterable[SizeChart]:
    names = {size.name for size in chart.sizes}
    return (c for c in charts.values() if c is not chart and names & {size.name for size in c.sizes})


def _in_chart(chart: SizeChart, label: tuple[str, str], sex: str) -> tuple[str, ...] | None:
    """Return the names of the sizes that a label means in this very chart; see `places_of`."""
    system, value = label
    if system in (USUAL, ELSEWHERE):
        return _own(chart, value)
    if system in ("cn", "child"):
        return next(((s.name,) for s in chart.sizes if value in s.aliases or value == s.name), None)
    if system == "jeans":
        return _names(chart, _between([*_places(chart, "W")], float(value[1:].split(" ")[0])))
    if system == "us":
        return _american(chart, value, sex)
    return _names(chart, _between(_places(chart, f"{system.upper()} "), float(value)))


def _own(chart: SizeChart, value: str) -> tuple[str, ...] | None:
    """Return a size that is named as the chart names its own, or as `EU 38` in a chart that knows such labels."""
    named = _named(chart, value)
    if named is not None:
        return (value,)
    if not re.fullmatch(r"\d{2}(?:\.5)?", value):
        return () if value.endswith(("XL", "XS")) and _named(chart, "M") is not None else None
    own = [(float(s.name), i) for i, s in enumerate(chart.sizes) if s.name.isdecimal()]
    return _names(chart, _between(own or _places(chart, "EU "), float(value)))


def _american(chart: SizeChart, value: str, sex: str) -> tuple[str, ...] | None:
    plain = _places(chart, "US ")
    if plain:
        return _names(chart, _between(plain, float(value)))
    return _names(chart, _between(_places(chart, f"US {sex}"), float(value))) if sex else None


def _places(chart: SizeChart, before: str) -> list[tuple[float, int]]:
    return [(float(number), place) for place, number in _numbers(chart, before, "")]


def _numbers(chart: SizeChart, before: str, after: str) -> Iterable[tuple[int, str]]:
    for place, size in enumerate(chart.sizes):
        for alias in size.aliases:
            match = ALIAS.fullmatch(alias)
            if match and match[1] == before and match[3] == after:
                yield place, match[2]


def _between(numbers: list[tuple[float, int]], wanted: float) -> Places | None:
    """Return the place of a number among numbered places, two if it lies between; () beyond, None without any."""
    if not numbers:
        return None
    below = max((pair for pair in numbers if pair[0] <= wanted), default=None)
    above = min((pair for pair in numbers if pair[0] >= wanted), default=None)
    if below is None or above is None:
        return ()
    return tuple(dict.fromkeys((below[1], above[1])))


def _names(chart: SizeChart, places: Places | None) -> tuple[str, ...] | None:
    return None if places is None else tuple(chart.sizes[place].name for place in places)


def _named(chart: SizeChart, name: str) -> int | None:
    return next((i for i, size in enumerate(chart.sizes) if size.name == name), None)

"""Whose size is asked for: what one person said of measures, usual sizes and fit, kept while sizes are talked about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.skills.choices import is_question
from bot.skills.turn import Turn
from bot.understanding.entities import MEASURES, Entity, find
from bot.understanding.fit import CHILD, ME, gender, whose, wishes
from bot.understanding.text import normal
from bot.understanding.usual import usual_sizes

LABELS = ("size", "size_label")
USUAL, ELSEWHERE = "usual", "elsewhere"
"""The systems of a size that someone says they wear, and of one that they wear of another brand."""
_WITH_UNIT = re.compile(
    r"(?<![\d.])\d{1,4}(?:\.\d{1,2})? ?"
    r"(?:cm|kgs?|mm|lbs?|pounds?|kilos?|公斤|千克|厘米|公分|毫米|斤|米|met(?:er|re)s?|m)(?![a-z])"
)
_SMALL = re.compile(r"([4-8]\d) ?(?:cm|厘米|公分)")
"""The height of a baby; of nobody else."""
_BARE = re.compile(r"\D{0,6}(\d{2,3}(?:\.\d)?)\D{0,3}")
_SYSTEM = re.compile(
    r"(?:it'?s|that'?s|in|the|sizes?|a|是|码|的|[,，]|\s)*"
    r"(?:(uk\b|british|英(?=[国码]|的?$))|(us\b|american|美(?=[国码]|的?$))|(eu\b|欧(?=[洲码标]|的?$)))"
)
"""What is said when it is asked which country's size a number is."""
_SYSTEMS = tuple(
    re.compile(one) for one in (r"\buk\b|british|英[国码]", r"\bus\b|american|美[国码]", r"\beu\b|欧[洲码标]")
)
_SHOE = re.compile(
    r"(?:(?:穿|是)|[鞋脚]码?子?(?:平时|一般|都)?(?:穿|是))(3[4-9]|4[0-9])(\.5)?(?!\d|厘米|公分|公斤|kg|cm)码?"
)
_GIRTHS = re.compile(r"(?:三[围维]|\bbwh|\bmeasurements?)\D{0,12}?(\d{2,3})\D{1,3}(\d{2,3})\D{1,3}(\d{2,3})(?!\d)")
"""Chest, waist and hips in one breath."""
_TOO_MUCH = re.compile(r"(?:^|[ ,，、/]|and )([2-9]\d{2})(?:$|[ ,，。.、?？](?!元|块|yuan|rmb|usd|gbp|eur|cny))")
"""A bare number beside measures that is none of anybody's: no height, no weight."""
_MYSELF = re.compile(
    r"\bi (?:normally |usually |always |mostly )?(?:wear|am|weigh|measure|take)\b"
    r"|\bmy (?:own )?(?:waist|chest|bust|hips?|height|weight|foot|feet|usual)\b"
    r"|我(?:自己|平时|一般|通常|的)*(?:穿|身高|体重|胸围|腰围|臀围|脚长|鞋码)"
)
SMALLEST_GROWN_EU = 34.0
_BARE_KG, _BARE_JIN = (35.0, 79.0), (80.0, 240.0)
EITHER = re.compile(
    r"(?<![\d.])(\d{2,3}) ?(?:cm|厘米|公分|码)? ?(?:还是|或者?|[,，]? ?\bor )(?:说|是|the |an? )?(\d{2,3})(?![\d.])"
)
"""Two numbers of which one is meant: sizes that are chosen from, or a height that is not known."""
_CHILD_CM = re.compile(
    r"(?<![\d.,/-])(?<!under )(?<!below )(?<!over )(?<!than )(?<!不到)(?<!低于)(?<!满)(?<![¥$€£])"
    r"([89]\d|1[0-6]\d|170)(?!\d|[.,/-]\d| ?(?:[%岁斤公元块月码号件个款分天]|[以之][内下]|"
    r"(?:[kcm]?m|m|kgs?|lbs?|pounds?|st|stone|yuan|rmb|usd|gbp|eur|euros?|dollars?|days?|months?|pieces|pcs|years?)\b))"
)
"""A number that is a height where a child is spoken of."""
_OF_MONEY = re.compile(r"(?:预算|价[格位钱]|\bbudget|\bprice|\bspend)[^,，。.;；!！?？]{0,16}$")
"""Before a number that is none."""


@dataclass(frozen=True, slots=True)
class Body:
    """What is known of one person.

    Attributes:
        measures: in cm, weight in kg, foot in mm.
        labels: (system, value) of sizes worn elsewhere or usually, e.g. `("uk", "10")`, `("usual", "M")`.
        age: as it was said, e.g. `6Y`, `2-3Y`; empty if it was not.
        sex: `W` or `M` where it was said, for American shoe sizes.
    """

    measures: Mapping[str, float] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()
    age: str = ""
    wishes: tuple[str, ...] = ()
    sex: str = ""

    def __bool__(self) -> bool:
        return bool(self.measures or self.labels or self.age or self.wishes or self.sex)

    @property
    def tells_a_size(self) -> bool:
        return bool(self.measures or self.labels or self.age)

    def and_then(self, new: Body) -> Body:
        """Return this body with what was said later, which counts where both say something."""
        return Body(
            {**self.measures, **new.measures},
            new.labels or self.labels,
            new.age or self.age,
            new.wishes or self.wishes,
            new.sex or self.sex,
        )

    def as_slot(self) -> dict[str, Any]:
        return {
            "measures": dict(self.measures),
            "labels": [list(label) for label in self.labels],
            "age": self.age,
            "wishes": list(self.wishes),
            "sex": self.sex,
        }


@dataclass(frozen=True, slots=True)
class Heard:
    """What one message says of bodies.

    Attributes:
        whose: ME, CHILD or OTHER; empty where it does not tell.
        twice: two values of one measure that cannot both be meant.
        unread: a number with a unit that is no measure of anybody, as it was written.
    """

    body: Body
    whose: str = ""
    twice: tuple[float, ...] = ()
    unread: str = ""


def from_slot(slot: Mapping[str, Any]) -> Body:
    """Return a body as `as_slot` wrote it."""
    labels = tuple((str(system), str(value)) for system, value in slot.get("labels", ()))
    return Body(
        dict(slot.get("measures", {})), labels, slot.get("age", ""), tuple(slot.get("wishes", ())), slot.get("sex", "")
    )


def new_words(turn: Turn) -> str:
    """Return what was said now (normal form), without the message before that it was read as the end of."""
    text = turn.text
    if turn.meaning.follows:
        text = text.removeprefix(str(turn.state.last.get("text", "")))
    return normal(text)


def hear(turn: Turn, whose_before: str, missing: tuple[str, ...] = ()) -> Heard:
    """Return what this message says of a body.

    Args:
        whose_before: of whom was spoken before.
        missing: the measures that were asked for; a bare number is the only one of them that it can be.
    """
    said = new_words(turn)
    found = find(said, (), ()) if turn.meaning.follows else turn.meaning.entities
    meant = tuple(entity for entity in found if not entity.negated)
    measures, twice = _measures(meant)
    measures, twice = _without_either(said, meant, measures, twice)
    measures = _girths(said, measures) or _bare(said, missing, turn.language)
    ages = [e.value for e in meant if e.kind == "size_label" and e.unit == "age"]
    unread = _unread(said, found) or (_too_much(said, found) if measures else "")
    speaks_of = whose(said, ME if _MYSELF.search(said) else whose_before) or (CHILD if ages else "")
    if speaks_of == CHILD and (small := _SMALL.fullmatch(unread)):
        measures, unread = {**measures, "height": float(small[1])}, ""
    if speaks_of == CHILD and "height" not in measures:
        measures = {**_childs_height(said, found), **measures}
    body = Body(measures, _labels(said, meant), ages[0] if ages else "", wishes(said), gender(said))
    return Heard(body, speaks_of, twice, unread)


def _measures(meant: tuple[Entity, ...]) -> tuple[dict[str, float], tuple[float, ...]]:
    """Return measures, the longer of two feet, and what was said twice in different ways."""
    said: dict[str, list[float]] = {}
    for entity in meant:
        if entity.kind in MEASURES:
            said.setdefault(entity.kind, []).append(float(entity.value))
    twice = next((tuple(v) for kind, v in said.items() if kind != "foot" and max(v) - min(v) > 2), ())
    return {kind: max(values) if kind == "foot" else values[0] for kind, values in said.items()}, twice


def in_system(said: str, before: Body) -> tuple[tuple[str, str], ...]:
    """Return the size said before without its system, in the one that is named now."""
    match, bare = _SYSTEM.match(said), [value for system, value in before.labels if not system]
    if match is None or not bare or is_question(said) or any(character.isdigit() for character in said):
        return ()
    if sum(one.search(said) is not None for one in _SYSTEMS) > 1:  # they cannot tell which
        return ()
    return ((("uk", "us", "eu")[(match.lastindex or 1) - 1], bare[0]),)


def _without_either(
    said: str, meant: tuple[Entity, ...], measures: dict[str, float], twice: tuple[float, ...]
) -> tuple[dict[str, float], tuple[float, ...]]:
    """Leave out a height that is one of two numbers; where it was said to be one, it was said in two ways."""
    for match in EITHER.finditer(said):
        read = [e for e in meant if e.kind == "height" and e.start < match.end() and match.start() < e.end]
        if read and len(read) < 2:
            measures = {kind: value for kind, value in measures.items() if kind != "height"}
            alone = said[read[0].start : read[0].end].isdigit()
            twice = twice if alone else (float(match[1]), float(match[2]))
    return measures, twice


def _childs_height(said: str, found: tuple[Entity, ...]) -> dict[str, float]:
    """Return the one bare number that is as tall as children are, if nothing else was read from it."""
    if EITHER.search(said):
        return {}
    numbers = [
        float(match[1])
        for match in _CHILD_CM.finditer(said)
        if not _OF_MONEY.search(said[: match.start()])
        and not any(one.start < match.end() and match.start() < one.end for one in found)
    ]
    return {"height": numbers[0]} if len(numbers) == 1 else {}


def _labels(said: str, meant: tuple[Entity, ...]) -> tuple[tuple[str, str], ...]:
    """Return sizes of other systems, and the own ones that are said to be usual: `M or L?` says nothing of a body."""
    others = [(e.unit, e.value) for e in meant if e.kind == "size_label" and e.unit not in ("age", "bra", "letter")]
    own = [(ELSEWHERE if elsewhere else USUAL, size) for size, elsewhere in usual_sizes(said).items()]
    worn = [("eu", match[1] + (match[2] or "")) for match in _SHOE.finditer(said) if "鞋" in said]
    if worn and not others:
        return tuple(own if any(system == ELSEWHERE for system, _ in own) else worn)
    named = [(e.unit, e.value) for e in meant if e.kind == "size" and e.unit == "eu"] if not own else []
    return tuple(dict.fromkeys((*others, *own, *named)))


def _bare(said: str, missing: tuple[str, ...], language: str) -> dict[str, float]:
    """Return what a bare number is where the weight was asked for: kilograms, or 斤 if it is too much for that."""
    match = _BARE.fullmatch(said)
    if match is None or "weight" not in missing:
        return {}
    number = float(match[1])
    if _BARE_KG[0] <= number <= _BARE_KG[1]:
        return {"weight": number}
    return {"weight": number / 2} if language == "zh" and _BARE_JIN[0] < number <= _BARE_JIN[1] else {}


def _girths(said: str, measures: dict[str, float]) -> dict[str, float]:
    """Return the measures with chest, waist and hips where they are said as three numbers."""
    told = _GIRTHS.search(said)
    if told is None or "chest" in measures:
        return measures
    return {**measures, "chest": float(told[1]), "waist": float(told[2]), "hip": float(told[3])}


def _too_much(said: str, found: tuple[Entity, ...]) -> str:
    """Return a bare number that was said beside measures and is none."""
    for match in _TOO_MUCH.finditer(said):
        if not any(entity.start < match.end(1) and match.start(1) < entity.end for entity in found):
            return match[1]
    return ""


def is_grown(body: Body) -> bool:
    """Return whether the sizes worn, or the foot, are those of a grown person."""
    shoes = [float(value) for system, value in body.labels if system == "eu" and value.replace(".", "").isdigit()]
    others = any(system in ("us", "uk") for system, _ in body.labels)
    return "foot" in body.measures or others or any(size >= SMALLEST_GROWN_EU for size in shoes)


def _unread(said: str, found: tuple[Entity, ...]) -> str:
    for match in _WITH_UNIT.finditer(said):
        if not any(entity.start < match.end() and match.start() < entity.end for entity in found):
            return match[0]
    return ""

"""What a conversation about sizes has come to: of whom is spoken, what is known of each, and of which goods."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.knowledge.entries import SizeChart
from bot.shop.port import Product
from bot.skills import bodies
from bot.skills.bodies import Body
from bot.skills.choices import is_question
from bot.skills.labels import places_of
from bot.skills.stocked import own_names
from bot.skills.turn import Turn
from bot.skills.votes import BODY
from bot.understanding.fit import CHILD, ME, OTHER, relative, whose
from bot.understanding.lexicon import CHILDREN, category_of

NAME = "sizing"
"""Of the skill whose slots these are."""
ADULTS = ("tops", "trousers", "shoes")
"""Where no garment is named, the first of these that knows what was said."""
CHARTS = frozenset({*ADULTS, "dresses", CHILDREN})
CHART_OF = {"outerwear": "tops"}
"""Kinds of garments without a chart of their own."""
WITH_SOCKS = re.compile(r"厚的?(?:羊毛)?袜子?|\bthick (?:wool )?socks?\b")
"""Worn in shoes: what is asked for is these."""
SMALL_CM = 140.0
"""Who is smaller, and nothing says otherwise, is a child."""
GROWN_CM, GROWN_KG = 168.0, 60.0
"""Who is more is none."""
SMALLEST_JP_SHOE = 21.0
ABOUT_CHILDREN = "sizing-children"
"""The entry on children's sizes: after it a child is spoken of."""
WHICH_SIZE = re.compile(
    r"[穿选選買买拿要拍][^,，。]{0,3}(?:[什甚]么码|多大|几码|几号|哪个|啥码)|[什甚]么码|几码|多大码|还是.{0,8}(?:合适|好)"
    r"|\b(?:what|which) size\b|\bequivalent\b|\bwhat'?s that in\b|\bshould i (?:get|take|buy|order)\b"
)
SLOTS_VERSION = 2
"""Version of the slots; a conversation with older ones begins anew."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What the conversation about sizes has come to with this message.

    Attributes:
        whose: of whom is spoken.
        people: what is known of each, said in this conversation.
        news: whether this message added anything.
        relative: who it is, if it is not the customer and was told: of another one nothing is known.
    """

    whose: str
    people: Mapping[str, Body]
    product: Product | None
    chart: SizeChart
    heard: bodies.Heard
    news: bool
    relative: str = ""

    @property
    def said(self) -> Body:
        return self.people.get(self.whose, Body())

    def slots(self) -> dict[str, Any]:
        return {
            "version": SLOTS_VERSION,
            "whose": self.whose,
            "people": {who: body.as_slot() for who, body in self.people.items()},
            "product": self.product.id if self.product else "",
            "chart": self.chart.category,
            "relative": self.relative,
        }


def _people(turn: Turn) -> dict[str, Body]:
    kept = turn.state.slots.get("people", {}) if turn.state.skill == NAME else {}
    return {who: bodies.from_slot(slot) for who, slot in kept.items()}


def talk_of(turn: Turn) -> Talk:
    slots = turn.state.slots if turn.state.skill == NAME else {}
    people, before = _people(turn), str(slots.get("whose", ""))
    known = people.get(before, Body())
    missing = tuple(m for m in BODY if m not in known.measures and len(known.measures) == 1)
    heard = bodies.hear(turn, before or _of_whom(turn), missing)
    if labels := bodies.in_system(bodies.new_words(turn), known):
        heard = replace(heard, body=replace(heard.body, labels=labels))
    product, kind = _named(turn)
    who = _whose(turn, heard, before, product, kind)
    kept_relative, named_relative = str(slots.get("relative", "")), relative(bodies.new_words(turn))
    if who != ME and named_relative and kept_relative not in ("", named_relative):
        people.pop(who, None)
    news = bool(heard.body or heard.twice or heard.unread or product or kind or (who != before and heard.whose))
    if product is None and not kind:
        product = _kept_product(turn, str(slots.get("product", "")), who, heard.body)
    if any(map(is_foot, heard.body.labels)) and who in people:  # a Japanese shoe's size is the length of the foot
        people[who] = replace(people[who], measures={m: v for m, v in people[who].measures.items() if m != "foot"})
    if heard.body:
        people[who] = people.get(who, Body()).and_then(_without(heard.body, heard.twice))
    body = people.get(who, Body())
    chart = _chart(turn, product, kind, who, str(slots.get("chart", "")), heard.body, body)
    return Talk(who, people, product, chart, heard, news, named_relative or kept_relative)


def _of_whom(turn: Turn) -> str:
    """Return of whom the answer before this message was, where no size was asked for yet."""
    before = turn.state.before(turn.now)
    return CHILD if before is not None and before.label == ABOUT_CHILDREN else ""


def asks_size(turn: Turn) -> bool:
    """Return whether a message asks for the size of somebody of whom it says enough to go by, or almost."""
    said, before = bodies.new_words(turn), turn.state.before(turn.now)
    of_child = _of_whom(turn)
    heard = bodies.hear(turn, of_child)
    if of_child and before is not None and heard.whose == CHILD and heard.body.measures and not is_question(said):
        return True
    elsewhere = any(system == bodies.ELSEWHERE for system, _ in heard.body.labels)
    if elsewhere and not turn.meaning.best:
        return True
    chosen = heard.whose == CHILD and bodies.EITHER.search(said) is not None
    return bool(heard.body.measures or heard.body.labels or chosen) and WHICH_SIZE.search(said) is not None


def _without(body: Body, twice: tuple[float, ...]) -> Body:
    """Return the body without the measure that was said in two ways."""
    return replace(body, measures={m: v for m, v in body.measures.items() if v not in twice}) if twice else body


def _named(turn: Turn) -> tuple[Product | None, str]:
    """Return the one product, or the kind of garment, that this message names."""
    ids = turn.meaning.values("product")
    if turn.meaning.follows:  # what was named before stands among it
        old = tuple(entity[1] for entity in turn.state.last.get("entities", ()) if entity[0] == "product")
        ids = () if ids == old else ids
    said = bodies.new_words(turn)
    kind = _kind(said)
    meant = [product for product in turn.shop.products() if product.id in ids and not _is_kind(turn, product, said)]
    charted = [product for product in meant if product.size_chart in turn.knowledge.charts]
    found = charted or [
        product for product in meant if _chart_of(turn, product) and not _kind(WITH_SOCKS.sub("", said))
    ]
    return (found[0] if len(found) == 1 else None), kind


def _kind(said: str) -> str:
    category = category_of(WITH_SOCKS.sub("", said)) or ""
    kind = CHART_OF.get(category, category)
    return kind if kind in CHARTS else ""


def _is_kind(turn: Turn, product: Product, said: str) -> bool:
    """Return whether the words that name a product are but the word for its kind: `top` is no Silk Top."""
    spans = [
        said[e.start : e.end] for e in turn.meaning.entities if (e.kind, e.value) == ("product", product.id) and e.end
    ]
    kinds = {turn.phrase(f"chart.{chart}").casefold() for chart in CHARTS}
    return bool(spans) and all(span in kinds or f"{span}s" in kinds or f"{span}es" in kinds for span in spans)


def _kept_product(turn: Turn, product_id: str, who: str, new: Body) -> Product | None:
    """Return the product spoken of before, if what is said now can still be about it: no adult in children's wear."""
    product = turn.shop.product(product_id) if product_id else None
    chart = _chart_of(turn, product) if product is not None else None
    if chart is None or (chart.category == CHILDREN) != (who == CHILD):
        return None
    return None if new.measures and not any(measure in chart.measures for measure in new.measures) else product


def _chart_of(turn: Turn, product: Product) -> SizeChart | None:
    """Return the chart of a product; of socks, which have none, that of shoes."""
    charts = turn.knowledge.charts
    if product.size_chart in charts:
        return charts[product.size_chart]
    shoes = charts["shoes"]
    return shoes if own_names(shoes, product) else None


def _whose(turn: Turn, heard: bodies.Heard, before: str, product: Product | None, kind: str) -> str:
    """Return of whom is spoken, by the words, by what is sold, or by a body that cannot be that of a child."""
    told = whose(bodies.new_words(turn))
    height, weight = heard.body.measures.get("height", 0.0), heard.body.measures.get("weight", 0.0)
    if product is not None and product.size_chart == CHILDREN:
        return CHILD
    if told == CHILD or (heard.body.age and told != ME):
        return CHILD
    grown = height > GROWN_CM or weight > GROWN_KG or bodies.is_grown(heard.body) or kind == "shoes"
    if before == CHILD and told != OTHER and grown:
        return ME
    if not kind and product is None and not told and not before and 0 < height < SMALL_CM and weight < GROWN_KG:
        return CHILD
    return heard.whose or before or ME


def _chart(
    turn: Turn, product: Product | None, kind: str, who: str, kept: str, new: Body, body: Body
) -> SizeChart:  # fmt: skip
    """Return the chart of the product, of the kind named, or of before; else the first that knows what was said."""
    charts = turn.knowledge.charts
    of_product = _chart_of(turn, product) if product is not None else None
    if of_product is not None:
        return of_product
    if who == CHILD:
        return charts[CHILDREN]
    if kept == CHILDREN:
        kept = ""
    if kept and new.measures and not any(measure in charts[kept].measures for measure in new.measures):
        kept, body = "", new  # a foot says nothing of a dress
    knowing = (name for name in ADULTS if _knows(charts[name], body, charts))
    named = kind if kind != CHILDREN else ""
    only_shoes = any(value.endswith(".5") or is_foot((system, value)) for system, value in new.labels)
    named = named or ("shoes" if only_shoes else "")
    return charts[named or kept or next(knowing, ADULTS[0])]


def is_foot(label: tuple[str, str]) -> bool:
    """Return whether a size is a Japanese shoe's, the length of the foot in cm: garments have smaller numbers."""
    system, value = label
    return system == "jp" and float(value) >= SMALLEST_JP_SHOE


def _knows(chart: SizeChart, body: Body, charts: Mapping[str, SizeChart]) -> bool:
    return any(measure in chart.measures for measure in body.measures) or any(
        places_of(chart, label, body.sex or "W", charts) is not None for label in body.labels
    )

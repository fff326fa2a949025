"""Finds the things a message names: numbers of orders and parcels, phones, addresses, money, days, measures, sizes,
colours, regions and the shop's own products.

Each span of text is taken once: groups of rules run from the most particular to the least, and what one has taken is
blanked for the next, so that no digit is part of two things. (The last four digits of a whole phone number are its
`phone_end` as well: that is the same thing.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache

from bot.understanding import addresses, dates, measures, money, orders, parcels, phones, places, sizes
from bot.understanding.entity import ALONE, SAID, TAKEN, Entity, Rule, rules
from bot.understanding.measures import HEIGHT_CM, MEASURES, WEIGHT_KG
from bot.understanding.papers import is_id_card
from bot.understanding.products import Named, meant
from bot.understanding.saying_no import marked
from bot.understanding.text import CJK, normal

__all__ = ["ACTED_ON", "HEIGHT_CM", "MEASURES", "WEIGHT_KG", "Entity", "Named", "find", "without"]

READ_CHARACTERS = 1_000
"""What stands beyond is not read: nobody says what they want there."""
ACTED_ON = frozenset({"order", orders.OTHER, "phone", "phone_end", "size", "colour", "product", *MEASURES})
"""Kinds of which a skill knows what to do when nothing else is said."""
NUMERAL = re.compile(r"[\d零一二两三四五六七八九十百]", re.ASCII)
NO_COLOUR = re.compile(r"明白|白[天白搭费]|小红书|红包|[拉变]黑|黑名单|灰心|绿色通道|[厘毫纳玉\d一二两][米]|大红大紫")
"""Words in which a single character is not a colour."""
COUNTED = (
    "折|%|件|条|双|个|套|只|份|包|箱|盒|款|人|位|次|遍|天|日|年|月|周|号|点|分|秒|小时|楼|层|栋|室|单元|克|毫升|升|米|瓦|后|支|"
    "days?|weeks?|months?|years?|hours?|hrs?|h|mins?|minutes?|pcs?|pieces?|items?|pairs?|packs?|times|people|percent|"
    "x|g|kg|ml|l|m|cm|mm|km|met(?:er|re)s?|oz|gb|mb|mah|am|pm|st|nd|rd|th|off|others?"
)


def _nothing(match: re.Match[str]) -> tuple[str, str]:
    return match[0], ""


def _id_card(match: re.Match[str]) -> tuple[str, str] | None:
    return (match[0], "") if is_id_card(match[0]) else None


LINKS = rules(("", r"https?://[^\s\u3400-\u9fff]{1,300}|[\w.+-]{1,40}@[\w-]{1,40}(?:\.[\w-]{1,20}){1,3}", _nothing))
PAPERS = rules(("", r"(?<![\da-z])\d{17}[\dx](?![\da-z])", _id_card))
"""Numbers of identity cards, which are no parcel's."""
COUNTS = rules(
    ("", r"(?:iphone|ipad|windows|android|ios|galaxy|mate|model|版本|version|no\.|第) ?\d{1,4}", _nothing),
    ("", r"(?<![a-z])v ?\d{1,3}(?:\.\d{1,3}){0,3}", _nothing),
    ("", r"(?<![\d.])\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?!\d)", _nothing),
    ("", rf"(?<![\d.])\d{{1,6}}(?:\.\d{{1,2}})? ?(?:{COUNTED})(?![a-z])", _nothing),
    ("", r"(?:满|减|降|省|优惠|便宜) ?\d{1,5}(?![\d.])", _nothing),
    ("", r"(?:买|要|x|第|qty|quantity) ?\d{1,4}(?=$|[^\d./'])", _nothing),
)
Group = tuple[re.Pattern[str], tuple[Rule, ...]]
SMALL: tuple[Group, ...] = (
    (NUMERAL, sizes.LABELS),
    (re.compile("均码|size|f码"), sizes.LABELS[-1:]),
    (NUMERAL, measures.RULES + sizes.BRAS),
    (NUMERAL, COUNTS),
    (NUMERAL, measures.BARE),
    (re.compile(r"[sml]"), sizes.LETTERS),
)


def find(
    text: str,
    products: Sequence[Named],
    colours: Iterable[str],
    order_number: str = "",
    today: date | None = None,
) -> tuple[Entity, ...]:
    """Return what `text` names, in the order of the text; after that the products, by id.

    Args:
        order_number: the setting `[shop] order_number`; without it no order is found.
        today: in the shop's zone; without it no day is found.
    """
    said = normal(text[:READ_CHARACTERS])
    reading = _Reading(said)
    _read_long(reading, order_number)
    if today is not None:
        reading.take(dates.GATE, dates.dated(today))
    _read_small(reading)
    reading.found += _colours(reading.left, tuple(colours))
    reading.found += _regions(without("size_label", said, reading.found))
    named = [
        Entity("product", product_id, start, end, "", ALONE if slipped else SAID)
        for product_id, start, end, slipped in meant(said, products)
    ]
    found = sorted(reading.found, key=lambda entity: entity.start)
    return marked(said, (*found, *named))


class _Reading:
    """A message while it is read: what is left of it, and what was found."""

    def __init__(self, said: str) -> None:
        self.left = said
        self.found: list[Entity] = []

    def take(self, gate: re.Pattern[str], several: Iterable[Rule]) -> None:
        """Read by each rule in turn, unless the gate says that there is nothing for them."""
        if gate.search(self.left):
            for rule in several:
                if rule.pattern.search(self.left):
                    self.left = rule.pattern.sub(self._taking(rule), self.left)

    def _taking(self, rule: Rule) -> Callable[[re.Match[str]], str]:
        def take(match: re.Match[str]) -> str:
            read = None if TAKEN in match[0] else rule.read(match)
            if read is None:
                return match[0]
            if rule.kind:
                self.found.append(Entity(rule.kind, read[0], match.start(), match.end(), read[1], rule.confidence))
            return TAKEN * len(match[0])

        return take

    def take_entities(self, entities: Iterable[Entity]) -> None:
        for entity in entities:
            self.found.append(entity)
            self.blank(entity.start, entity.end)

    def blank(self, start: int, end: int) -> None:
        self.left = self.left[:start] + TAKEN * (end - start) + self.left[end:]


def _read_long(reading: _Reading, order_number: str) -> None:
    """Read what is longer than a measure: links, orders, phones, parcels, addresses and money."""
    reading.take(LINK, LINKS)
    if order_number:
        reading.take(EVERYTHING, orders.own_form(order_number))
        if not reading.found:
            reading.take_entities(orders.spaced(reading.left, order_number))
    reading.take(parcels.GATE, PAPERS)
    reading.take(phones.GATE, phones.WHOLE)
    reading.found += [phones.ending(entity) for entity in reading.found if entity.kind == "phone"]
    reading.take(parcels.GATE, parcels.RULES)
    reading.take(phones.GATE, phones.ENDINGS)
    reading.take(orders.GATE, orders.OTHER_FORMS)
    if addresses.GATE.search(reading.left):
        reading.take_entities(addresses.addresses(reading.left))
    reading.take(money.GATE, money.RULES)


LINK = re.compile(r"://|@")
EVERYTHING = re.compile(r"")


def _read_small(reading: _Reading) -> None:
    """Read sizes and measures, the bare numbers last."""
    _three_girths(reading)
    for gate, several in SMALL:
        reading.take(gate, several)
    if any(entity.kind == "height" for entity in reading.found):
        reading.take(NUMERAL, measures.BESIDE_HEIGHT)


def _three_girths(reading: _Reading) -> None:
    for match in measures.THREE_GIRTHS.finditer(reading.left):
        first = 1 if match[1] else 4
        if first > 1 and not _waisted(*map(int, match.groups()[3:])):
            continue
        for group, kind in enumerate(("chest", "waist", "hip"), first):
            read = measures.girth(match[group]) if match[group] else None
            reading.found += [Entity(kind, read[0], *match.span(group), read[1])] if read else []
        reading.blank(*match.span())


def _waisted(chest: int, waist: int, hip: int) -> bool:
    """Return whether three numbers are girths, in inches or in cm, and no date."""
    in_inches, in_cm = chest < 60 and waist >= 22, chest >= 70 and waist >= 50
    return (in_inches or in_cm) and waist < min(chest, hip) and max(chest, hip) <= 1.7 * waist


def _regions(said: str) -> Iterable[Entity]:
    """Return each region once, also where its place is part of an address; `UK 8` is a size."""
    reading = _Reading(said)
    reading.take(EVERYTHING, places.RULES)
    return {entity.value: entity for entity in reversed(reading.found)}.values()


def without(kind: str, said: str, entities: Iterable[Entity]) -> str:
    """Return `said` (normal form) with the things of this kind blanked."""
    for entity in entities:
        if entity.kind == kind:
            said = said[: entity.start] + " " * (entity.end - entity.start) + said[entity.end :]
    return said


@lru_cache(maxsize=16)
def _colour_pattern(colours: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds any of the colours; `天蓝` is not also `蓝` as long as the longer words come first."""
    words = (re.escape(colour) if CJK.search(colour) else rf"\b{re.escape(colour)}\b" for colour in colours)
    return re.compile("|".join(words), re.ASCII)


def _colours(left: str, colours: tuple[str, ...]) -> Iterable[Entity]:
    """Yield the colours named."""
    if colours:
        left = NO_COLOUR.sub(lambda match: " " * len(match[0]), left)
        for match in _colour_pattern(colours).finditer(left):
            yield Entity("colour", match[0], match.start(), match.end())

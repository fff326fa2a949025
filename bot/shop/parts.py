"""What both adapters do to become bodies of the shop: sizes and colours of options, lines of one sku, marks in tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.shop.bodies import OrderLineBody

_COLOUR = ("colour", "color", "颜色", "顏色", "花色")
_SIZE = ("size", "尺码", "尺寸", "尺碼", "鞋码", "码数")
UNSIZED = "-"
"""The size of what has none."""


@dataclass(frozen=True, slots=True)
class Look:
    """What tells a variant from the others of its product."""

    colour: str
    size: str


def look_of(options: Iterable[tuple[str, str]]) -> Look:
    """Sort a variant's options (name, value) into size and colour; other options are told with the colour."""
    size = ""
    colours: list[str] = []
    for name, value in options:
        known = name.lower().removeprefix("pa_").strip()
        if not size and any(word in known for word in _SIZE):
            size = value
        elif any(word in known for word in _COLOUR):
            colours.insert(0, value)
        else:
            colours.append(value)
    return Look(" / ".join(colour for colour in colours if colour)[:200], (size or UNSIZED)[:20])


@dataclass(frozen=True, slots=True)
class Marks:
    """What a shop says of a product by its tags: `final-sale`, `hygiene`, `cross-border`, in any case."""

    returnable: bool
    hygiene: bool
    cross_border: bool


def marks_of(tags: Iterable[str]) -> Marks:
    """Read the tags of a product."""
    known = {"-".join(tag.lower().replace("_", " ").split()) for tag in tags}
    return Marks(
        not known & {"final-sale", "不可退"}, bool(known & {"hygiene", "贴身"}), bool(known & {"cross-border", "跨境"})
    )


def joined(lines: Iterable[OrderLineBody]) -> list[OrderLineBody]:
    """Add up lines of the same sku, since an order here holds a sku once. What was paid stays exact."""
    found: dict[str, OrderLineBody] = {}
    for line in lines:
        before = found.get(line.sku)
        found[line.sku] = line if before is None else _added(before, line)
    return list(found.values())


def _added(one: OrderLineBody, other: OrderLineBody) -> OrderLineBody:
    quantity = one.quantity + other.quantity
    priced = one.price_minor * one.quantity + other.price_minor * other.quantity
    paid = None if one.paid_minor is None or other.paid_minor is None else one.paid_minor + other.paid_minor
    return OrderLineBody(
        sku=one.sku,
        quantity=min(quantity, 999),
        price_minor=priced // quantity,
        paid_minor=paid,
        gift=one.gift and other.gift,
    )


def phone_of(*candidates: object) -> str:
    """Return the first that has at least four digits: the last four prove an order."""
    for candidate in candidates:
        if isinstance(candidate, str) and sum(char.isdigit() for char in candidate) >= 4:
            return candidate.replace("\0", "").strip()[:40]
    return ""


def without_empty(values: Mapping[str, str]) -> str:
    """Return the parts of an address as one line."""
    return ", ".join(value for value in values.values() if value)[:1000]

"""Which lines of an order go back, and how many pieces of each."""

from __future__ import annotations

from dataclasses import replace

from bot.shop.port import Case, Line, Order, Shop
from bot.skills.draft import Draft
from bot.skills.goods import is_colour
from bot.skills.refunds import VOID, left
from bot.understanding.lexicon import category_of, garments_of
from bot.understanding.text import normal


def case_of(line: Line, cases: tuple[Case, ...]) -> Case | None:
    """Return the newest case over pieces of this line that counts."""
    holds = (c for c in cases if c.status not in VOID and any(part.line_id == line.id for part in c.parts))
    return next(holds, None)


def groups(draft: Draft, order: Order, shop: Shop) -> list[tuple[Line, ...]]:
    """Return for each thing that was named the lines it may mean; without lines it is left out."""
    found = [
        group for one in draft.products if (group := tuple(line for line in order.lines if line.product_id in one))
    ]
    named = [normal(name) for group in found for line in group for name in line.name.values()]
    others = (word for word in draft.garments if not any(word in name for name in named))
    found += [_called(word, order, shop) for word in others]
    if draft.colours and not any(found):
        found = [order.lines]
    coloured = [tuple(line for line in group if _has_colour(line, draft.colours)) for group in found]
    narrowed = coloured if any(coloured) else found if draft.products or draft.garments else []
    return list({tuple(line.id for line in group): group for group in narrowed if group}.values())


def _called(word: str, order: Order, shop: Shop) -> tuple[Line, ...]:
    """Return the lines that are called by a garment word, else those of its category."""
    called = tuple(line for line in order.lines if any(word in normal(name) for name in line.name.values()))
    if called:
        return called
    category = category_of(word)
    products = {line.product_id: shop.product(line.product_id) for line in order.lines}
    return tuple(line for line in order.lines if (p := products[line.product_id]) and p.category == category)


def names(draft: Draft) -> tuple[object, ...]:
    """Return what the pieces that go back were called."""
    return draft.products, draft.garments, draft.colours


def but(
    parts: tuple[tuple[str, int], ...], draft: Draft, order: Order, shop: Shop
) -> tuple[tuple[str, int], ...]:  # fmt: skip
    """Return `parts` without those that are named as staying."""
    stay = _staying(draft, order, shop)
    return tuple((one, count) for one, count in parts if one not in stay)


def _staying(draft: Draft, order: Order, shop: Shop) -> set[str]:
    """Return the ids of the lines that are named as staying."""
    found: set[str] = set()
    for said in draft.stays:
        called = [line for word in garments_of(said) for line in _called(word, order, shop)]
        named = [line for line in order.lines if any(said in normal(name) for name in line.name.values())]
        lines = named or called or list(order.lines)
        coloured = [line for line in lines if any(normal(word) in said for word in line.colour.values())]
        found |= {line.id for line in coloured or named or called}
    return found


def _but(group: tuple[Line, ...], stay: set[str]) -> tuple[Line, ...]:
    return tuple(line for line in group if line.id not in stay)


def _has_colour(line: Line, colours: tuple[str, ...]) -> bool:
    return not colours or any(is_colour(colour, line.colour) for colour in colours)


def settled(draft: Draft, order: Order, cases: tuple[Case, ...], shop: Shop) -> Draft | tuple[Line, ...]:
    """Return the draft with its parts, or the lines among which the customer has to choose.

    An exchange is for one line: each case holds one new piece after the other. Gifts go with what they came with.
    """
    lines = {line.id: line for line in order.lines}
    parts = tuple((one, count) for one, count in draft.parts if one in lines)
    if not parts:
        stay = _staying(draft, order, shop)
        goods = _but(tuple(line for line in order.lines if not line.gift) or order.lines, stay)
        if not goods:
            return order.lines
        named = [rest for group in groups(draft, order, shop) if (rest := _but(group, stay))]
        ids = {line.id for group in named for line in group}
        meant = tuple(line for line in order.lines if line.id in ids) or goods
        alone = named and all(len(group) == 1 for group in named)
        if len(meant) > 1 and not (draft.every or alone):
            return meant
        parts = tuple((line.id, 0) for line in meant)
    return replace(
        draft, parts=tuple((one, count or _count(draft, left(lines[one], cases), len(parts))) for one, count in parts)
    )


def _count(draft: Draft, rest: int, lines: int) -> int:
    """Return how many of `rest` pieces of a line go back; 0 if that is to be asked."""
    if rest <= 1 or draft.every or lines > 1:
        return rest
    return draft.count if 0 < draft.count <= rest else 0

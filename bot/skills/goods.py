"""The goods a customer speaks of: which products, in which colours; and whether a line of an order is meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.shop.port import Line
from bot.skills.choices import THINGS
from bot.skills.turn import Turn
from bot.understanding.lexicon import category_of, garment_of, garments_of
from bot.understanding.text import normal

SLOT = "goods"


@dataclass(frozen=True, slots=True)
class Goods:
    """What was named: product ids and words for colours. False if nothing was."""

    products: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.products or self.colours)

    def means(self, line: Line) -> bool:
        """Return whether this line is meant: of a product named, if any was, and of a colour named, if any was."""
        if not self:
            return False
        fits = not self.products or line.product_id in self.products
        return fits and (not self.colours or any(is_colour(colour, line.colour) for colour in self.colours))


def is_colour(said: str, colour: Mapping[str, str]) -> bool:
    """Return whether `said` names this colour: `blue`, `蓝` and `蓝色` name sky blue too, `sky blue` only itself."""
    return any(said in normal(word) for word in colour.values())


def named_now(turn: Turn) -> Goods:
    """Return the goods of this very message."""
    return Goods(turn.meaning.values("product"), turn.meaning.values("colour"))


def named(turn: Turn) -> Goods:
    """Return the goods of this message, else those named when the skill that waits was asked."""
    before = turn.state.slots.get(SLOT, {}) if turn.state.skill else {}
    return named_now(turn) or Goods(tuple(before.get("products", ())), tuple(before.get("colours", ())))


def kind(turn: Turn) -> str | None:
    """Return the garment word of this message; of a choice that was picked its token counts, not its label."""
    return None if turn.choice.startswith(THINGS) else garment_of(normal(turn.text))


def garments(turn: Turn) -> tuple[str, ...]:
    """Return the garment words of this message, those in names of products too."""
    return garments_of(normal(turn.text))


def products(turn: Turn) -> tuple[tuple[str, ...], ...]:
    """Return the products that are spoken of; of several that the same words may mean, one group.

    Where all are put off (`the dress is too small`) these are meant.
    """
    named = [entity for entity in turn.meaning.entities if entity.kind == "product"]
    groups: dict[tuple[int, int], list[str]] = {}
    for entity in [entity for entity in named if not entity.negated] or named:
        groups.setdefault((entity.start, entity.end), []).append(entity.value)
    return tuple(map(tuple, groups.values()))


def of_kind(turn: Turn, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Return the lines of the kind named: those called by that very word, else those of its category."""
    word = kind(turn)
    if word is None:
        return ()
    called = tuple(line for line in lines if any(word in normal(name) for name in line.name.values()))
    category = category_of(normal(turn.text))
    of_category = {product.id for product in turn.shop.products() if product.category == category}
    return called or tuple(line for line in lines if line.product_id in of_category)


def may_mean(turn: Turn, lines: tuple[Line, ...]) -> bool:
    """Return whether the garment word may mean one of the lines: its name has it, or it is a word for its category.

    `trousers` may mean chinos; `hoodie` no other top.
    """
    found, word = of_kind(turn, lines), kind(turn)
    called = any(word in normal(name) for line in found for name in line.name.values()) if word else False
    return called or (bool(found) and word in _words_for_categories(turn))


def _words_for_categories(turn: Turn) -> frozenset[str | None]:
    return frozenset(garment_of(normal(turn.phrase(f"chart.{chart}"))) for chart in turn.knowledge.charts)


def slot(goods: Goods) -> dict[str, dict[str, list[str]]]:
    """Return the slot that keeps `goods` for the skill's next turns."""
    return {SLOT: {"products": list(goods.products), "colours": list(goods.colours)}}

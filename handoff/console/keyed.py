"""Show a changing sequence by touching only what changed, so that nothing flickers and nobody loses their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from nicegui import ui
from nicegui.element import Element

Item = TypeVar("Item")
Change = Callable[[Item], bool]
"""Shows another item in what was built for one before; False if it cannot, and has to be built anew."""


@dataclass(slots=True)
class _Cell(Generic[Item]):
    item: Item
    element: Element
    change: Change[Item] | None


@dataclass(slots=True)
class Part:
    """Something that is drawn anew as a whole, and only where what it shows changed.

    What is drawn anew takes its buttons from under the pointer: things that change apart are parts apart.
    """

    root: Element
    _shown: object = None

    def show(self, shown: object, draw: Callable[[], object]) -> None:
        """Show what `draw` puts here, unless it was drawn for an equal `shown`."""
        if shown != self._shown:
            self.hide()
            self._shown = shown
            with self.root:
                draw()

    def hide(self) -> None:
        """Show nothing."""
        self._shown = None
        self.root.clear()


class Keyed(Generic[Item]):
    """A container whose children mirror a sequence of `(key, item)`. Items are frozen: equal ones look the same.

    `build` shows an item; it returns how that is changed in place, or None.
    """

    def __init__(self, container: Element, build: Callable[[Item], Change[Item] | None]) -> None:
        self._container = container
        self._build = build
        self._shown: dict[str, _Cell[Item]] = {}

    def show(self, items: Sequence[tuple[str, Item]]) -> bool:
        """Make the container show exactly `items`, in order. Return whether a key was added."""
        keys = {key for key, _ in items}
        for key in [key for key in self._shown if key not in keys]:
            self._shown.pop(key).element.delete()
        added = False
        for key, item in items:
            added = self._put(key, item) or added
        wanted = [self._shown[key].element for key, _ in items]
        children = self._container.default_slot.children
        if children != wanted:  # one update, however many have another place
            children[:] = wanted
            self._container.update()
        return added

    def clear(self) -> None:
        """Show nothing."""
        self.show(())

    def _put(self, key: str, item: Item) -> bool:
        known = self._shown.get(key)
        if known and known.item == item:
            return False
        if known and known.change is not None and known.change(item):
            known.item = item
            return False
        if known:
            element = known.element
            element.clear()
        else:
            with self._container:
                element = ui.element("div").classes("zg-cell")
        with element:
            change = self._build(item)
        self._shown[key] = _Cell(item, element, change)
        return known is None

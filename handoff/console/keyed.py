"""Show a changing sequence by touching only what changed, so that nothing flickers and nobody loses their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from nicegui import ui
from nicegui.element import Element

Item = TypeVar("Item")


class Keyed(Generic[Item]):
    """A container whose children mirror a sequence of `(key, item)`. Items are frozen: equal ones look the same."""

    def __init__(self, container: Element, build: Callable[[Item], None]) -> None:
        self._container = container
        self._build = build
        self._shown: dict[str, tuple[Item, Element]] = {}

    def show(self, items: Sequence[tuple[str, Item]]) -> bool:
        """Make the container show exactly `items`, in order. Return whether a key was added."""
        keys = {key for key, _ in items}
        for key in [key for key in self._shown if key not in keys]:
            self._shown.pop(key)[1].delete()
        added = False
        for index, (key, item) in enumerate(items):
            added = self._put(key, item) or added
            cell = self._shown[key][1]
            children = self._container.default_slot.children
            if children[index] is not cell:
                cell.move(target_index=index)
        return added

    def clear(self) -> None:
        """Show nothing."""
        self.show(())

    def _put(self, key: str, item: Item) -> bool:
        known = self._shown.get(key)
        if known and known[0] == item:
            return False
        if known:
            cell = known[1]
            cell.clear()
        else:
            with self._container:
                cell = ui.element("div").classes("zg-cell")
        with cell:
            self._build(item)
        self._shown[key] = item, cell
        return known is None

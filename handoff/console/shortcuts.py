"""What the keys of the map do on a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable

from nicegui.events import GenericEventArguments

Does = Callable[[], Awaitable[object] | object]


class Shortcuts:
    """Runs what the browser says was pressed."""

    def __init__(self, does: Mapping[str, Does]) -> None:
        self._does = does

    async def press(self, event: GenericEventArguments) -> None:
        """Do what a key is for; an unknown one does nothing."""
        does = self._does.get(str(event.args))
        if does is not None:
            done = does()
            if isawaitable(done):
                await done

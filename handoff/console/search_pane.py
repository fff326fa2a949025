"""The search: a field above the list, and what was found in the place of the list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import groupby

from nicegui import ui
from nicegui.events import GenericEventArguments

from handoff.console.labels import Labels
from handoff.console.look import box, channel_name, chip, moment, section, text
from handoff.search import Hit

SETTLES_S = 0.25
_ON_ENTER = "(e) => !e.isComposing && e.keyCode !== 229 && emit(e.target.value)"


class SearchPane:
    """Asks for what was typed; shows what came of it."""

    def __init__(
        self,
        labels: Labels,
        on_search: Callable[[str], Awaitable[None]],
        on_open: Callable[[str], Awaitable[None]],
    ) -> None:
        self._labels = labels
        self._on_search, self._on_open = on_search, on_open
        self._hits: Sequence[Hit] = ()
        self._field = ui.input(placeholder=labels["search_hint"]).classes("zg-search")
        self._field.props(f'dense outlined clearable type="search" maxlength=100 debounce={SETTLES_S * 1000:.0f}')
        self._field.props["aria-label"] = labels["search"]
        self._field.on_value_change(self._typed)
        self._field.on("keydown.enter", self._first, js_handler=_ON_ENTER)

    def build_found(self) -> None:
        """Build what is shown in the place of the list; call it where that stands."""
        with box("zg-found").props('role="region" aria-live="polite" tabindex="0"') as self._root:
            self._root.props["aria-label"] = self._labels["search"]
            self._body = box("zg-found-in")
        self._root.set_visibility(False)

    @property
    def is_open(self) -> bool:
        """Whether something is searched for."""
        return bool(self._field.value)

    def clear(self) -> None:
        """Search for nothing."""
        self._field.value = ""

    def show(self, hits: Sequence[Hit]) -> None:
        """Show what was found for the words in the field."""
        self._hits = hits
        self._root.set_visibility(self.is_open)
        self._body.clear()
        with self._body:
            if not hits:
                text(self._labels["search_nothing"], "zg-empty")
            for kind, found in groupby(hits, key=lambda hit: hit.kind):
                section(self._labels[f"found_{kind}"])
                for hit in found:
                    self._hit(hit)

    def _hit(self, hit: Hit) -> None:
        opener = box("zg-hit", "button").props('type="button"').on("click", partial(self._on_open, hit.conversation_id))
        opener.props["data-found"] = hit.conversation_id
        with opener:
            with box("zg-card-top"):
                text(hit.words if hit.kind == "order" else hit.name, "zg-name")
                moment(hit.at)
            with box("zg-card-low"):
                chip(channel_name(hit.channel))
                if hit.kind == "order":
                    text(hit.name, "zg-last")
                elif hit.words:
                    text(hit.words, "zg-last")

    async def _typed(self) -> None:
        await self._on_search(str(self._field.value or ""))

    async def _first(self, event: GenericEventArguments) -> None:
        await self._on_search(str(event.args or ""))
        if self._hits:
            await self._on_open(self._hits[0].conversation_id)

"""A masked field with a button that shows it, for a reason that is asked for and logged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from handoff.console.dialogs import ask_words
from handoff.console.labels import Labels
from handoff.console.look import box, icon_button, text

Reveal = Callable[[str, str, str], Awaitable[str | None]]
"""Takes subject, field and reason, see `handoff.reveal.reveal`; None if it was refused, which the agent was told."""

What = tuple[str, str]
"""Subject and field, see `handoff.reveal.reveal`."""


@dataclass(frozen=True, slots=True)
class Revealed:
    """What a page was shown in full: it stays so, however often a pane is drawn anew, until the page forgets it."""

    reveal: Reveal
    _seen: dict[What, str] = field(default_factory=dict)
    _places: dict[What, Callable[[str], None]] = field(default_factory=dict)

    def stand(self, what: What, show: Callable[[str], None]) -> None:
        """Show a field in a place that was drawn now: at once if it was shown before, else once it is."""
        self._places[what] = show
        if what in self._seen:
            show(self._seen[what])

    async def ask(self, what: What, reason: str) -> None:
        """Show a field where it stands now, if that is not refused."""
        found = await self.reveal(*what, reason)
        place = self._places.get(what)
        if found is not None and place is not None:  # else another conversation was opened meanwhile
            self._seen[what] = found
            place(found)

    def forget(self) -> None:
        """Mask everything again, in what is drawn from now on."""
        self._seen.clear()
        self._places.clear()


def hidden_fact(labels: Labels, label: str, masked: str, what: What, revealed: Revealed) -> None:
    """Show a masked field with its label."""
    if masked:
        with box("zg-fact"):
            text(labels[label], "zg-soft")
            hidden_value(labels, labels[label], masked, what, revealed, "zg-value")


def hidden_value(labels: Labels, name: str, masked: str, what: What, revealed: Revealed, classes: str) -> None:
    """Show masked words.

    Args:
        name: of the words, for the button's label.
        what: subject and field, see `handoff.reveal.reveal`.
    """

    async def show() -> None:
        reason = await ask_words(labels, labels["reveal_title"], labels["reveal_why"], labels["reveal"])
        if reason is not None:
            await revealed.ask(what, reason)

    def put(words: str) -> None:
        if not value.is_deleted:
            value.set_text(words)
            button.set_visibility(False)

    with box("zg-masked"):
        value = text(masked, classes)
        button = icon_button(f"{labels['reveal']}{labels['colon']}{name}", "visibility", show, "zg-reveal")
    revealed.stand(what, put)

"""Answers of the knowledge that may fit, with where they come from; a click puts one into the reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from bot.advice import Suggestion
from handoff.console.labels import Labels
from handoff.console.look import box, button, chip, section, text


def show_suggestions(suggestions: Sequence[Suggestion], labels: Labels, put: Callable[[str], None] | None) -> None:
    """Show answers, best first. `put` is None where the viewer may not reply."""
    section(labels["suggested"])
    for one in suggestions:
        with box("zg-suggested"):
            text(one.question, "zg-suggested-question")
            text(one.text, "zg-suggested-text")
            with box("zg-suggested-low"):
                chip(f"{one.id} @{one.version}", "zg-source")
                chip(f"{one.score:+.2f}", "zg-intent")
                if put is not None:
                    button(labels["put_in"], "north_west", partial(put, one.text), "zg-button zg-put")

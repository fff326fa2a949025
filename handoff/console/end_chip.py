"""By when something has to happen, and what happens else: the same words in the list and over the conversation."""

from __future__ import annotations

from nicegui.element import Element

from handoff.console.labels import Labels
from handoff.console.look import box, moment, text
from handoff.ends import End


def show_end(end: End, labels: Labels) -> Element:
    """Show one end."""
    with box(f"zg-chip zg-end{' zg-bad' if end.late else ''}") as made:
        made.props["data-end"] = end.kind
        text(labels[f"end_{end.kind}"])
        moment(end.at)
        text(f"· {labels['end_late' if end.late else f'else_{end.kind}']}")
    return made

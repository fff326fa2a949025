"""By when something has to happen, and what happens else: the same words in the list and over the conversation."""

from __future__ import annotations

from nicegui.element import Element

from handoff.console.labels import Labels
from handoff.console.look import box, moment_in
from handoff.ends import End


def show_end(end: End, labels: Labels) -> Element:
    """Show one end."""
    made = box("zg-chip zg-end")
    show_end_again(made, end, labels)
    return made


def show_end_again(made: Element, end: End, labels: Labels) -> None:
    """Let what `show_end` made show another end."""
    made.classes(replace=f"zg-chip zg-end{' zg-bad' if end.late else ''}")
    what = labels["end_late" if end.late else f"else_{end.kind}"]
    made.props.update({"data-end": end.kind, **moment_in(f"{labels[f'end_{end.kind}']} {{}} · {what}", end.at)})

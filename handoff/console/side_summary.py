"""What the bot had understood, in short."""

from __future__ import annotations

from collections.abc import Sequence

from handoff.console.labels import Labels, label_words
from handoff.console.look import box, chip, section, text
from handoff.summary import Summary


def show_summary(found: Summary, labels: Labels) -> None:
    """Show wishes, what was named and collected, and what was tried."""
    section(labels["summary"])
    with box("zg-summary"):
        _row(labels["summary_wishes"], [label_words(wish, labels) for wish in found.wishes], "zg-intent zg-sure")
        for kind, values in _by_kind(found.named).items():
            _row(labels.get(f"named_{kind}", kind), values, "")
        for name, values in _by_kind(found.asked).items():
            _row(labels.get(f"named_{name}", name), values, "")
        if found.skill:
            step = f" · {found.step}" if found.step else ""
            _row(labels["summary_stopped"], [label_words(found.skill, labels) + step], "")
        _row(labels["summary_tried"], found.tried, "zg-source")
        if found.unclear:
            text(labels["summary_unclear"].format(count=found.unclear), "zg-soft")


def _row(label: str, values: Sequence[str], classes: str) -> None:
    if values:
        with box("zg-summary-row"):
            text(label, "zg-soft")
            with box("zg-summary-values"):
                for value in values:
                    chip(value, classes)


def _by_kind(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind, value in pairs:
        found.setdefault(kind, []).append(value)
    return found

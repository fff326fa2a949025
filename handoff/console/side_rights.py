"""What may still be sent, and until when."""

from __future__ import annotations

from handoff.console.labels import Labels
from handoff.console.look import box, chip, moment, section, text
from handoff.rights import Credit, Rights, Window


def show_rights(rights: Rights, labels: Labels) -> None:
    """Show every open window, and the notices that the customer asked for."""
    section(labels["rights"])
    if not rights.windows:
        chip(labels["rights_none"], "zg-bad")
    for window in rights.windows:
        _window(window, labels)
    if rights.kept:
        text(labels["rights_kept"], "zg-soft")
    if rights.credits:
        section(labels["credits"])
        for credit in rights.credits:
            _credit(credit, labels)


def _window(window: Window, labels: Labels) -> None:
    with box("zg-right"):
        if window.left is None:
            chip(labels["rights_open"], "zg-good")
        else:
            looks = "zg-good" if window.left > 1 else "zg-warn" if window.left else "zg-bad"
            chip(labels["rights_of"].format(left=window.left, allowed=window.allowed), looks)
        if window.ends_at is not None:
            text(labels["rights_until"], "zg-soft")
            moment(window.ends_at)
        text(labels.get(f"action_{window.action}", window.action), "zg-soft zg-right-action")


def _credit(credit: Credit, labels: Labels) -> None:
    with box("zg-fact"):
        text(credit.name, "zg-soft")
        chip(labels["credit_left"].format(count=credit.left), "zg-good")

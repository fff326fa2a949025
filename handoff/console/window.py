"""The window of a conversation in short: messages left of those allowed, and the time that is left."""

from __future__ import annotations

from handoff.console.labels import Labels
from handoff.console.look import box, text, until
from handoff.rights import Window


def show_window(window: Window | None, labels: Labels) -> None:
    """Show what may still be sent where the platform counts. None: nothing before the customer writes again."""
    if window is None:
        with box("zg-chip zg-window zg-bad"):
            text(labels["window_shut"])
        return
    looks = "zg-good" if window.left is None or window.left > 1 else "zg-warn" if window.left else "zg-bad"
    with box(f"zg-chip zg-window {looks}") as made:
        made.props["title"] = labels["rights"]
        if window.left is not None:
            text(labels["window_left"].format(left=window.left, allowed=window.allowed))
        if window.ends_at is not None:
            until(window.ends_at)

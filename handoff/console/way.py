"""What became of one message of the shop: a word under it, the rest when asked."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from nicegui import ui

from handoff.console.labels import Labels, reason_words
from handoff.console.look import box, button, channel_name, moment, text
from handoff.transcript import Line

Retry = Callable[[int], Awaitable[None]]
_COUNTED = re.compile(r"\w+, (\d+) left")
_LOOKS = {"waiting": "", "sending": "", "confirming": "zg-warn", "moved": ""}


def show_way(line: Line, labels: Labels, retry: Retry | None) -> None:
    """Show the state of an outbound message. `retry` is None where the viewer may not send."""
    if facts := _facts(line, labels):
        with box("zg-way", "details"):
            with box("zg-way-word", "summary") as word:
                _word(line, labels)
            word.props["title"] = labels["way"]
            with box("zg-way-facts"):
                for label, value in facts:
                    text(label)
                    text(value, "zg-way-value")
    else:
        _word(line, labels)
    if retry is not None and line.outbox_id is not None:
        outbox_id = line.outbox_id
        button(labels["retry"], "refresh", lambda: retry(outbox_id), "zg-button zg-retry")


def _word(line: Line, labels: Labels) -> None:
    if line.status == "sent":
        ui.icon("done").classes("zg-sent").props["aria-label"] = labels["status_sent"]
        if short := _short(line, labels):
            text(short)
        return
    with box(f"zg-chip {_LOOKS.get(line.status, 'zg-bad')}"):
        text(_words(line, labels))
        if line.until:
            moment(line.until)
            if known := _known(line.reason, labels):
                text(f"· {known}")


def _words(line: Line, labels: Labels) -> str:
    if line.until:
        return labels["status_put_off"]
    words = labels.get(f"status_{line.status}", line.status)
    if line.status == "moved":
        return f"{words}{labels['colon']}{channel_name(line.reason.rpartition(' ')[2])}"
    known = "" if line.status in ("sent", "sending") else _known(line.reason, labels)
    return f"{words} · {known}" if known else words


def _short(line: Line, labels: Labels) -> str:
    """Return what is worth saying of a message that was sent as planned: only where the platform counts or forms it."""
    if left := _COUNTED.fullmatch(line.reason):
        return labels["rights_left"].format(count=left[1])
    return _road(line, labels) if line.road not in ("", "open", "window") else ""


def _facts(line: Line, labels: Labels) -> list[tuple[str, str]]:
    """Return what the word does not say: the road where it counts or failed, and what a platform said."""
    facts = []
    left = _COUNTED.fullmatch(line.reason)
    if line.road not in ("", "open") and (left or line.status not in ("sent", "confirming")):
        after = f" · {labels['road_left'].format(count=left[1])}" if left else ""
        facts.append((labels["way_road"], _road(line, labels) + after))
    reason = line.reason.partition(" → ")[0]
    if left is None and reason not in ("", line.road) and (line.status == "moved" or not _known(reason, labels)):
        facts.append((labels["way_why"], reason_words(reason, labels)))
    return facts


def _road(line: Line, labels: Labels) -> str:
    return labels.get(f"road_{line.road}", line.road)


def _known(reason: str, labels: Labels) -> str:
    """Return a reason that has words of its own; what a platform said is left to the details."""
    words = reason_words(reason, labels)
    return "" if words == reason else words

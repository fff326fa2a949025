"""One line of the thread."""

from __future__ import annotations

from datetime import datetime

from nicegui import ui

from handoff.console.attachments import show_files
from handoff.console.hidden import Revealed, hidden_value
from handoff.console.labels import Labels, wrap_up_words
from handoff.console.look import box, chip, moment, text
from handoff.console.way import Retry, show_way
from handoff.meaning import Meaning
from handoff.transcript import WHISPER, Line, Side

_SURE = {"answer": "zg-sure", "skill": "zg-sure", "smalltalk": "zg-sure", "clarify": "zg-unsure"}


def show_line(line: Line, labels: Labels, retry: Retry | None, revealed: Revealed | None) -> None:
    """Show one line. `retry` is None where the viewer may not send, `revealed` where what is masked stays so."""
    if line.side is Side.MARK:
        _mark(line, labels)
        return
    with box(f"zg-line zg-{line.side.value}"), box("zg-bubble"):
        if line.side is Side.NOTE:
            text(labels["whisper" if line.event == WHISPER else "note"], "zg-note-head")
        if line.event and line.side is Side.CUSTOMER and not line.files:
            text(labels.get(f"event_{line.event}", line.event), "zg-event")
        show_files(line.files, labels)
        if line.hidden and revealed is not None:
            hidden_value(labels, labels["message"], line.text, (line.subject, "text"), revealed, "zg-text")
        elif line.text:
            text(line.text, "zg-text")
        if line.status == "dead":
            _dead(line.reason, labels)
        if line.choices:
            with box("zg-choices"):
                for choice in line.choices:
                    chip(choice, "zg-choice")
        with box("zg-meta"):
            text(_author(line, labels), "zg-author")
            moment(line.at)
            if line.meaning:
                _meaning(line.meaning)
            for source in line.sources:
                chip(f"{source.id} @{source.version[:16]}" if source.version else source.id, "zg-source")
            if line.status not in ("", "dead"):
                show_way(line, labels, retry)


def _author(line: Line, labels: Labels) -> str:
    if line.side is Side.BOT:
        return labels["bot"]
    if line.side is Side.CAMPAIGN:
        return f"{labels['campaign']} {line.author}"
    return line.author or labels["customer"]


def _meaning(meaning: Meaning) -> None:
    words = meaning.intent or meaning.skill or meaning.entry
    score = "" if meaning.confidence is None else f" {meaning.confidence:.2f}"
    made = chip(words + score, f"zg-intent {_SURE.get(meaning.decision, '')}")
    if meaning.why:
        with made:
            ui.tooltip(" · ".join(meaning.why))


def _dead(error: str, labels: Labels) -> None:
    with box("zg-dead"):
        ui.icon("error_outline")
        text(labels["status_dead_why" if error else "status_dead"])
        if error:
            text(error, "zg-error")


def _mark(line: Line, labels: Labels) -> None:
    words = labels.get(f"mark_{line.event}", line.event).format(name=line.author or labels["bot"])
    said = "" if line.event == "snoozed" else wrap_up_words(line.text, labels)
    with box(f"zg-mark zg-mark-{line.event}"):
        text(f"{words} · {said}" if said else words)
        if line.event == "snoozed":
            moment(datetime.fromisoformat(line.text))
            text("·")
        moment(line.at)

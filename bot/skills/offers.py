"""Labels as choices, each worded as a customer would say it: after an entry, when unsure, and what is asked most."""

from __future__ import annotations

from collections.abc import Iterable

from bot.knowledge.entries import Entry
from bot.messages import Choice
from bot.skills.turn import HUMAN, Turn

MOST_OFFERED = 3
MOST_POPULAR = 4


def label_text(turn: Turn, label: str) -> str:
    """Return how a label is offered to a customer: the entry's first phrasing, or the intent's name as a phrase."""
    entry = turn.knowledge.entries.get((label, turn.language))
    if entry is not None and entry.ask:
        return entry.ask[0]
    phrase = turn.knowledge.phrases.get((f"intent.{label}", turn.language))
    return phrase.text if phrase else ""


def labelled(turn: Turn, labels: Iterable[str]) -> tuple[Choice, ...]:
    """Return a choice for each label that can be offered in the customer's language."""
    return tuple(Choice(f"label:{label}", text) for label in labels if (text := label_text(turn, label)))


def popular(turn: Turn) -> tuple[Choice, ...]:
    """Return what is asked for most."""
    return labelled(turn, turn.popular)[:MOST_POPULAR]


def after(turn: Turn, entry: Entry, leads_to: dict[str, str]) -> tuple[Choice, ...]:
    """Return what the operator offers after an entry: other entries, and skills by the intent that leads to them."""
    return labelled(turn, (leads_to.get(target, target) for target in entry.next[:MOST_OFFERED]))


def human(turn: Turn) -> Choice:
    return Choice(HUMAN, turn.phrase("dialogue.human_choice"))


def ways_on(turn: Turn) -> tuple[Choice, ...]:
    """Return what is offered beside labels: the answers a skill waits for, and a human."""
    waited_for = turn.state.offered if turn.state.skill else ()
    kept = tuple(c for c in waited_for if c.token != HUMAN and not c.token.startswith("label:"))
    return (*kept, human(turn))

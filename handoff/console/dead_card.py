"""One message of a customer that broke the bot, as leads see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from handoff.console.labels import Labels
from handoff.console.look import box, button, channel_name, chip, moment, text
from handoff.dead import DeadLetter


@dataclass(frozen=True, slots=True)
class DeadCard:
    """A dead letter, and whether its conversation is the one shown."""

    letter: DeadLetter
    selected: bool


@dataclass(frozen=True, slots=True)
class DeadActions:
    """What can be done about a dead letter: open its conversation, mark it as handled, give it to the bot again."""

    open: Callable[[str], Awaitable[None]]
    handle: Callable[[int], Awaitable[object]]
    retry: Callable[[str], Awaitable[object]]


def show_dead(card: DeadCard, labels: Labels, actions: DeadActions) -> None:
    """Show a dead letter. A click opens its conversation."""
    letter = card.letter
    with box("zg-task zg-on" if card.selected else "zg-task") as made:
        made.props["data-dead"] = str(letter.id)
        opener = box("zg-task-body zg-task-open", "button").props('type="button"')
        with opener.on("click", lambda: actions.open(letter.conversation_id)):
            with box("zg-card-top"):
                text(letter.customer, "zg-name")
                moment(letter.at)
            text(letter.text, "zg-task-text")
            text(letter.error, "zg-error zg-dead-error")
            with box("zg-dead-key"):
                chip(channel_name(letter.channel))
                text(letter.key).props["title"] = labels["message_key"]
        with box("zg-dead-buttons"):
            button(labels["again"], "refresh", lambda: actions.retry(letter.key))
            button(labels["handled"], "done", lambda: actions.handle(letter.id))

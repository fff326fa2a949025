"""The head of the thread: who it is, what may still be sent, and what can be done with the conversation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from handoff.console.end_chip import show_end
from handoff.console.keyed import Part
from handoff.console.labels import Labels
from handoff.console.look import box, button, channel_name, chip, icon_button, moment, text
from handoff.console.talk_card import owner_words
from handoff.console.window import show_window
from handoff.desk import Conversation
from handoff.ends import End
from handoff.owner import Owner
from handoff.people import Agent
from handoff.rights import Window

Do = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class HeadActions:
    """What the buttons do."""

    back: Callable[[], None]
    details: Callable[[], None]
    take: Do
    give_back: Do
    transfer: Do
    snooze: Do
    close: Do


class ThreadHead:
    """Shown anew only where something in it changed."""

    def __init__(self, labels: Labels, actions: HeadActions) -> None:
        self._labels = labels
        self._actions = actions
        with box("zg-head"):
            icon_button(labels["back"], "arrow_back", actions.back, "zg-phone")
            self._title = Part(box("zg-title"))
            self._buttons = Part(box("zg-actions"))
            icon_button(labels["details"], "info_outline", actions.details, "zg-narrow")

    def show(
        self, conversation: Conversation, ends: Sequence[End], viewer: Agent, is_mine: bool, has_colleagues: bool
    ) -> None:
        """Show the head of a conversation."""
        talk, window = conversation.talk, best_window(conversation)
        title = talk.id, talk.name, talk.owner, talk.agent_id, window, talk.snoozed_until, ends
        self._title.show(title, lambda: self._show_title(conversation, viewer, window, ends))
        buttons = is_mine, has_colleagues, talk.owner is Owner.AGENT, viewer.leads
        self._buttons.show(buttons, lambda: self._show_buttons(*buttons))

    def _show_title(
        self, conversation: Conversation, viewer: Agent, window: Window | None, ends: Sequence[End]
    ) -> None:
        talk, labels = conversation.talk, self._labels
        text(talk.name, "zg-title-name").props('role="heading" aria-level="2"')
        with box("zg-title-low"):
            chip(channel_name(talk.channel))
            chip(owner_words(talk, viewer.id, labels), f"zg-owner-{talk.owner.value}")
            if conversation.rights is not None:
                show_window(window, labels)
            if talk.snoozed_until is not None:
                with box("zg-chip zg-window"):
                    text(labels["snoozed_until"])
                    moment(talk.snoozed_until)
            for end in ends:
                show_end(end, labels)

    def _show_buttons(self, is_mine: bool, has_colleagues: bool, held: bool, leads: bool) -> None:
        labels, actions = self._labels, self._actions
        if not is_mine:
            if not held or leads:
                button(labels["take_over" if held else "take"], "front_hand", actions.take, "zg-button zg-primary")
            return
        button(labels["give_back"], "smart_toy", actions.give_back)
        if has_colleagues:
            button(labels["transfer"], "swap_horiz", actions.transfer)
        button(labels["snooze"], "snooze", actions.snooze)
        button(labels["close"], "check_circle_outline", actions.close, "zg-button zg-primary")


def best_window(conversation: Conversation) -> Window | None:
    """Return the open window that allows most, None if none is open or nothing is counted."""
    windows = conversation.rights.windows if conversation.rights else ()
    return max(windows, key=lambda w: float("inf") if w.left is None else w.left, default=None)

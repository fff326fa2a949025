"""One talk of the list. It is built once; what a new message changes in it is changed in place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nicegui import ui
from nicegui.element import Element

from handoff.console.end_chip import show_end, show_end_again
from handoff.console.labels import Labels
from handoff.console.look import box, channel_name, chip, moment, since, since_again, text
from handoff.console.window import show_window
from handoff.ends import End
from handoff.owner import Owner
from handoff.rights import Window
from handoff.talks import Talk


@dataclass(frozen=True, slots=True)
class Card:
    """A talk as one viewer's list shows it."""

    talk: Talk
    selected: bool
    viewer_id: str
    window: Window | None
    end: End | None
    """The nearest, unless nothing but the end of the conversation is to come."""


class TalkCard:
    """The card on the screen. A click opens the talk."""

    def __init__(self, card: Card, labels: Labels, on_select: Callable[[str], Awaitable[None]]) -> None:
        talk = card.talk
        self._labels = labels
        self._shown = card
        self._made = box("zg-card", "button").props('type="button"').on("click", lambda: on_select(talk.id))
        self._made.props["data-talk"] = talk.id
        with self._made:
            face = text(talk.name[:1].upper() or "?", f"zg-face zg-{talk.channel.partition(':')[0]}")
            face.props('aria-hidden="true"')
            with box("zg-card-body"):
                with box("zg-card-top"):
                    text(talk.name, "zg-name")
                    self._since = since(talk.waiting_since or talk.last_at, _waits(talk))
                with box("zg-card-mid"):
                    self._said = text(said_in(talk, labels), "zg-last")
                    self._unread = text("", "zg-unread").props('role="img"')
                self._low = box("zg-card-low")
                self._end: Element | None = None
        self._select(card.selected)
        self._show_unread(talk.unread)
        self._show_chips(card)

    def show(self, card: Card) -> bool:
        """Show the talk as it is now. Return False where that needs another card: it has another name."""
        before, talk = self._shown, card.talk
        if (talk.id, talk.name, talk.channel) != (before.talk.id, before.talk.name, before.talk.channel):
            return False
        self._shown = card
        if card.selected != before.selected:
            self._select(card.selected)
        since_again(self._since, talk.waiting_since or talk.last_at, _waits(talk))
        self._said.set_text(said_in(talk, self._labels))
        if talk.unread != before.talk.unread:
            self._show_unread(talk.unread)
        if _low(card) != _low(before):
            self._low.clear()
            self._show_chips(card)
        elif card.end != before.end:
            self._show_end(card.end)
        return True

    def _select(self, selected: bool) -> None:
        if selected:
            self._made.classes("zg-on").props('aria-current="true"')
        else:
            self._made.classes(remove="zg-on").props(remove="aria-current")

    def _show_unread(self, count: int) -> None:
        self._unread.set_visibility(count > 0)
        if count:
            self._unread.set_text(str(count))
            self._unread.props["aria-label"] = self._labels["unread"].format(count=count)

    def _show_chips(self, card: Card) -> None:
        talk, labels = card.talk, self._labels
        with self._low:
            chip(channel_name(talk.channel))
            if talk.group:
                chip(labels["group"])
            if talk.priority > 0:
                chip("↑", "zg-warn")
            chip(owner_words(talk, card.viewer_id, labels), f"zg-owner-{talk.owner.value}")
            if talk.snoozed_until is not None:
                with box("zg-chip zg-window"):
                    ui.icon("snooze").props["aria-label"] = labels["snoozed_until"]
                    moment(talk.snoozed_until)
            if card.window is not None and talk.owner in (Owner.QUEUE, Owner.AGENT):
                show_window(card.window, labels)
            if talk.failed:
                chip(labels["status_failed"], "zg-bad")
        self._end = None
        self._show_end(card.end)

    def _show_end(self, end: End | None) -> None:
        """Show by when something has to happen, behind all other chips."""
        if self._end is not None and end is not None:
            show_end_again(self._end, end, self._labels)
        elif end is not None:
            with self._low:
                self._end = show_end(end, self._labels)
        elif self._end is not None:
            self._end.delete()
            self._end = None


def _waits(talk: Talk) -> str:
    return "zg-waits" if talk.waiting_since else ""


def _low(card: Card) -> tuple[object, ...]:
    """Return all that the chips of a card say, but for the last."""
    talk = card.talk
    whose = talk.owner, talk.agent_id, talk.agent_name
    return talk.group, talk.priority, *whose, talk.snoozed_until, card.window, bool(talk.failed)


def said_in(talk: Talk, labels: Labels) -> str:
    """Return what was said last in a talk, and by whom, if not by the customer."""
    who = (
        ""
        if talk.last_by == "customer"
        else {"agent": "↩ ", "campaign": "◇ "}.get(talk.last_by, f"{labels['bot']}{labels['colon']}")
    )
    if talk.last_text or not talk.last_event:
        return who + talk.last_text
    return f"{who}({labels.get(f'event_{talk.last_event}', talk.last_event)})"


def owner_words(talk: Talk, viewer_id: str, labels: Labels) -> str:
    """Return who has a talk, as the viewer would say it."""
    if talk.owner is Owner.AGENT:
        mine = talk.agent_id == viewer_id
        return labels["owner_me"] if mine else labels["owner_agent"].format(name=talk.agent_name)
    return labels[f"owner_{talk.owner.value}"]

"""The right pane: why a human is needed, what may be answered and sent, and who the customer is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.advice import Suggestion
from handoff.console import side_person, side_shop
from handoff.console.around import Around
from handoff.console.hidden import Revealed
from handoff.console.keyed import Part
from handoff.console.labels import Labels, reason_words
from handoff.console.look import box, icon_button, section, text
from handoff.console.side_rights import show_rights
from handoff.console.side_summary import show_summary
from handoff.console.suggested import show_suggestions
from handoff.desk import Conversation


@dataclass(frozen=True, slots=True)
class SideActions:
    """What can be done here: close it, show what is masked, put words into the reply, open a talk beside."""

    back: Callable[[], None]
    revealed: Revealed
    put: Callable[[str], None]
    beside: Callable[[str | None], Awaitable[None]]


class SideBar:
    """Shows what is known around the chosen conversation."""

    def __init__(self, labels: Labels, language: str, actions: SideActions) -> None:
        self._labels = labels
        self._language = language
        self._actions = actions
        with box("zg-side-head"):
            text(labels["details"], "zg-side-title").props('role="heading" aria-level="2"')
            icon_button(labels["back"], "close", actions.back, "zg-narrow")
        with box("zg-side-body").props('tabindex="0" role="region"') as body:
            # Each apart: what comes in for one must not take a button of another from under the pointer.
            self._parts = [Part(box("zg-side-part")) for _ in range(6)]
        body.props["aria-label"] = labels["details"]

    def hide(self) -> None:
        """Show nothing."""
        for part in self._parts:
            part.hide()

    def show(self, conversation: Conversation, around: Around, is_mine: bool) -> None:
        """Show the surroundings of a conversation."""
        talk, customer, labels, actions = conversation.talk, conversation.customer, self._labels, self._actions
        beside = around.beside.talk.id if around.beside else None
        why, answers, rights, person, past, shop = self._parts
        why.show((talk.id, talk.reason, around.summary), lambda: self._why(talk.reason, around))
        answers.show((around.suggestions, is_mine), lambda: self._suggested(around.suggestions, is_mine))
        if (left := conversation.rights) is not None:
            rights.show(left, lambda: show_rights(left, labels))
        else:
            rights.hide()
        who = customer.person
        person.show(
            (talk.id, who, talk.group),
            lambda: side_person.show_person(who, talk.group, labels, actions.revealed),
        )
        past.show(
            (talk.id, around.past, beside),
            lambda: side_person.show_past(around.past, beside, actions.beside, labels),
        )
        shop.show((talk.id, customer), lambda: side_shop.show_shop(customer, labels, self._language, actions.revealed))

    def _why(self, reason: str, around: Around) -> None:
        if reason:
            section(self._labels["why_here"])
            text(reason_words(reason, self._labels), "zg-why")
        if not around.summary.is_empty:
            show_summary(around.summary, self._labels)

    def _suggested(self, suggestions: Sequence[Suggestion], is_mine: bool) -> None:
        if suggestions:
            show_suggestions(suggestions, self._labels, self._actions.put if is_mine else None)

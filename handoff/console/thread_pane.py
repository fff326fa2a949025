"""The middle pane: who it is, what was said, where to write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from nicegui import ui

from handoff.console import dialogs
from handoff.console.actions import Actions
from handoff.console.composer import Composer
from handoff.console.keyed import Keyed
from handoff.console.labels import Labels
from handoff.console.line import show_line
from handoff.console.list_pane import owner_words
from handoff.console.look import box, button, channel_name, chip, icon_button, text
from handoff.desk import Conversation
from handoff.ownership import Owner
from handoff.people import Agent
from handoff.transcript import Line


class ThreadPane:
    """Shows the chosen conversation."""

    def __init__(
        self,
        labels: Labels,
        actions: Actions,
        on_earlier: Callable[[], Awaitable[None]],
        on_back: Callable[[], None],
        on_details: Callable[[], None],
    ) -> None:
        self._labels = labels
        self._actions = actions
        self._shown: Conversation | None = None
        self._viewer: Agent | None = None
        self._colleagues: Sequence[Agent] = ()
        self._on_back, self._on_details = on_back, on_details
        with box("zg-nothing") as self._nothing:
            ui.icon("forum")
            text(labels["choose"])
        with box("zg-talk") as self._talk:
            self._head = box("zg-head")
            with box("zg-lines").props('role="log" aria-live="polite"') as lines:
                lines.props["aria-label"] = labels["messages"]
                self._earlier = button(labels["earlier"], "expand_less", on_earlier)
                with box("zg-lines-in") as container:
                    self._lines: Keyed[tuple[Line, bool]] = Keyed(container, self._line)
            self._composer = Composer(labels, actions.reply, actions.note, actions.types, actions.take)
        self._dialogs = box("zg-dialogs")
        self.hide()

    def hide(self) -> None:
        """Show that nothing is chosen."""
        self._shown = None
        self._nothing.set_visibility(True)
        self._talk.set_visibility(False)

    def show(self, conversation: Conversation, viewer: Agent, colleagues: Sequence[Agent], limit: int) -> None:
        """Show the conversation; keep the reader's place unless they read the end."""
        before, self._shown, self._viewer, self._colleagues = self._shown, conversation, viewer, colleagues
        other = before is None or before.talk.id != conversation.talk.id
        if before is None or _head(before) != _head(conversation):
            self._show_head(conversation, viewer)
        if other:
            self._lines.clear()
        mine = self.is_mine
        added = self._lines.show([(line.key, (line, mine)) for line in conversation.lines])
        self._earlier.set_visibility(len(conversation.lines) >= limit)
        self._composer.show(conversation, viewer.id, viewer.leads)
        self._nothing.set_visibility(False)
        self._talk.set_visibility(True)
        if added:
            ui.run_javascript(f"zg.bottom({'true' if other else 'false'})")

    @property
    def is_mine(self) -> bool:
        """Whether the viewer owns the conversation shown."""
        talk = self._shown.talk if self._shown else None
        return bool(talk and self._viewer and talk.owner is Owner.AGENT and talk.agent_id == self._viewer.id)

    def write(self, mode: str) -> None:
        """Put the cursor into the field, to `reply` or to `note`."""
        if self._shown and (mode == "note" or self.is_mine):
            self._composer.write(mode)

    async def take(self) -> None:
        """Take the conversation shown."""
        if self._shown and not self.is_mine:
            await self._actions.take(self._shown.talk.id)

    async def close(self) -> None:
        """Close the conversation shown, after a word why."""
        if self._shown and self.is_mine:
            talk_id = self._shown.talk.id
            with self._dialogs:
                reason = await dialogs.ask_wrap_up(self._labels)
            if reason is not None:
                await self._actions.close(talk_id, reason)

    async def _give_back(self) -> None:
        if self._shown:
            talk_id = self._shown.talk.id
            with self._dialogs:
                reason = await dialogs.ask_reason(self._labels, self._labels["give_back"])
            if reason is not None:
                await self._actions.give_back(talk_id, reason)

    async def _transfer(self) -> None:
        if self._shown:
            talk_id = self._shown.talk.id
            with self._dialogs:
                answer = await dialogs.ask_transfer(self._labels, self._colleagues)
            if answer is not None:
                await self._actions.transfer(talk_id, *answer)

    async def _retry(self, outbox_id: int) -> None:
        await self._actions.retry(outbox_id)

    def _line(self, item: tuple[Line, bool]) -> None:
        line, mine = item
        show_line(line, self._labels, self._retry if mine else None)

    def _show_head(self, conversation: Conversation, viewer: Agent) -> None:
        talk, labels = conversation.talk, self._labels
        self._head.clear()
        with self._head:
            icon_button(labels["back"], "arrow_back", self._on_back, "zg-phone")
            with box("zg-title"):
                text(talk.name, "zg-title-name")
                with box("zg-title-low"):
                    chip(channel_name(talk.channel))
                    chip(owner_words(talk, viewer.id, labels), f"zg-owner-{talk.owner.value}")
            with box("zg-actions"):
                if self.is_mine:
                    self._owner_buttons()
                elif talk.owner is not Owner.AGENT or viewer.leads:
                    words = labels["take_over" if talk.owner is Owner.AGENT else "take"]
                    button(words, "front_hand", partial(self._actions.take, talk.id), "zg-button zg-primary")
            icon_button(labels["details"], "info_outline", self._on_details, "zg-narrow")

    def _owner_buttons(self) -> None:
        labels = self._labels
        button(labels["give_back"], "smart_toy", self._give_back)
        if self._colleagues:
            button(labels["transfer"], "swap_horiz", self._transfer)
        button(labels["close"], "check_circle_outline", self.close, "zg-button zg-primary")


def _head(conversation: Conversation) -> tuple[object, ...]:
    talk = conversation.talk
    return talk.id, talk.name, talk.owner, talk.agent_id, conversation.epoch

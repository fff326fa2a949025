"""The middle pane: who it is, what was said, where to write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from handoff.console import dialogs
from handoff.console.actions import Actions
from handoff.console.around import Around
from handoff.console.beside_pane import BesidePane
from handoff.console.composer import Composer
from handoff.console.hidden import Revealed
from handoff.console.keyed import Keyed
from handoff.console.labels import Labels
from handoff.console.line import show_line
from handoff.console.look import box, button, text
from handoff.console.thread_head import HeadActions, ThreadHead
from handoff.desk import Conversation
from handoff.owner import Owner
from handoff.people import Agent
from handoff.transcript import Line
from handoff.whereto import Colleague


class ThreadPane:
    """Shows the chosen conversation."""

    def __init__(
        self,
        labels: Labels,
        actions: Actions,
        revealed: Revealed,
        on_earlier: Callable[[], Awaitable[None]],
        on_back: Callable[[], None],
        on_details: Callable[[], None],
        on_beside: Callable[[str | None], Awaitable[None]],
    ) -> None:
        self._labels = labels
        self._actions = actions
        self._revealed = revealed
        self._shown: Conversation | None = None
        self._around: Around | None = None
        self._viewer: Agent | None = None
        self._has_colleagues = False
        self._suggested = -1
        with box("zg-nothing") as self._nothing:
            ui.icon("forum")
            text(labels["choose"])
        with box("zg-talk") as self._talk:
            does = HeadActions(on_back, on_details, self.take, self.give_back, self.transfer, self.snooze, self.close)
            self._head = ThreadHead(labels, does)
            with box("zg-both"):
                with box("zg-lines").props('role="log" aria-live="off" tabindex="0"') as lines:
                    lines.props["aria-label"] = labels["messages"]
                    self._earlier = button(labels["earlier"], "expand_less", on_earlier)
                    with box("zg-lines-in") as container:
                        self._lines: Keyed[tuple[Line, bool]] = Keyed(container, self._line)
                self._beside = BesidePane(labels, on_beside)
            self._typing = text("", "zg-typing")
            write = actions.reply, actions.note, actions.types, actions.take, actions.keep_draft, actions.had
            self._composer = Composer(labels, *write)
        self.hide()

    def hide(self) -> None:
        """Show that nothing is chosen."""
        self._shown = self._around = None
        self._nothing.set_visibility(True)
        self._talk.set_visibility(False)

    def show(self, conversation: Conversation, around: Around, viewer: Agent, has_colleagues: bool, limit: int) -> None:
        """Show the conversation; keep the reader's place unless they read the end."""
        before, self._shown, self._viewer = self._shown, conversation, viewer
        self._has_colleagues = has_colleagues
        self._around = around
        other = before is None or before.talk.id != conversation.talk.id
        mine = self.is_mine
        self._head.show(conversation, around.ends, viewer, mine, has_colleagues)
        if other:
            self._lines.clear()
            self._suggested = -1
        added = self._lines.show([(line.key, (line, mine)) for line in conversation.lines])
        self._earlier.set_visibility(len(conversation.lines) >= limit)
        self._beside.show(around.beside)
        self._typing.set_text(self._labels["customer_types"].format(name=conversation.talk.name))
        self._typing.set_visibility(around.is_customer_typing)
        self._composer.show(conversation, around, viewer)
        self._nothing.set_visibility(False)
        self._talk.set_visibility(True)
        if added or around.is_customer_typing:
            ui.run_javascript(f"zg.bottom({'true' if other else 'false'})")

    @property
    def is_mine(self) -> bool:
        """Whether the viewer owns the conversation shown."""
        talk = self._shown.talk if self._shown else None
        return bool(talk and self._viewer and talk.owner is Owner.AGENT and talk.agent_id == self._viewer.id)

    async def leave(self) -> None:
        """Keep what stands in the field before another conversation is shown."""
        talk_id, draft = self._composer.unsent()
        if self._around is not None and draft != self._around.draft and (draft.text or self._around.draft.text):
            await self._actions.keep_draft(talk_id, draft)

    def write(self, mode: str) -> None:
        """Put the cursor into the field, to `reply` or to `note`."""
        if self._shown and (mode == "note" or self.is_mine):
            self._composer.write(mode)

    def put(self, words: str) -> None:
        """Put words into the reply, where the viewer may reply."""
        if self.is_mine:
            self._composer.put(words)

    def suggest(self) -> None:
        """Put the best suggested answer into the reply; called again, the next in its place."""
        answers = self._around.suggestions if self._around else ()
        if answers and self.is_mine:
            self._suggested = (self._suggested + 1) % len(answers)
            self._composer.put(answers[self._suggested].text)

    # --- what is done to the conversation shown ---------------------------------------------------------------------
    async def take(self) -> None:
        """Take it."""
        if self._shown and not self.is_mine and await self._actions.take(self._shown.talk.id):
            self.write("reply")

    async def retry(self) -> None:
        """Send the newest message again that did not arrive."""
        failed = [line.outbox_id for line in (self._shown.lines if self._shown else ()) if line.outbox_id is not None]
        if failed and self.is_mine:
            await self._actions.retry(failed[-1])

    async def close(self) -> bool:
        """Close it, after a word why. Return whether it was closed."""
        if self._shown is None or not self.is_mine:
            return False
        talk_id = self._shown.talk.id
        reason = await dialogs.ask_wrap_up(self._labels)
        return reason is not None and await self._actions.close(talk_id, reason)

    async def give_back(self) -> None:
        """Hand it back to the bot, after a word why."""
        if self._shown and self.is_mine:
            talk_id = self._shown.talk.id
            reason = await dialogs.ask_reason(self._labels, self._labels["give_back"])
            if reason is not None:
                await self._actions.give_back(talk_id, reason)

    async def transfer(self) -> None:
        """Pass it on to a colleague or to the queue, after a word why."""
        if self._shown is None or self._viewer is None or not self.is_mine or not self._has_colleagues:
            return
        talk_id, seats = self._shown.talk.id, await self._actions.seats(self._viewer.id)
        answer = await dialogs.ask_transfer(self._labels, seats)
        if answer is None:
            return
        to, reason = answer
        if isinstance(to, Colleague):
            await self._actions.transfer(talk_id, to.agent_id, reason)
        else:
            await self._actions.release(talk_id, to.topic, reason)

    async def snooze(self) -> None:
        """Put it off until a time that is chosen."""
        if self._shown and self.is_mine:
            talk_id, times = self._shown.talk.id, self._actions.later()
            options = {key: self._labels[key] for key in times}
            chosen = await dialogs.ask_choice(self._labels, self._labels["snooze"], options)
            if chosen is not None:
                await self._actions.snooze(talk_id, times[chosen])

    async def _retry(self, outbox_id: int) -> None:
        await self._actions.retry(outbox_id)

    def _line(self, item: tuple[Line, bool]) -> None:
        line, mine = item
        show_line(line, self._labels, self._retry if mine else None, self._revealed)

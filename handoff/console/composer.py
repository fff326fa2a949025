"""Where an agent writes: a reply to the customer or a private note. A draft is kept for each talk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui
from nicegui.events import GenericEventArguments

from bot.messages import File
from handoff.console.attach import Attach
from handoff.console.labels import Labels
from handoff.console.look import box, button, text
from handoff.desk import Conversation
from handoff.ownership import Owner

Reply = Callable[[str, str, File | None], Awaitable[bool]]
Note = Callable[[str, str], Awaitable[bool]]
Tell = Callable[[str], Awaitable[None]]
TELLS_EVERY_S = 3.0

# Empties the field at once (a second Enter sends nothing) and names the talk that the words were written in, so that
# they can never end up in another one. `isComposing`: Enter that ends an input method's word must not send.
_ON_ENTER = """(e) => {
  if (e.shiftKey || e.isComposing || e.keyCode === 229) return;
  e.preventDefault();
  const said = zg.said(e.target.closest('[data-talk]'));
  if (said) emit(said[0], said[1]);
}"""
_ON_KEY = "(e) => e.target.value.trim() && emit(e.target.closest('[data-talk]').dataset.talk)"
_ON_CLICK = """(e) => {
  const said = zg.said(e.target.closest('[data-talk]'));
  if (said) emit(said[0], said[1]);
}"""


class Composer:
    """The field under the thread."""

    def __init__(
        self, labels: Labels, reply: Reply, note: Note, types: Tell, take: Callable[[str], Awaitable[bool]]
    ) -> None:
        self._labels = labels
        self._reply, self._note, self._types = reply, note, types
        self._mode = "reply"
        self._talk_id = ""
        self._mine = False
        self._drafts: dict[str, str] = {}
        with box("zg-composer") as self._root:
            self._warning = text(labels["rights_warning"], "zg-rights-warning")
            with box("zg-modes"):
                self._modes = {mode: self._mode_button(mode) for mode in ("reply", "note")}
                text(labels["enter_sends"], "zg-hint")
            with box("zg-write"):
                self._attach = Attach(labels, self._root)
                self._field = ui.textarea().props("borderless dense autogrow maxlength=4000").classes("zg-field")
                self._field.on("keydown.enter", self._on_say, js_handler=_ON_ENTER)
                self._field.on("keyup", self._on_key, js_handler=_ON_KEY, throttle=TELLS_EVERY_S, trailing_events=False)
                self._send = ui.button(labels["send"], icon="send", color=None).props("flat dense no-caps")
                self._send.classes("zg-send").on("click", self._on_say, js_handler=_ON_CLICK)
            with box("zg-instead") as self._instead:
                self._state = text("", "zg-state")
                self._take = button(labels["take"], "front_hand", lambda: take(self._talk_id), "zg-button zg-primary")

    def show(self, conversation: Conversation, viewer_id: str, leads: bool) -> None:
        """Fit the field to the conversation: whose it is, and whether anything may be sent."""
        talk = conversation.talk
        if talk.id != self._talk_id:
            self._drafts[self._talk_id] = str(self._field.value or "")
            self._talk_id, self._mode = talk.id, "reply"
            self._field.value = self._drafts.pop(talk.id, "")
            self._root.props["data-talk"] = talk.id
            self._root.update()
        self._mine = talk.owner is Owner.AGENT and talk.agent_id == viewer_id
        self._state.set_text(_state(conversation, self._labels))
        held = talk.owner is Owner.AGENT
        self._take.set_text(self._labels["take_over" if held else "take"])
        self._take.set_visibility(leads or not held)
        self._warning.set_visibility(self._mine and conversation.rights is not None and conversation.rights.left == 0)
        self._fit()

    def write(self, mode: str) -> None:
        """Switch to `reply` or `note` and put the cursor into the field."""
        self._mode = mode
        self._fit()
        self._field.run_method("focus")

    def _mode_button(self, mode: str) -> ui.button:
        made = ui.button(self._labels[mode], on_click=lambda: self.write(mode), color=None)
        return made.props("flat dense no-caps").classes("zg-mode")

    def _fit(self) -> None:
        writes = self._mine or self._mode == "note"
        self._field.set_visibility(writes)
        self._send.set_visibility(writes)
        self._instead.set_visibility(not writes)
        self._attach.show(self._talk_id, self._mine and self._mode == "reply")
        self._send.set_text(self._labels["send" if self._mode == "reply" else "save_note"])
        self._field.props["placeholder"] = self._labels[f"write_{self._mode}"]
        self._field.props["aria-label"] = self._labels[self._mode]
        self._field.update()
        self._root.classes(
            add="zg-writes-note" if self._mode == "note" else "",
            remove="" if self._mode == "note" else "zg-writes-note",
        )
        for mode, made in self._modes.items():
            made.classes(add="zg-on" if mode == self._mode else "", remove="" if mode == self._mode else "zg-on")

    async def _on_say(self, event: GenericEventArguments) -> None:
        talk_id, words = (str(part) for part in event.args)
        went = await (self._say_note if self._mode == "note" else self._say)(talk_id, words)
        if not went and talk_id == self._talk_id and not self._field.value:
            self._field.value = words

    async def _say(self, talk_id: str, words: str) -> bool:
        picture = self._attach.take(talk_id)
        if not words and picture is None:
            return True  # a second Enter behind a picture
        went = await self._reply(talk_id, words, picture)
        if picture is not None and not went:
            self._attach.put_back(talk_id, picture)
        return went

    async def _say_note(self, talk_id: str, words: str) -> bool:
        went = await self._note(talk_id, words)
        if went:
            self.write("reply")
        return went

    async def _on_key(self, event: GenericEventArguments) -> None:
        if self._mine and self._mode == "reply" and event.args == self._talk_id:
            await self._types(self._talk_id)


def _state(conversation: Conversation, labels: Labels) -> str:
    talk = conversation.talk
    if talk.owner is Owner.AGENT:
        return labels["agent_answers"].format(name=talk.agent_name)
    return labels[{Owner.BOT: "bot_answers", Owner.QUEUE: "queue_waits"}.get(talk.owner, "closed_now")]

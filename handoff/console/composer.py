"""Where an agent writes: a reply to the customer or a private note. What is not sent is kept as a draft."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui
from nicegui.events import GenericEventArguments

from bot.messages import File
from handoff.canned import hole_in
from handoff.console.around import Around
from handoff.console.attach import Attach
from handoff.console.labels import Labels
from handoff.console.look import box, button, text
from handoff.desk import Conversation
from handoff.drafts import Draft
from handoff.owner import Owner
from handoff.people import Agent

Reply = Callable[[str, str, File | None, str], Awaitable[bool]]
"""Of a conversation, words, a picture and the key that the browser gave them; the same key twice says it once."""
Note = Callable[[str, str, str], Awaitable[bool]]
"""Of a conversation, words and their key, as of a reply."""
Tell = Callable[[str], Awaitable[None]]
Keep = Callable[[str, Draft], Awaitable[bool]]
Had = Callable[[Sequence[str]], Awaitable[Sequence[str]]]
"""Of keys, which of them came with words that were stored."""
TELLS_EVERY_S = 3.0

# Empties the field at once (a second Enter sends nothing) and names the talk that the words were written in, so that
# they can never end up in another one. `isComposing`: Enter that ends an input method's word must not send.
_ON_ENTER = """(e) => {
  if (e.shiftKey || e.isComposing || e.keyCode === 229) return;
  e.preventDefault();
  const said = zg.said(e.target.closest('[data-talk]'));
  if (said) emit(...said);
}"""
_ON_KEY = "(e) => e.target.value.trim() && emit(e.target.closest('[data-talk]').dataset.talk)"
_ON_CLICK = """(e) => {
  const said = zg.said(e.target.closest('[data-talk]'));
  if (said) emit(...said);
}"""


class Composer:
    """The field under the thread."""

    def __init__(
        self,
        labels: Labels,
        reply: Reply,
        note: Note,
        types: Tell,
        take: Callable[[str], Awaitable[bool]],
        keep: Keep,
        had: Had,
    ) -> None:
        self._labels = labels
        self._reply, self._note, self._types, self._keep, self._had = reply, note, types, keep, had
        self._mode = "reply"
        self._talk_id = ""
        self._mine = False
        self._put = ""
        with box("zg-composer") as self._root:
            self._warning = text(labels["rights_warning"], "zg-rights-warning")
            self._collision = text("", "zg-collision").props('role="status"')
            box("zg-unsent").props('role="status"')  # filled in the browser, see unsent.js
            ui.on("zg-unsent", self._on_unsent)
            ui.on("zg-unsent-ask", self._on_unsent_ask)
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

    def show(self, conversation: Conversation, around: Around, viewer: Agent) -> None:
        """Fit the field to the conversation: whose it is, and whether anything may be sent."""
        talk, viewer_id, leads = conversation.talk, viewer.id, viewer.leads
        if talk.id != self._talk_id:
            self._talk_id, self._mode, self._put = talk.id, around.draft.mode, ""
            self._field.value = around.draft.text
            self._root.props["data-talk"] = talk.id
            self._root.update()
        self._mine = talk.owner is Owner.AGENT and talk.agent_id == viewer_id
        self._state.set_text(_state(conversation, self._labels))
        held = talk.owner is Owner.AGENT
        self._take.set_text(self._labels["take_over" if held else "take"])
        self._take.set_visibility(leads or not held)
        names = self._labels["list_comma"].join(around.writers)
        self._collision.set_text(self._labels["writes_now"].format(name=names))
        self._collision.set_visibility(bool(around.writers))
        self._warning.set_visibility(self._mine and conversation.rights is not None and conversation.rights.left == 0)
        self._fit()

    def write(self, mode: str) -> None:
        """Switch to `reply` or `note` and put the cursor into the field."""
        self._mode = mode
        self._fit()
        self._field.run_method("focus")

    def put(self, words: str) -> None:
        """Put words into the reply, in the place of what was put in last, else behind what stands there."""
        before = str(self._field.value or "")
        kept = before.removesuffix(self._put).rstrip() if self._put else before.rstrip()
        self._put = words
        self._field.value = f"{kept}\n{words}" if kept else words
        self.write("reply")
        ui.run_javascript("zg.wrote()")

    def unsent(self) -> tuple[str, Draft]:
        """Return the talk shown and what stands in its field."""
        return self._talk_id, Draft(self._mode, str(self._field.value or ""))

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
        words = self._labels[f"write_{self._mode}"], self._labels[self._mode]
        if words != (self._field.props.get("placeholder"), self._field.props.get("aria-label")):
            self._field.props["placeholder"], self._field.props["aria-label"] = words
            self._field.update()
        if self._root.props.get("data-mode") != self._mode:
            self._root.props["data-mode"] = self._mode
            self._root.update()
        self._root.classes(
            add="zg-writes-note" if self._mode == "note" else "",
            remove="" if self._mode == "note" else "zg-writes-note",
        )
        for mode, made in self._modes.items():
            made.classes(add="zg-on" if mode == self._mode else "", remove="" if mode == self._mode else "zg-on")

    async def _on_say(self, event: GenericEventArguments) -> None:
        talk_id, words, key, seen = (str(part) for part in event.args)
        # On a slow line the page may show another mode than the one chosen last: never read to a customer what either
        # of both calls a note.
        mode = "note" if seen == "note" or (self._mode == "note" and self._talk_id == talk_id) else "reply"
        if await self._say(talk_id, mode, words, key):
            self._put = ""
            return
        kept = await self._keep(talk_id, Draft(mode, words))
        # In the browser, where nothing that is on its way can overtake it. What is kept nowhere else stays there.
        ui.run_javascript(f"zg.putBack({json.dumps([talk_id, words, key if kept else ''])})")

    async def _on_unsent(self, event: GenericEventArguments) -> None:
        """Say what an earlier page could not; what is refused stays where it is."""
        talk_id, mode, words, key = (str(part) for part in event.args)
        await self._say(talk_id, mode, words, key)

    async def _on_unsent_ask(self, event: GenericEventArguments) -> None:
        """Tell the browser which of its words were stored, although it never heard of it."""
        for key in await self._had([str(key) for key in event.args]):
            ui.run_javascript(f"zg.went({json.dumps(key)})")

    async def _say(self, talk_id: str, mode: str, words: str, key: str) -> bool:
        went = await (self._say_note(talk_id, words, key) if mode == "note" else self._say_reply(talk_id, words, key))
        if went:
            ui.run_javascript(f"zg.went({json.dumps(key)})")
        return went

    async def _say_reply(self, talk_id: str, words: str, key: str) -> bool:
        if hole := hole_in(words):
            ui.notify(self._labels["hole"].format(field=hole), type="warning", position="top")
            return False
        picture = self._attach.take(talk_id)
        if not words and picture is None:
            return True  # a second Enter behind a picture
        went = await self._reply(talk_id, words, picture, key)
        if picture is not None and not went:
            self._attach.put_back(talk_id, picture)
        return went

    async def _say_note(self, talk_id: str, words: str, key: str) -> bool:
        went = await self._note(talk_id, words, key)
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

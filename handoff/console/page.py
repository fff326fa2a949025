"""The page: three panes over one state, redrawn when something changes, wherever it changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import structlog
from nicegui import background_tasks, ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import NotAllowed
from handoff import desk, talks
from handoff.console.actions import Actions
from handoff.console.dead_card import DeadActions
from handoff.console.dialogs import show_help
from handoff.console.labels import LABELS
from handoff.console.list_pane import ListPane
from handoff.console.look import box, button, dress, icon_button, text
from handoff.console.session import PATH, Session, Wiring
from handoff.console.side_bar import SideBar
from handoff.console.thread_pane import ThreadPane
from handoff.console.view import Ask, View, read_view
from handoff.people import Agent
from handoff.pulse import pulse
from handoff.talks import Talk

log = structlog.get_logger()
LOOK_EVERY_S = 1.0
LEAST_PAUSE_S = 0.1
LINES = 100


class Page:
    """One open browser tab of one agent."""

    def __init__(self, wiring: Wiring, session: Session, viewer: Agent, language: str, dark: bool | None) -> None:
        self._wiring = wiring
        self._session = session
        self._language = language
        self._labels = LABELS[language]
        self._client = ui.context.client
        self._tab, self._filter = "waiting", "all"
        self._steps: Sequence[str] = ()
        self._selected: str | None = None
        self._limit = LINES
        self._pulse: tuple[object, ...] = ()
        self._redraw = asyncio.Lock()
        dress(wiring.clock.now(), self._labels)
        self._dark = ui.dark_mode(dark)
        self._build(viewer)

    async def open(self, conversation_id: str | None) -> None:
        """Show the first view and begin to watch for changes."""
        self._selected = conversation_id
        mine, _ = await self._session.read(lambda c, agent: talks.counts(c, agent.id))
        self._tab = "mine" if mine else "waiting"
        await self.refresh()
        self._client.on_connect(self.refresh)
        background_tasks.create(self._watch(), name="console watch")

    async def refresh(self) -> None:
        """Read everything again and redraw what differs. Sends the agent to the login when the session has ended."""
        async with self._redraw:
            with self._client:
                try:
                    await self._draw(await self._session.read(self._read))
                except NotAllowed:
                    ui.navigate.to(f"{PATH}/login")

    async def _watch(self) -> None:
        changes = self._wiring.changes
        seen = changes.count
        while not self._client.is_deleted:
            seen = await changes.wait(seen, LOOK_EVERY_S)
            try:
                if await self._changed():
                    await self.refresh()
            except NotAllowed:
                with self._client:
                    ui.navigate.to(f"{PATH}/login")
                return
            except SQLAlchemyError as error:  # a database that is away for a moment must not leave the page stale
                log.warning("console.cannot_look", error=type(error).__name__)
            await asyncio.sleep(LEAST_PAUSE_S)

    async def _changed(self) -> bool:
        if self._wiring.faults() != self._faults_shown:
            return True
        selected = self._selected
        return await self._session.read(lambda c, _: pulse(c, selected)) != self._pulse

    def _read(self, connection: Connection, agent: Agent) -> View:
        selected = self._selected
        self._pulse = pulse(connection, selected)
        view = read_view(connection, agent, Ask(self._tab, self._filter, selected, self._limit), self._wiring)
        if view.conversation is None and self._selected == selected:  # else the agent chose another one meanwhile
            self._selected = None
        return view

    async def _draw(self, view: View) -> None:
        if self._client.is_deleted:
            return
        self._steps = view.steps
        self._list.show(view)
        if view.conversation is None:
            self._thread.hide()
            self._side.hide()
        else:
            self._thread.show(view.conversation, view.viewer, view.colleagues, self._limit)
            self._side.show(view.conversation)
            await self._mark_seen(view.conversation.talk, view.viewer)
        self._show_faults(self._wiring.faults())
        now_ms = self._wiring.clock.now().timestamp() * 1000
        unread = view.counts["waiting"] + sum(
            1 for talk in view.talks if talk.unread and talk.agent_id == view.viewer.id
        )
        ui.run_javascript(f"zg.fresh({now_ms:.0f}, {unread})")

    async def _mark_seen(self, talk: Talk, viewer: Agent) -> None:
        if talk.unread and talk.agent_id in (None, viewer.id):
            now = self._wiring.clock.now()
            await self._session.act(lambda c, agent: desk.mark_seen(c, talk.id, agent.id, now))

    # --- what the agent does to the page ---------------------------------------------------------------------------
    async def _select(self, conversation_id: str) -> None:
        self._selected, self._limit = conversation_id, LINES
        self._pane("thread")
        ui.run_javascript(f"zg.address({json.dumps(conversation_id)})")
        await self.refresh()

    async def _show_tab(self, tab: str) -> None:
        self._tab = tab
        await self.refresh()

    async def _show_filter(self, name: str) -> None:
        self._filter = name
        await self.refresh()

    async def _step(self, by: int) -> None:
        if ids := self._steps:
            here = ids.index(self._selected) if self._selected in ids else (-1 if by > 0 else 0)
            await self._select(ids[(here + by) % len(ids)])

    async def _earlier(self) -> None:
        self._limit += LINES
        await self.refresh()

    async def _key(self, event: GenericEventArguments) -> None:
        match event.args:
            case "KeyJ":
                await self._step(1)
            case "KeyK":
                await self._step(-1)
            case "KeyT":
                await self._thread.take()
            case "KeyE":
                await self._thread.close()
            case "KeyP":
                self._thread.write("note")
            case "KeyL":
                self._thread.write("reply")
            case "help":
                show_help(self._labels)

    async def _log_out(self) -> None:
        await self._session.end()
        ui.navigate.to(f"{PATH}/login")

    def _switch_language(self) -> None:
        other = "en" if self._language == "zh" else "zh"
        ui.run_javascript(f"zg.keep('zg_lang', '{other}'); location.reload()")

    def _switch_dark(self) -> None:
        ui.run_javascript("zg.dark()")

    def _pane(self, name: str) -> None:
        self._root.props(f'data-pane="{name}"')

    # --- how it is laid out ----------------------------------------------------------------------------------------
    def _build(self, viewer: Agent) -> None:
        ui.on("zg-key", self._key)
        actions = Actions(self._session, self._wiring, self._labels, self.refresh, lambda: self._show_tab("mine"))
        with box("zg-root") as self._root:
            self._faults = box("zg-faults").props('role="alert"')
            self._faults_shown: list[str] = []
            self._faults.set_visibility(False)
            with box("zg-panes"):
                with box("zg-list", "nav"):
                    self._bar(viewer)
                    dead = DeadActions(self._select, actions.handle_dead, actions.retry_dead)
                    self._list = ListPane(
                        self._labels, self._show_tab, self._show_filter, self._select, actions.finish_task, dead
                    )
                with box("zg-thread", "main"):
                    self._thread = ThreadPane(
                        self._labels,
                        actions,
                        self._earlier,
                        lambda: self._pane("list"),
                        lambda: self._pane("side"),
                    )
                with box("zg-side", "aside"):
                    self._side = SideBar(self._labels, self._language, lambda: self._pane("thread"))
        self._pane("thread" if self._selected else "list")

    def _bar(self, viewer: Agent) -> None:
        labels = self._labels
        with box("zg-bar"):
            text("掌", "zg-logo")
            text(viewer.name, "zg-me")
            icon_button(labels["dark"], "contrast", self._switch_dark)
            button(labels["switch"], "translate", self._switch_language, "zg-button zg-switch")
            icon_button(labels["help"], "keyboard", lambda: show_help(labels))
            icon_button(labels["logout"], "logout", self._log_out)

    def _show_faults(self, faults: list[str]) -> None:
        if faults == self._faults_shown:
            return
        self._faults_shown = list(faults)
        self._faults.clear()
        self._faults.set_visibility(bool(faults))
        with self._faults:
            ui.icon("warning_amber")
            text(self._labels["faults"].format(count=len(faults)))
            more: Element
            button(self._labels["show"], "expand_more", lambda: more.set_visibility(not more.visible))
            with box("zg-faults-all") as more:
                for fault in faults:
                    text(fault)
            more.set_visibility(False)

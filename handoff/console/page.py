"""The page: three panes over one state, redrawn when something changes, wherever it changed."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from nicegui import background_tasks, ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import NotAllowed
from bot.knowledge.entries import CannedReply
from handoff import desk, talks
from handoff.console.actions import Actions
from handoff.console.ask import Ask
from handoff.console.dead_card import DeadActions
from handoff.console.dialogs import show_help
from handoff.console.hidden import Revealed
from handoff.console.labels import LABELS
from handoff.console.list_pane import TABS, ListPane
from handoff.console.look import box, button, dress, text
from handoff.console.reading import Found, Reader, Wish
from handoff.console.search_pane import SearchPane
from handoff.console.session import Session, Wiring
from handoff.console.shortcuts import Does, Shortcuts
from handoff.console.side_bar import SideActions, SideBar
from handoff.console.thread_pane import ThreadPane
from handoff.console.top_bar import BarActions, Taste, TopBar
from handoff.console.view import View
from handoff.drafts import WRITES_FOR, Draft
from handoff.lookout import Watch
from handoff.people import Agent
from handoff.presence import BEAT_EVERY
from handoff.search import search
from handoff.talks import Talk

log = structlog.get_logger()
LOOK_EVERY_S = 1.0
LEAST_PAUSE_S = 0.1
PAUSE_OF_ALL_S = 0.5
"""In the tab of all conversations, where every message of the shop is a change."""
TELLS_EVERY = timedelta(seconds=10)
"""How often the browser is told what the time is here."""
LINES = 100


class Page:
    """One open browser tab of one agent."""

    def __init__(self, wiring: Wiring, reader: Reader, session: Session, viewer: Agent, taste: Taste) -> None:
        self._wiring = wiring
        self._reader = reader
        self._session = session
        self._labels = LABELS[taste.language]
        self._client = ui.context.client
        self._tab, self._filter = "waiting", "all"
        self._steps: Sequence[str] = ()
        self._elsewhere: Sequence[str] = ()
        self._shown_pane = "list"
        self._selected: str | None = None
        self._beside: str | None = None
        self._replies: object = None
        self._heard: dict[str, datetime] | None = None
        self._limit = LINES
        self._watching = Watch(viewer.id, token=session.token)
        self._view: View | None = None
        self._fades_at, self._beaten_at = math.inf, -math.inf
        self._unread_told, self._told_at = -1, wiring.clock.now()
        self._redraw = asyncio.Lock()
        dress(wiring.clock.now(), self._labels, viewer.id)
        self._dark = ui.dark_mode(taste.dark)
        self._build(viewer, taste)

    async def open(self, conversation_id: str | None) -> None:
        """Show the first view and begin to watch for changes."""
        self._selected = conversation_id
        mine = await self._session.read(lambda c, agent: talks.counts(c, [agent.id]))
        self._tab = "mine" if any(mine.values()) else "waiting"
        await self.refresh()
        self._pane("thread" if self._selected else "list")
        self._client.on_connect(self.refresh)
        self._wiring.lookout.add(self._watching)
        background_tasks.create(self._watch(), name="console watch")

    async def refresh(self) -> None:
        """Read everything again and redraw what differs. Sends the agent to the login when the session has ended."""
        await self._refresh()

    async def _refresh(self, *, only_changed: bool = False) -> None:
        async with self._redraw:
            looks, changed = self._wiring.lookout.looks, self._watching.reads()
            with self._client:
                try:
                    found = await self._reader.read(self._wish_again(changed) if only_changed else self._wish())
                except NotAllowed:
                    ui.navigate.to("/login")
                    return
                except SQLAlchemyError as error:  # a database that is away for a moment must not leave the page stale
                    log.warning("console.cannot_look", error=type(error).__name__)
                    self._watching.outdate(None)
                    return
                self._now_watching(found, looks)
                await self._draw(found.view)

    def _now_watching(self, found: Found, looks: int) -> None:
        """Be woken by what concerns this view; `looks` had been made before it was read."""
        watch, view, selected = self._watching, found.view, found.view.ask.selected
        if view.conversation is None and self._selected == selected:  # else the agent chose another one meanwhile
            self._selected = selected = None
        watch.tab, watch.selected, watch.state, watch.told = view.ask.tab, selected, found.state, found.totals
        watch.shown = frozenset((*view.steps, *([selected] if selected else [])))
        self._wiring.lookout.missed(watch, looks)

    async def _watch(self) -> None:
        watch, wake = self._watching, self._watching.wake
        seen = wake.count
        time = asyncio.get_running_loop().time
        try:
            while not self._client.is_deleted:
                seen = await wake.wait(seen, LOOK_EVERY_S)
                await self._beat(time())
                if self._wiring.faults() != self._faults_shown or time() > self._fades_at:
                    await self.refresh()
                elif watch.stale:  # the customer's orders, for instance, are read with every beat
                    await self._refresh(only_changed=True)
                elif watch.totals != watch.told:
                    self._show_totals()
                elif watch.moved:  # whose session has ended must not go on reading
                    await self._check()
                await asyncio.sleep(PAUSE_OF_ALL_S if self._tab == "all" else LEAST_PAUSE_S)
        except NotAllowed:
            with self._client:
                ui.navigate.to("/login")
        finally:
            self._wiring.lookout.remove(watch)

    async def _beat(self, now_s: float) -> None:
        """Tell the queue from time to time that this page is open."""
        if self._client.has_socket_connection and now_s > self._beaten_at + BEAT_EVERY.total_seconds():
            opens, self._beaten_at = self._beaten_at == -math.inf, now_s
            await self._actions.beat(opens=opens)
            await self.refresh()

    async def _check(self) -> None:
        self._watching.moved = False
        try:
            await self._session.read(lambda *_: None)
        except SQLAlchemyError as error:  # a database that is away for a moment ends no session
            self._watching.moved = True
            log.warning("console.cannot_look", error=type(error).__name__)

    def _show_totals(self) -> None:
        """Show how many wait, without reading anything."""
        totals = self._watching.totals
        if self._view is None or totals is None:
            return
        self._watching.told = totals
        self._view = replace(self._view, counts=self._view.counts | {"waiting": totals.waiting})
        with self._client:
            self._list.show(self._view)
            self._run(self._tells(self._view))

    def _wish(self) -> Wish:
        ask = Ask(self._tab, self._filter, self._selected, self._limit, self._beside)
        return Wish(self._session, ask)

    def _wish_again(self, changed: frozenset[str] | None) -> Wish:
        """Wish for what differs from what is shown."""
        wish, shown = self._wish(), self._view
        if shown is None or shown.ask != wish.ask or shown.ask.beside:
            return wish
        return replace(wish, kept=shown, state=self._watching.state, changed=changed)

    async def _draw(self, view: View) -> None:
        if self._client.is_deleted:
            return
        before, self._view, self._steps = self._view, view, view.steps
        self._list.show(view)
        self._bar.show(view.status)
        if before is None or view.around is None or view.around is not before.around:  # else it was kept
            await self._draw_talk(view)
        self._show_faults(self._wiring.faults())
        self._run([*self._says(view), *self._tells(view)])

    async def _draw_talk(self, view: View) -> None:
        """Draw the open conversation and what stands around it."""
        around = view.around
        self._elsewhere = [talk.id for talk in around.past.elsewhere] if around else []
        somebody_writes = around is not None and (around.writers or around.is_customer_typing)
        now_s = asyncio.get_running_loop().time()
        self._fades_at = now_s + WRITES_FOR.total_seconds() if somebody_writes else math.inf
        if view.conversation is None or around is None:
            self._thread.hide()
            self._side.hide()
            return
        self._thread.show(view.conversation, around, view.viewer, view.has_colleagues, self._limit)
        self._side.show(view.conversation, around, self._thread.is_mine)
        self._show_replies(around.replies)
        await self._mark_seen(view.conversation.talk, view.viewer)

    @staticmethod
    def _run(scripts: Sequence[str]) -> None:
        """Run all in one message to the browser."""
        if scripts:
            ui.run_javascript(";".join(scripts))

    def _tells(self, view: View) -> list[str]:
        """Tell the clock of this machine and how much is unread, once a change and now and then."""
        now = self._wiring.clock.now()
        unread = view.counts["waiting"] + sum(
            1 for talk in view.talks if talk.unread and talk.agent_id == view.viewer.id
        )
        if unread != self._unread_told or now > self._told_at + TELLS_EVERY:
            self._unread_told, self._told_at = unread, now
            return [f"zg.fresh({now.timestamp() * 1000:.0f}, {unread})"]
        return []

    def _show_replies(self, replies: Sequence[CannedReply]) -> None:
        """Hand the canned replies to the browser, where `/` finds them."""
        if replies != self._replies:
            self._replies = replies
            ui.run_javascript(f"zg.replies({json.dumps([[one.shortcut, one.text] for one in replies])})")

    def _says(self, view: View) -> list[str]:
        """Let a screen reader say what a customer just wrote, wherever the agent is on the page."""
        said = {t.id: t for t in view.talks if t.unread and t.last_by == "customer"}
        shown = view.conversation.talk if view.conversation else None
        if shown is not None and shown.last_by == "customer":
            said[shown.id] = shown
        before, self._heard = self._heard, {key: talk.last_at for key, talk in said.items()}
        new = [talk for key, talk in said.items() if before is not None and before.get(key) != talk.last_at]
        words = (self._labels["says"].format(name=talk.name, text=talk.last_text) for talk in new)
        return [f"zg.say({json.dumps(said)})" for said in words]

    async def _mark_seen(self, talk: Talk, viewer: Agent) -> None:
        if talk.unread and talk.agent_id in (None, viewer.id):
            now = self._wiring.clock.now()
            await self._session.act(lambda c, agent: desk.mark_seen(c, talk.id, agent.id, now), by_hand=False)

    # --- what the agent does to the page ---------------------------------------------------------------------------
    async def _select(self, conversation_id: str) -> None:
        if conversation_id != self._selected:
            await self._thread.leave()
            self._beside = None
            self._revealed.forget()
        self._selected, self._limit = conversation_id, LINES
        self._pane("thread")
        ui.run_javascript(f"zg.address({json.dumps(conversation_id)})")
        await self.refresh()
        with suppress(NotAllowed, SQLAlchemyError):  # which the refresh has told; who only reads is not idle either
            await self._session.act(lambda *_: None, wake=False)

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

    async def _show_beside(self, conversation_id: str | None) -> None:
        self._beside = conversation_id
        if conversation_id is not None:
            self._pane("thread")
        await self.refresh()

    async def _search(self, words: str) -> None:
        found = await self._session.read(lambda c, agent: search(c, agent, words)) if words.strip() else ()
        self._list.hide(bool(words.strip()))
        self._found.show(found)

    async def _open_found(self, conversation_id: str) -> None:
        await self._select(conversation_id)

    async def _draft(self, event: GenericEventArguments) -> None:
        talk_id, mode, words = (str(part) for part in event.args)
        if mode in ("reply", "note"):
            await self._actions.keep_draft(talk_id, Draft(mode, words))

    async def _log_out(self) -> None:
        await self._session.end()
        ui.navigate.to("/login")

    def _pane(self, name: str) -> None:
        self._shown_pane = name
        self._root.props(f'data-pane="{name}"')

    # --- how it is laid out ----------------------------------------------------------------------------------------
    def _build(self, viewer: Agent, taste: Taste) -> None:
        labels = self._labels
        ui.on("zg-draft", self._draft)
        actions = Actions(self._session, self._wiring, labels, self.refresh, lambda: self._show_tab("mine"))
        self._actions, self._revealed = actions, Revealed(actions.reveal)
        with box("zg-root") as self._root:
            text(labels["title"], "zg-hidden").props('role="heading" aria-level="1"')
            box("zg-live").props('role="status" aria-live="polite"')
            self._faults = box("zg-faults").props('role="alert"')
            self._faults_shown: list[str] = []
            self._faults.set_visibility(False)
            with box("zg-panes"):
                with box("zg-list", "nav") as nav:
                    nav.props["aria-label"] = labels["talks"]
                    self._bar = TopBar(labels, viewer, taste, BarActions(actions.set_status, self._log_out))
                    self._found = SearchPane(labels, self._search, self._open_found)
                    dead = DeadActions(self._select, actions.handle_dead, actions.retry_dead)
                    self._list = ListPane(
                        labels,
                        self._show_tab,
                        self._show_filter,
                        self._select,
                        actions.finish_task,
                        dead,
                        self._revealed,
                    )
                    self._found.build_found()
                with box("zg-thread", "section") as thread:
                    thread.props["aria-label"] = labels["messages"]
                    self._thread = ThreadPane(
                        labels,
                        actions,
                        self._revealed,
                        self._earlier,
                        lambda: self._pane("list"),
                        lambda: self._pane("side"),
                        self._show_beside,
                    )
                with box("zg-side", "aside") as aside:
                    aside.props["aria-label"] = labels["details"]
                    does = SideActions(lambda: self._pane("thread"), self._revealed, self._put, self._show_beside)
                    self._side = SideBar(labels, taste.language, does)
        ui.on("zg-key", Shortcuts(self._does()).press)

    def _does(self) -> Mapping[str, Does]:
        """Return what each key of the map does here."""
        thread = self._thread
        return {
            "next": lambda: self._step(1),
            "previous": lambda: self._step(-1),
            "tab": lambda: self._show_tab(TABS[(TABS.index(self._tab) + 1) % len(TABS)]),
            "take": thread.take,
            "reply": lambda: thread.write("reply"),
            "note": lambda: thread.write("note"),
            "suggest": thread.suggest,
            "transfer": thread.transfer,
            "give_back": thread.give_back,
            "close": thread.close,
            "close_next": self._close_and_next,
            "retry": thread.retry,
            "side": lambda: self._pane("thread" if self._shown_pane == "side" else "side"),
            "beside": self._next_beside,
            "snooze": thread.snooze,
            "status": self._bar.switch_status,
            "sound": self._bar.switch_sound,
            "list": lambda: self._pane("list"),
            "help": lambda: show_help(self._labels),
            "escape": self._escape,
        }

    async def _close_and_next(self) -> None:
        steps, here = list(self._steps), self._selected
        if await self._thread.close() and here in steps:
            after = [key for key in (*steps[steps.index(here) + 1 :], *steps) if key != here]
            if after:
                await self._select(after[0])

    async def _next_beside(self) -> None:
        """Open the next of the person's other conversations beside; after the last, none."""
        ids: list[str | None] = [*self._elsewhere, None]
        here = ids.index(self._beside) if self._beside in ids else -1
        await self._show_beside(ids[(here + 1) % len(ids)])

    async def _escape(self) -> None:
        if self._found.is_open:
            self._found.clear()
        elif self._shown_pane == "side":
            self._pane("thread")
        elif self._beside is not None:
            await self._show_beside(None)

    def _put(self, words: str) -> None:
        self._pane("thread")
        self._thread.put(words)

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

"""The left pane: tabs, and the talks or tasks of the chosen one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nicegui import ui
from nicegui.element import Element

from handoff.console.dead_card import DeadActions, DeadCard, show_dead
from handoff.console.keyed import Keyed
from handoff.console.labels import Labels
from handoff.console.look import box, channel_name, chip, since, text
from handoff.console.task_card import OnDone, TaskCard, show_task
from handoff.console.view import View
from handoff.ownership import Owner
from handoff.talks import Talk

TABS = ("mine", "waiting", "all", "tasks")
FILTERS = ("all", "mine", "dead")
"""Of the tab of tasks; the last for leads only."""


@dataclass(frozen=True, slots=True)
class _Card:
    talk: Talk
    selected: bool
    viewer_id: str


Card = _Card | TaskCard | DeadCard


class ListPane:
    """Shows talks, tasks or dead letters as cards; tells when one, another tab or filter is chosen."""

    def __init__(
        self,
        labels: Labels,
        on_tab: Callable[[str], Awaitable[None]],
        on_filter: Callable[[str], Awaitable[None]],
        on_select: Callable[[str], Awaitable[None]],
        on_done: OnDone,
        on_dead: DeadActions,
    ) -> None:
        self._labels = labels
        self._on_select = on_select
        self._on_done = on_done
        self._on_dead = on_dead
        with box("zg-tabs").props('role="tablist"'):
            self._tabs = {name: self._tab(name, on_tab) for name in TABS}
        with box("zg-filters").props('role="group"') as self._filter_row:
            self._filters = {name: self._filter(name, on_filter) for name in FILTERS}
        with box("zg-cards").props('role="list"') as scroll:
            self._empty = text("", "zg-empty")
            with box("zg-cards-in") as container:
                self._cards: Keyed[Card] = Keyed(container, self._card)
        scroll.props["aria-label"] = labels["all"]

    def show(self, view: View) -> None:
        """Show what is in the chosen tab and, in the tabs, how many there are."""
        tab, counts = view.ask.tab, view.counts
        for name, (button, badge) in self._tabs.items():
            button.classes(add="zg-on" if name == tab else "", remove="" if name == tab else "zg-on")
            button.props(f"aria-selected={'true' if name == tab else 'false'}")
            badge.set_text(str(counts[name]) if counts.get(name) else "")
            badge.set_visibility(bool(counts.get(name)))
        self._show_filters(view)
        cards = _cards(view)
        self._cards.show(cards)
        self._empty.set_text(self._labels[_nothing(view)])
        self._empty.set_visibility(not cards)

    def _show_filters(self, view: View) -> None:
        self._filter_row.set_visibility(view.ask.tab == "tasks")
        for name, (made, words) in self._filters.items():
            on = name == view.ask.filter
            made.classes(add="zg-on" if on else "", remove="" if on else "zg-on")
            made.props(f"aria-pressed={'true' if on else 'false'}")
            made.set_visibility(name != "dead" or view.viewer.leads)
            many = view.counts.get("dead") if name == "dead" else 0
            words.set_text(f"{self._labels[f'filter_{name}']} {many}" if many else self._labels[f"filter_{name}"])

    def _filter(self, name: str, on_filter: Callable[[str], Awaitable[None]]) -> tuple[Element, ui.label]:
        with box("zg-filter", "button").props('type="button"').on("click", lambda: on_filter(name)) as made:
            words = text("")
        return made, words

    def _tab(self, name: str, on_tab: Callable[[str], Awaitable[None]]) -> tuple[Element, ui.label]:
        with box("zg-tab", "button").props('role="tab" type="button"').on("click", lambda: on_tab(name)) as made:
            text(self._labels[name])
            badge = text("", "zg-count")
        return made, badge

    def _card(self, card: Card) -> None:
        match card:
            case TaskCard():
                show_task(card, self._labels, self._on_select, self._on_done)
            case DeadCard():
                show_dead(card, self._labels, self._on_dead)
            case _Card():
                self._talk(card)

    def _talk(self, card: _Card) -> None:
        talk = card.talk
        classes = "zg-card zg-on" if card.selected else "zg-card"
        made = box(classes, "button").props('type="button"').on("click", lambda: self._on_select(talk.id))
        made.props["data-talk"] = talk.id
        with made:
            text(talk.name[:1].upper() or "?", f"zg-face zg-{talk.channel.partition(':')[0]}")
            with box("zg-card-body"):
                with box("zg-card-top"):
                    text(talk.name, "zg-name")
                    since(talk.waiting_since or talk.last_at, "zg-waits" if talk.waiting_since else "")
                with box("zg-card-mid"):
                    text(self._who(talk) + self._said(talk), "zg-last")
                    if talk.unread:
                        text(str(talk.unread), "zg-unread")
                with box("zg-card-low"):
                    self._chips(card)

    def _who(self, talk: Talk) -> str:
        if talk.last_by == "customer":
            return ""
        return {"agent": "↩ ", "campaign": "◇ "}.get(talk.last_by, self._labels["bot"] + ": ")

    def _said(self, talk: Talk) -> str:
        if talk.last_text or not talk.last_event:
            return talk.last_text
        return f"({self._labels.get(f'event_{talk.last_event}', talk.last_event)})"

    def _chips(self, card: _Card) -> None:
        talk, labels = card.talk, self._labels
        chip(channel_name(talk.channel))
        if talk.group:
            chip(labels["group"])
        if talk.priority > 0:
            chip("↑", "zg-warn")
        chip(owner_words(talk, card.viewer_id, labels), f"zg-owner-{talk.owner.value}")
        if talk.failed:
            chip(labels["status_failed"], "zg-bad")


def _cards(view: View) -> list[tuple[str, Card]]:
    selected, viewer_id = view.ask.selected, view.viewer.id
    return [
        *((talk.id, _Card(talk, talk.id == selected, viewer_id)) for talk in view.talks),
        *(
            (f"task:{task.id}", TaskCard(task, _is(task.conversation_id, selected), task.agent_id == viewer_id))
            for task in view.tasks
        ),
        *((f"dead:{one.id}", DeadCard(one, _is(one.conversation_id, selected))) for one in view.dead),
    ]


def _is(conversation_id: str | None, selected: str | None) -> bool:
    return selected is not None and conversation_id == selected


def _nothing(view: View) -> str:
    by_filter = {"mine": "none_mine_tasks", "dead": "none_dead"}
    return by_filter.get(view.ask.filter, "none_tasks") if view.ask.tab == "tasks" else f"none_{view.ask.tab}"


def owner_words(talk: Talk, viewer_id: str, labels: Labels) -> str:
    """Return who has a talk, as the viewer would say it."""
    if talk.owner is Owner.AGENT:
        mine = talk.agent_id == viewer_id
        return labels["owner_me"] if mine else labels["owner_agent"].format(name=talk.agent_name)
    return labels[f"owner_{talk.owner.value}"]

"""The left pane: tabs, and the talks or tasks of the chosen one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from nicegui import ui
from nicegui.element import Element

from handoff.console.keyed import Keyed
from handoff.console.labels import Labels
from handoff.console.look import box, channel_name, chip, since, text
from handoff.console.task_card import OnDone, TaskCard, show_task
from handoff.desk import Talk
from handoff.ownership import Owner
from handoff.tasks import Task

TABS = ("mine", "waiting", "all", "tasks")


@dataclass(frozen=True, slots=True)
class _Card:
    talk: Talk
    selected: bool
    viewer_id: str


class ListPane:
    """Shows talks or tasks as cards; tells when one, or another tab, is chosen."""

    def __init__(
        self,
        labels: Labels,
        on_tab: Callable[[str], Awaitable[None]],
        on_select: Callable[[str], Awaitable[None]],
        on_done: OnDone,
    ) -> None:
        self._labels = labels
        self._on_select = on_select
        self._on_done = on_done
        with box("zg-tabs").props('role="tablist"'):
            self._tabs = {name: self._tab(name, on_tab) for name in TABS}
        with box("zg-cards").props('role="list"') as scroll:
            self._empty = text("", "zg-empty")
            with box("zg-cards-in") as container:
                self._cards: Keyed[_Card | TaskCard] = Keyed(container, self._card)
        scroll.props["aria-label"] = labels["all"]

    def show(
        self,
        tab: str,
        talks: Sequence[Talk],
        tasks: Sequence[Task],
        selected: str | None,
        viewer_id: str,
        counts: dict[str, int],
    ) -> None:
        """Show the talks and tasks of a tab and, in the tabs, how many there are."""
        for name, (button, badge) in self._tabs.items():
            button.classes(add="zg-on" if name == tab else "", remove="" if name == tab else "zg-on")
            button.props(f"aria-selected={'true' if name == tab else 'false'}")
            badge.set_text(str(counts[name]) if counts.get(name) else "")
            badge.set_visibility(bool(counts.get(name)))
        cards: list[tuple[str, _Card | TaskCard]] = [
            *((talk.id, _Card(talk, talk.id == selected, viewer_id)) for talk in talks),
            *((f"task:{task.id}", _task_card(task, selected)) for task in tasks),
        ]
        self._cards.show(cards)
        self._empty.set_text(self._labels[f"none_{tab}"])
        self._empty.set_visibility(not cards)

    def _tab(self, name: str, on_tab: Callable[[str], Awaitable[None]]) -> tuple[Element, ui.label]:
        with box("zg-tab", "button").props('role="tab" type="button"').on("click", lambda: on_tab(name)) as made:
            text(self._labels[name])
            badge = text("", "zg-count")
        return made, badge

    def _card(self, card: _Card | TaskCard) -> None:
        if isinstance(card, TaskCard):
            show_task(card, self._labels, self._on_select, self._on_done)
        else:
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
                    text(self._who(talk) + talk.last_text, "zg-last")
                    if talk.unread:
                        text(str(talk.unread), "zg-unread")
                with box("zg-card-low"):
                    self._chips(card)

    def _who(self, talk: Talk) -> str:
        if talk.last_by == "customer":
            return ""
        return {"agent": "↩ ", "campaign": "◇ "}.get(talk.last_by, self._labels["bot"] + ": ")

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


def _task_card(task: Task, selected: str | None) -> TaskCard:
    return TaskCard(task, selected is not None and task.conversation_id == selected)


def owner_words(talk: Talk, viewer_id: str, labels: Labels) -> str:
    """Return who has a talk, as the viewer would say it."""
    if talk.owner is Owner.AGENT:
        mine = talk.agent_id == viewer_id
        return labels["owner_me"] if mine else labels["owner_agent"].format(name=talk.agent_name)
    return labels[f"owner_{talk.owner.value}"]

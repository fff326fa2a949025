"""The left pane: tabs, and the talks or tasks of the chosen one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui
from nicegui.element import Element

from bot.delivery.clocks import Kind
from handoff.console.dead_card import DeadActions, DeadCard, show_dead
from handoff.console.hidden import Revealed
from handoff.console.keyed import Change, Keyed
from handoff.console.labels import Labels
from handoff.console.look import box, text
from handoff.console.talk_card import Card, TalkCard
from handoff.console.task_card import OnDone, TaskCard, show_task
from handoff.console.view import View
from handoff.ends import End
from handoff.talks import Talk

TABS = ("mine", "waiting", "all", "tasks")
FILTERS = ("all", "mine", "dead")
"""Of the tab of tasks; the last for leads only."""


AnyCard = Card | TaskCard | DeadCard


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
        revealed: Revealed,
    ) -> None:
        self._labels = labels
        self._on_select = on_select
        self._on_done = on_done
        self._on_dead = on_dead
        self._revealed = revealed
        self._head: object = None
        with box("zg-tabs").props('role="tablist"'):
            self._tabs = {name: self._tab(name, on_tab) for name in TABS}
        with box("zg-filters").props('role="group"') as self._filter_row:
            self._filters = {name: self._filter(name, on_filter) for name in FILTERS}
        with box("zg-cards").props('tabindex="0" role="region"') as self._root:
            self._root.props["aria-label"] = labels["talks"]
            self._empty = text("", "zg-empty")
            with box("zg-cards-in") as container:
                self._cards: Keyed[AnyCard] = Keyed(container, self._card)

    def hide(self, hidden: bool) -> None:
        """Make room for what was found, or come back."""
        self._root.set_visibility(not hidden)

    def show(self, view: View) -> None:
        """Show what is in the chosen tab and, in the tabs, how many there are."""
        head = view.ask.tab, view.ask.filter, view.counts, view.viewer.leads
        if head != self._head:
            self._head = head
            self._show_tabs(view)
            self._show_filters(view)
        cards = _cards(view)
        self._cards.show(cards)
        self._empty.set_text(self._labels[_nothing(view)])
        self._empty.set_visibility(not cards)

    def _show_tabs(self, view: View) -> None:
        tab, counts = view.ask.tab, view.counts
        for name, (button, badge) in self._tabs.items():
            button.classes(add="zg-on" if name == tab else "", remove="" if name == tab else "zg-on")
            button.props(f"aria-selected={'true' if name == tab else 'false'}")
            badge.set_text(str(counts[name]) if counts.get(name) else "")
            badge.set_visibility(bool(counts.get(name)))

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

    def _card(self, card: AnyCard) -> Change[AnyCard] | None:
        match card:
            case TaskCard():
                show_task(card, self._labels, self._on_select, self._on_done, self._revealed)
            case DeadCard():
                show_dead(card, self._labels, self._on_dead)
            case Card():
                made = TalkCard(card, self._labels, self._on_select)
                return lambda other: isinstance(other, Card) and made.show(other)
        return None


def _cards(view: View) -> list[tuple[str, AnyCard]]:
    selected, viewer_id = view.ask.selected, view.viewer.id
    return [
        *((talk.id, _card_of(talk, view)) for talk in view.talks),
        *(
            (f"task:{task.id}", TaskCard(task, _is(task.conversation_id, selected), task.agent_id == viewer_id))
            for task in view.tasks
        ),
        *((f"dead:{one.id}", DeadCard(one, _is(one.conversation_id, selected))) for one in view.dead),
    ]


def _card_of(talk: Talk, view: View) -> Card:
    selected, window = talk.id == view.ask.selected, view.windows.get(talk.id)
    return Card(talk, selected, view.viewer.id, window, _nearest(view.ends.get(talk.id, ())))


def _nearest(ends: Sequence[End]) -> End | None:
    return next((end for end in ends if end.kind != Kind.RESOLUTION.value), None)


def _is(conversation_id: str | None, selected: str | None) -> bool:
    return selected is not None and conversation_id == selected


def _nothing(view: View) -> str:
    by_filter = {"mine": "none_mine_tasks", "dead": "none_dead"}
    return by_filter.get(view.ask.filter, "none_tasks") if view.ask.tab == "tasks" else f"none_{view.ask.tab}"

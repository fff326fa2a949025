"""The left panes of several pages, read in one transaction: what they share is read once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from handoff import access, dead, presence, talks
from handoff import tasks as todo
from handoff.console.ask import Ask
from handoff.dead import DeadLetter
from handoff.ends import End, Terms, ends_of
from handoff.owner import Owner
from handoff.people import Agent
from handoff.pulse import Totals
from handoff.rights import Window, windows_of
from handoff.talks import Talk
from handoff.tasks import Task

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lists:
    """What one page lists. Attributes as in `handoff.console.view.View`."""

    talks: tuple[Talk, ...]
    tasks: tuple[Task, ...]
    dead: tuple[DeadLetter, ...]
    counts: dict[str, int]
    windows: dict[str, Window]
    ends: dict[str, tuple[End, ...]]
    status: str


class _Once:
    """Reads each thing once. What depends on who looks has the viewer in its key."""

    def __init__(self) -> None:
        self._read: dict[Hashable, Any] = {}

    def __call__(self, key: Hashable, read: Callable[[], Any]) -> Any:
        if key not in self._read:
            self._read[key] = read()
        return self._read[key]


def read_lists(
    connection: Connection, pages: Sequence[tuple[Agent, Ask]], totals: Totals, terms: Terms, now: datetime
) -> list[Lists]:
    """Return the lists of each page, by a number of statements that does not grow with pages that see everything."""
    viewers = sorted({viewer.id for viewer, _ in pages})
    held = talks.counts(connection, viewers)
    statuses = presence.statuses(connection, viewers)
    mine = talks.of_agents(connection, sorted({viewer.id for viewer, ask in pages if ask.tab == "mine"}))
    once = _Once()
    listed = [_talks(connection, viewer, ask, mine, once) for viewer, ask in pages]
    ids = sorted({talk.id for found in listed for talk in found})
    windows, ends = windows_of(connection, ids, now), ends_of(connection, ids, terms, now)
    return [
        Lists(
            talks=found,
            tasks=_tasks(connection, viewer, ask, once),
            dead=once("dead", lambda: dead.dead_letters(connection)) if _shows_dead(viewer, ask) else (),
            counts={"mine": held[viewer.id], **_counts(connection, viewer, totals, once)},
            windows={talk.id: windows[talk.id] for talk in found if talk.id in windows},
            ends={talk.id: ends[talk.id] for talk in found if talk.id in ends},
            status=statuses.get(viewer.id, ""),
        )
        for (viewer, ask), found in zip(pages, listed, strict=True)
    ]


class Shown(Protocol):
    """What a page lists now."""

    @property
    def talks(self) -> tuple[Talk, ...]: ...
    @property
    def windows(self) -> Mapping[str, Window]: ...
    @property
    def ends(self) -> Mapping[str, tuple[End, ...]]: ...


def renew_lists(
    connection: Connection,
    pages: Sequence[tuple[Agent, Shown, Collection[str]]],
    totals: Totals,
    terms: Terms,
    now: datetime,
) -> list[Lists]:
    """Return the lists of pages in the tab `mine` as they are now, where it is known what has changed.

    Args:
        pages: whose, what it lists, and which conversations have changed since or may belong there now. Only these
            are read, each once; it must list all that the agent has.
    """
    ids = {talk_id for _, _, changed in pages for talk_id in changed}
    found = talks.of_ids(connection, ids)
    windows, ends = windows_of(connection, sorted(ids), now), ends_of(connection, ids, terms, now)
    statuses = presence.statuses(connection, sorted({viewer.id for viewer, _, _ in pages}))
    once, renewed = _Once(), []
    for viewer, shown, changed in pages:
        new = [found[one] for one in changed if one in found and _is_of(found[one], viewer)]
        held = talks.in_order([*(talk for talk in shown.talks if talk.id not in changed), *new])
        counts = {"mine": len(held), **_counts(connection, viewer, totals, once)}
        of_talks = _renewed(shown.windows, windows, changed), _renewed(shown.ends, ends, changed)
        renewed.append(Lists(held, (), (), counts, *of_talks, statuses.get(viewer.id, "")))
    return renewed


def _is_of(talk: Talk, viewer: Agent) -> bool:
    return talk.owner is Owner.AGENT and talk.agent_id == viewer.id


def _renewed(shown: Mapping[str, T], now: Mapping[str, T], changed: Collection[str]) -> dict[str, T]:
    kept = {talk_id: one for talk_id, one in shown.items() if talk_id not in changed}
    return kept | {talk_id: now[talk_id] for talk_id in changed if talk_id in now}


def _talks(
    connection: Connection, viewer: Agent, ask: Ask, mine: dict[str, tuple[Talk, ...]], once: _Once
) -> tuple[Talk, ...]:
    match ask.tab:
        case "mine":
            return mine[viewer.id]
        case "waiting":
            found = once("waiting", lambda: talks.waiting(connection))
        case "all":
            found = once(("all", _eyes(viewer)), lambda: talks.everything(connection, viewer))
        case _:
            found = ()
    return tuple(found)


def _tasks(connection: Connection, viewer: Agent, ask: Ask, once: _Once) -> tuple[Task, ...]:
    if ask.tab != "tasks" or _shows_dead(viewer, ask):
        return ()
    whose = viewer.id if ask.filter == "mine" else None
    read = once(("tasks", _eyes(viewer), whose), lambda: todo.open_tasks(connection, viewer, whose))
    return tuple(read)


def _counts(connection: Connection, viewer: Agent, totals: Totals, once: _Once) -> dict[str, int]:
    sees_all = access.sees_all(viewer)
    tasks = totals.tasks if sees_all else once(viewer.id, lambda: todo.count_open(connection, viewer))
    counts = {"waiting": totals.waiting, "tasks": int(tasks)}
    return counts | {"dead": totals.dead} if viewer.leads else counts


def _shows_dead(viewer: Agent, ask: Ask) -> bool:
    return ask.tab == "tasks" and ask.filter == "dead" and viewer.leads


def _eyes(viewer: Agent) -> str:
    """Return the same for all who see the same: nobody gets a list that was read for somebody who sees more."""
    return "" if access.sees_all(viewer) else viewer.id

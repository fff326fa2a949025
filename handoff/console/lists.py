"""The left panes of several pages, read in one transaction: what they share is read once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from handoff import access, dead, presence, talks
from handoff import tasks as todo
from handoff.console.ask import Ask
from handoff.dead import DeadLetter
from handoff.ends import End, Terms, ends_of
from handoff.people import Agent
from handoff.pulse import Totals
from handoff.rights import Window, windows_of
from handoff.talks import Talk
from handoff.tasks import Task


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

"""What one page shows, read in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from bot.errors import NotFound
from handoff import dead, desk, people, talks
from handoff import tasks as todo
from handoff.console.session import Wiring
from handoff.dead import DeadLetter
from handoff.desk import Conversation
from handoff.people import Agent
from handoff.talks import Talk
from handoff.tasks import Task


@dataclass(frozen=True, slots=True)
class Ask:
    """What the agent wants to see: a tab, in the tab of tasks which of them, a conversation and how much of it."""

    tab: str
    filter: str
    selected: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class View:
    """The answer. `counts` are by tab, and `dead` for the dead letters, of which only leads are told."""

    viewer: Agent
    ask: Ask
    talks: tuple[Talk, ...]
    tasks: tuple[Task, ...]
    dead: tuple[DeadLetter, ...]
    counts: dict[str, int]
    conversation: Conversation | None
    colleagues: tuple[Agent, ...]

    @property
    def steps(self) -> list[str]:
        """The conversations of the list, each once: several tasks can be about the same one."""
        of_tasks = (task.conversation_id for task in self.tasks if task.conversation_id)
        of_dead = (letter.conversation_id for letter in self.dead)
        return list(dict.fromkeys([*(talk.id for talk in self.talks), *of_tasks, *of_dead]))


def read_view(connection: Connection, viewer: Agent, ask: Ask, wiring: Wiring) -> View:
    """Return what `viewer` sees."""
    mine, waiting = talks.counts(connection, viewer.id)
    counts = {"mine": mine, "waiting": waiting, "tasks": todo.count_open(connection)}
    if viewer.leads:
        counts["dead"] = dead.count(connection)
    lists: dict[str, Callable[[], tuple[Talk, ...]]] = {
        "mine": lambda: talks.mine(connection, viewer.id),
        "waiting": lambda: talks.waiting(connection),
        "all": lambda: talks.everything(connection),
        "tasks": lambda: (),
    }
    shows_dead = ask.tab == "tasks" and ask.filter == "dead" and viewer.leads
    shows_tasks = ask.tab == "tasks" and not shows_dead
    whose = viewer.id if ask.filter == "mine" else None
    return View(
        viewer=viewer,
        ask=ask,
        talks=lists[ask.tab](),
        tasks=todo.open_tasks(connection, whose) if shows_tasks else (),
        dead=dead.dead_letters(connection) if shows_dead else (),
        counts=counts,
        conversation=_conversation(connection, viewer, ask, wiring),
        colleagues=tuple(a for a in people.list_agents(connection) if a.answers and a.id != viewer.id),
    )


def _conversation(connection: Connection, viewer: Agent, ask: Ask, wiring: Wiring) -> Conversation | None:
    if ask.selected is None:
        return None
    shop, now = wiring.shop_of(connection), wiring.clock.now()
    try:
        return desk.conversation(connection, shop, ask.selected, viewer, now, wiring.counting, ask.limit)
    except NotFound:
        return None

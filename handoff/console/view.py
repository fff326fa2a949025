"""What one page shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from bot.errors import NotFound
from handoff import desk
from handoff.console.around import Around, around
from handoff.console.ask import Ask
from handoff.console.lists import Lists
from handoff.console.session import Wiring
from handoff.dead import DeadLetter
from handoff.desk import Conversation
from handoff.ends import End
from handoff.people import Agent
from handoff.rights import Window
from handoff.talks import Talk
from handoff.tasks import Task


@dataclass(frozen=True, slots=True)
class View:
    """The answer. `counts` are by tab, and `dead` for the dead letters, of which only leads are told.

    Attributes:
        windows: by conversation of the list, what may still be sent where the platform counts.
        ends: by conversation of the list, by when something has to happen in it.
        status: the viewer's own, see `handoff.presence`.
        around: what stands around the conversation; None without one.
        has_colleagues: whether anybody else could take it.
    """

    viewer: Agent
    ask: Ask
    talks: tuple[Talk, ...]
    tasks: tuple[Task, ...]
    dead: tuple[DeadLetter, ...]
    counts: dict[str, int]
    windows: Mapping[str, Window]
    ends: Mapping[str, tuple[End, ...]]
    conversation: Conversation | None
    around: Around | None
    has_colleagues: bool
    status: str = ""

    @property
    def steps(self) -> list[str]:
        """The conversations of the list, each once: several tasks can be about the same one."""
        of_tasks = (task.conversation_id for task in self.tasks if task.conversation_id)
        of_dead = (letter.conversation_id for letter in self.dead)
        return list(dict.fromkeys([*(talk.id for talk in self.talks), *of_tasks, *of_dead]))


def read_view(
    connection: Connection,
    viewer: Agent,
    ask: Ask,
    lists: Lists,
    wiring: Wiring,
    crew: Callable[[], frozenset[str]],
    kept: View | None = None,
) -> View:
    """Return what `viewer` sees.

    Args:
        crew: reads who answers, two of them at least where there are so many.
        kept: the last view, where nothing in its open conversation has changed since: that is not read again.
    """
    if kept is not None:
        conversation, beside, has_colleagues = kept.conversation, kept.around, kept.has_colleagues
    else:
        conversation = _conversation(connection, viewer, ask, wiring)
        beside = around(connection, conversation, viewer, ask.beside, wiring) if conversation else None
        has_colleagues = bool(crew() - {viewer.id})
    return View(
        viewer=viewer,
        ask=ask,
        talks=lists.talks,
        tasks=lists.tasks,
        dead=lists.dead,
        counts=lists.counts,
        windows=lists.windows,
        ends=lists.ends,
        conversation=conversation,
        around=beside,
        has_colleagues=has_colleagues,
        status=lists.status,
    )


def _conversation(connection: Connection, viewer: Agent, ask: Ask, wiring: Wiring) -> Conversation | None:
    if ask.selected is None:
        return None
    shop, now = wiring.shop_of(connection), wiring.clock.now()
    try:
        return desk.conversation(connection, shop, ask.selected, viewer, now, wiring.counting, ask.limit)
    except NotFound:
        return None

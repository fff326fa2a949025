"""Reads for all pages of a process: those that ask while others are being read for share the next transaction.

The busier the shop, the fewer statements a page costs. Each page's session is checked in that transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection

from bot.errors import NotAllowed
from handoff import people
from handoff.console.ask import Ask
from handoff.console.lists import Lists, read_lists, renew_lists
from handoff.console.session import Session, Wiring
from handoff.console.view import View, read_view
from handoff.crew import two_of
from handoff.ends import terms_of
from handoff.people import Agent
from handoff.pulse import State, Totals, states, totals
from handoff.talks import LIST_LIMIT

GATHERS_S = 0.005
"""How long others who were woken by the same change are waited for."""
MOST_AT_ONCE = 32
"""Pages in one transaction: the first of them has to wait for the last."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one page wants to be told.

    Attributes:
        kept: what it shows, if it may keep of it what has not changed.
        state: in which the open conversation is shown.
        changed: which conversations have changed since; None: not known.
    """

    session: Session
    ask: Ask
    kept: View | None = None
    state: State | None = None
    changed: frozenset[str] | None = None

    @property
    def renews(self) -> View | None:
        """What is shown, where only what has changed in it needs to be read."""
        view = self.kept
        is_known = view is not None and self.changed is not None and self.ask.tab == "mine"
        return view if is_known and view is not None and len(view.talks) < LIST_LIMIT else None

    @property
    def asks_state(self) -> bool:
        """Whether the open conversation may have moved."""
        return self.changed is None or self.kept is None or self.ask.selected in self.changed


@dataclass(frozen=True, slots=True)
class Found:
    """What it is told; `state` is that of the open conversation."""

    view: View
    totals: Totals
    state: State | None


Answer = Found | NotAllowed


class Reader:
    """Use it from the event loop's own thread only."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._waiting: list[tuple[Wish, asyncio.Future[Found]]] = []
        self._task: asyncio.Task[None] | None = None

    async def read(self, wish: Wish) -> Found:
        """Return what is there now.

        Raises:
            NotAllowed: the session has ended or the role may not see conversations.
            SQLAlchemyError: the database is away.
        """
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.append((wish, answer))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="console reader")
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHERS_S)
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            if not await self._read(batch) and len(batch) > 1:
                for one in batch:  # so that one that cannot be read for stops nobody else
                    await self._read([one])

    async def _read(self, batch: Sequence[tuple[Wish, asyncio.Future[Found]]]) -> bool:
        wishes = [wish for wish, _ in batch]
        try:
            found: Sequence[Answer | Exception] = await self._wiring.database.read(
                lambda connection: read_all(connection, wishes, self._wiring)
            )
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the page's that asked)
            if len(batch) > 1:
                return False
            found = [error]
        for (_, answer), said in zip(batch, found, strict=True):
            if answer.done():  # the page is gone
                continue
            if isinstance(said, Exception):
                answer.set_exception(said)
            else:
                answer.set_result(said)
        return True


def read_all(connection: Connection, wishes: Sequence[Wish], wiring: Wiring) -> list[Answer]:
    """Return what each page is told, in the order of `wishes`."""
    tokens, now = {wish.session.token for wish in wishes}, wiring.clock.now()
    agents = people.agents_of(connection, tokens, now, wiring.safety.see)
    viewers = [wish.session.viewer_among(connection, agents) for wish in wishes]
    let_in = [(viewer, wish) for viewer, wish in zip(viewers, wishes, strict=True) if isinstance(viewer, Agent)]
    views = iter(_views(connection, let_in, wiring))
    return [next(views) if isinstance(viewer, Agent) else viewer for viewer in viewers]


def _views(connection: Connection, pages: Sequence[tuple[Agent, Wish]], wiring: Wiring) -> list[Found]:
    if not pages:
        return []
    now = totals(connection)
    states_now = _states(connection, [wish for _, wish in pages])
    lists = _lists(connection, pages, now, wiring)
    crew = cache(lambda: two_of(connection))
    found = []
    for (viewer, wish), listed, state in zip(pages, lists, states_now, strict=True):
        kept = wish.kept if state == wish.state else None
        found.append(Found(read_view(connection, viewer, wish.ask, listed, wiring, crew, kept), now, state))
    return found


def _states(connection: Connection, wishes: Sequence[Wish]) -> list[State | None]:
    asked = {wish.ask.selected for wish in wishes if wish.ask.selected and wish.asks_state}
    found = states(connection, asked) if asked else {}
    return [found.get(wish.ask.selected or "") if wish.asks_state else wish.state for wish in wishes]


def _lists(
    connection: Connection, pages: Sequence[tuple[Agent, Wish]], totals: Totals, wiring: Wiring
) -> Iterable[Lists]:
    terms, now = terms_of(wiring.advice.settings), wiring.clock.now()
    whole = [(viewer, wish.ask) for viewer, wish in pages if wish.renews is None]
    parts = [(viewer, view, wish.changed or frozenset()) for viewer, wish in pages if (view := wish.renews) is not None]
    read = iter(read_lists(connection, whole, totals, terms, now) if whole else ())
    renewed = iter(renew_lists(connection, parts, totals, terms, now) if parts else ())
    return [next(read if wish.renews is None else renewed) for _, wish in pages]

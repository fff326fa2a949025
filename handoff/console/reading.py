"""Reads for all pages of a process: those that ask while others are being read for share the next transaction.

The busier the shop, the fewer statements a page costs. Each page's session is checked in that transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from bot.errors import NotAllowed
from handoff.console.ask import Ask
from handoff.console.lists import read_lists
from handoff.console.session import Session, Wiring
from handoff.console.view import View, read_view
from handoff.ends import terms_of
from handoff.people import Agent
from handoff.pulse import State, Totals, states, totals

GATHERS_S = 0.005
"""How long others who were woken by the same change are waited for."""
MOST_AT_ONCE = 32
"""Pages in one transaction: the first of them has to wait for the last."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one page wants to be told.

    Attributes:
        kept: what it shows, if it may keep the open conversation where that is still in `state`.
    """

    session: Session
    ask: Ask
    kept: View | None
    state: State | None


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
    viewers = [_viewer(connection, wish) for wish in wishes]
    let_in = [(viewer, wish) for viewer, wish in zip(viewers, wishes, strict=True) if isinstance(viewer, Agent)]
    now = totals(connection)
    opened = {wish.ask.selected for _, wish in let_in if wish.ask.selected}
    open_states = states(connection, opened) if opened else {}
    pages, terms = [(viewer, wish.ask) for viewer, wish in let_in], terms_of(wiring.advice.settings)
    lists = iter(read_lists(connection, pages, now, terms, wiring.clock.now()) if pages else ())
    answers: list[Answer] = []
    for viewer, wish in zip(viewers, wishes, strict=True):
        if isinstance(viewer, NotAllowed):
            answers.append(viewer)
            continue
        state = open_states.get(wish.ask.selected) if wish.ask.selected else None
        kept = wish.kept if state == wish.state else None
        view = read_view(connection, viewer, wish.ask, next(lists), wiring, kept)
        answers.append(Found(view, now, state))
    return answers


def _viewer(connection: Connection, wish: Wish) -> Agent | NotAllowed:
    try:
        return wish.session.viewer(connection)
    except NotAllowed as error:
        return error

"""The board for all leads' pages of a process: those who look at the same moment share one read."""

from __future__ import annotations

import asyncio
from datetime import datetime

from handoff.board import Board, board
from handoff.console.session import Wiring
from handoff.ends import terms_of

SHARED_FOR_S = 0.5
"""How old a board may be that a page is given which only keeps itself up to date."""


class Boards:
    """Use it from the event loop's own thread only. Who may see a board is asked before, for each page."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._reading = asyncio.Lock()
        self._found: tuple[Board, datetime] | None = None
        self._read_at_s = 0.0

    async def read(self, *, fresh: bool) -> tuple[Board, datetime]:
        """Return the board and the time that it tells of.

        Args:
            fresh: whether it has to tell of this moment: a lead has just come, or done something.
        """
        time = asyncio.get_running_loop().time
        async with self._reading:
            if self._found is None or fresh or time() > self._read_at_s + SHARED_FOR_S:
                at_s, now, terms = time(), self._wiring.clock.now(), terms_of(self._wiring.advice.settings)
                found = await self._wiring.database.read(lambda c: board(c, now, terms))
                self._found, self._read_at_s = (found, now), at_s
            return self._found

"""The only door from a page to the data: every read and every action checks the session again, in its transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from bot.clock import Clock, IdMaker
from bot.delivery.signal import Signal
from bot.errors import NotAllowed
from bot.shop.port import Shop
from bot.store.database import Database
from handoff import people
from handoff.people import Agent

T = TypeVar("T")
PATH = "/console"
COOKIE = "zhanggui_agent"


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the console is connected to. Arguments as in `handoff.console.mount_console`."""

    database: Database
    shop_of: Callable[[Connection], Shop]
    clock: Clock
    new_id: IdMaker
    outbox_signal: Signal
    changes: Signal
    faults: Callable[[], list[str]]
    counting: frozenset[str]


class Session:
    """One browser's session, known by the secret of its cookie."""

    def __init__(self, wiring: Wiring, token: str) -> None:
        self._wiring = wiring
        self._token = token

    async def read(self, job: Callable[[Connection, Agent], T]) -> T:
        """Run `job` on a consistent view.

        Raises:
            NotAllowed: the session has ended or the role does not answer customers.
        """
        return await self._wiring.database.read(lambda connection: job(connection, self._agent(connection)))

    async def act(self, job: Callable[[Connection, Agent], T]) -> T:
        """Run `job` in a transaction, then wake the outbox and every open console.

        Raises:
            NotAllowed: the session has ended or the role does not answer customers.
        """

        def checked(connection: Connection) -> T:
            agent = self._agent(connection)
            people.touch(connection, self._token, agent.id, self._wiring.clock.now())
            return job(connection, agent)

        result = await self._wiring.database.write(checked)
        self._wiring.outbox_signal.notify()
        self._wiring.changes.notify()
        return result

    async def end(self) -> None:
        """Log out."""
        await self._wiring.database.write(lambda connection: people.revoke(connection, self._token))

    def _agent(self, connection: Connection) -> Agent:
        agent = people.agent_of(connection, self._token, self._wiring.clock.now())
        if not agent.answers:
            raise NotAllowed
        return agent

"""The only door from a page to the data: every read and every action checks the session again, in its transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request
from sqlalchemy import Connection

from bot.advice import Advice
from bot.clock import Clock, IdMaker
from bot.delivery.signal import Signal
from bot.errors import NotAllowed
from bot.shop.port import Shop
from bot.store.database import Database
from handoff import logins, people
from handoff.access import require
from handoff.logins import Device
from handoff.lookout import Lookout
from handoff.people import Agent
from handoff.reports import MARKETPLACE, Standard
from handoff.roles import Right
from handoff.sso import Provider
from handoff.vault import Vault

T = TypeVar("T")
PATH = "/console"
COOKIE = "zhanggui_agent"


@dataclass(frozen=True, slots=True)
class Safety:
    """How the console is kept safe: the section `[agents]` of the settings, and what follows from the address.

    Attributes:
        see: which conversations agents see, `all` or `own`.
        second_factor: whose must be set up, `optional`, `leads` or `all`.
        public_url: the address at which browsers reach the shop; with https, cookies are bound to it.
        secret: of the shop; keys for what is encrypted are made of it.
        provider: for the single sign-on.
    """

    see: str = "all"
    second_factor: str = "optional"
    public_url: str = ""
    secret: str = ""
    provider: Provider | None = None

    @property
    def https(self) -> bool:
        """Whether browsers reach the console by https."""
        return self.public_url.startswith("https://")

    def cookie(self, name: str = COOKIE) -> str:
        """Return the full name of a cookie. With https a browser takes `__Host-` ones only from this very host."""
        return f"__Host-{name}" if self.https else name

    def vault(self, purpose: str) -> Vault:
        """Return what encrypts for one purpose."""
        return Vault(self.secret, purpose)


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
    advice: Advice
    lookout: Lookout
    safety: Safety = Safety()
    standard: Standard = MARKETPLACE


class SecondFactorMissing(NotAllowed):
    """This role needs a second factor. Set it up on the page of your account first."""


class Session:
    """One browser's session, known by the secret of its cookie."""

    def __init__(self, wiring: Wiring, token: str) -> None:
        self._wiring = wiring
        self.token = token

    async def read(self, job: Callable[[Connection, Agent], T], right: Right | None = Right.ANSWER) -> T:
        """Run `job` on a consistent view.

        Args:
            right: what the role must allow; None: the page of one's own account, which is everybody's.

        Raises:
            NotAllowed: the session has ended or the role does not have the right.
        """
        return await self._wiring.database.read(lambda connection: job(connection, self.viewer(connection, right)))

    async def act(
        self,
        job: Callable[[Connection, Agent], T],
        right: Right | None = Right.ANSWER,
        *,
        wake: bool = True,
        by_hand: bool = True,
    ) -> T:
        """Run `job` in a transaction, then wake the outbox and every open console. Arguments as of `read`.

        Args:
            wake: without it nobody is woken: others see it when they look next, within a second.
            by_hand: whether somebody did it. What an open page does by itself leaves the session as idle as it was.

        Raises:
            NotAllowed: the session has ended or the role does not have the right.
        """

        def checked(connection: Connection) -> T:
            agent = self.viewer(connection, right)
            if by_hand:
                people.touch(connection, self.token, agent.id, self._wiring.clock.now())
            return job(connection, agent)

        result = await self._wiring.database.write(checked)
        if wake:
            self._wiring.outbox_signal.notify()
            self._wiring.changes.notify()
        return result

    async def end(self, device: Device | None = None) -> None:
        """Log out."""
        now, came = self._wiring.clock.now(), device or Device("", "")
        await self._wiring.database.write(lambda connection: logins.leave(connection, self.token, came, now))

    def viewer(self, connection: Connection, right: Right | None = Right.ANSWER) -> Agent:
        """Return whose session it is; ask in the transaction that reads or acts. Arguments and errors as of `read`."""
        agent = people.agent_of(connection, self.token, self._wiring.clock.now(), self._wiring.safety.see)
        return self._let_in(connection, agent, right)

    def _let_in(self, connection: Connection, agent: Agent, right: Right | None) -> Agent:
        if right is None:
            return agent
        require(agent, right)
        safety = self._wiring.safety
        needed = safety.second_factor == "all" or (safety.second_factor == "leads" and agent.leads)
        if needed and not agent.second_factor and people.way_of(connection, self.token) != "sso":
            raise SecondFactorMissing
        return agent

    def viewer_among(self, connection: Connection, agents: Mapping[str, Agent]) -> Agent | NotAllowed:
        """Return what `viewer` does, or the error that it raises.

        Args:
            agents: by token, whose the sessions of several pages are, looked up in this transaction.
        """
        if (agent := agents.get(self.token)) is None:
            return NotAllowed("Your session has ended. Log in again.")
        try:
            return self._let_in(connection, agent, Right.ANSWER)
        except NotAllowed as error:
            return error


def token_in(request: Request, safety: Safety) -> str:
    """Return the token of the session that a browser brings, empty if it brings none."""
    return request.cookies.get(safety.cookie(), "")


def session_in(request: Request, wiring: Wiring) -> Session:
    """Return the session that a browser brings."""
    return Session(wiring, token_in(request, wiring.safety))


def device_of(request: Request) -> Device:
    """Return from where a request comes."""
    return Device(request.client.host if request.client else "", request.headers.get("user-agent", ""))

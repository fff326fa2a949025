"""Who changes how an account is kept safe proves who they are: an open session may be a stolen one."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fastapi import Request

from bot.errors import NotAllowed
from handoff import guessing, logins, people, twofactor
from handoff.console.login import TOTP
from handoff.console.session import Wiring, device_of, session_in

FRESH = timedelta(minutes=10)
"""How old the login of who has neither password nor second factor may be when they set one up."""


class WrongCode(NotAllowed):
    """The code is wrong, was used already, or is too old. Wait for the next one and try again."""

    code = "code"


class WrongPassword(NotAllowed):
    """The password is wrong. Try again, or ask an admin for a login link."""

    code = "password"


class LoginTooOld(NotAllowed):
    """You have neither password nor second factor, so this needs a login of the last ten minutes. Log out and log in
    again, by a new link or by the single sign-on.
    """

    code = "login_too_old"


class TooFast(NotAllowed):
    """Too many tries. Wait a minute and try again."""

    code = "too_fast"


async def prove(wiring: Wiring, request: Request, password: str, code: str = "") -> None:
    """Let only the agent go on, and not who has nothing but their open session.

    The proof is the password; of who has none the second factor; of who has neither a login of a moment ago.

    Raises:
        NotAllowed: it is wrong, or the login too long ago.
    """
    session, now, vault = session_in(request, wiring), wiring.clock.now(), wiring.safety.vault(TOTP)
    agent, stored = await session.read(lambda c, me: (me, people.password_hash_of(c, me.login)[1]), None)
    if stored:
        if not await asyncio.to_thread(people.check_password, stored, password):
            raise WrongPassword
    elif agent.second_factor:
        if not await session.act(lambda c, me: twofactor.accepts(c, vault, me.id, code, now), None):
            raise WrongCode
    elif await session.read(lambda c, _: logins.begun_at(c, session.token), None) < now - FRESH:
        raise LoginTooOld


async def slowly(wiring: Wiring, request: Request) -> None:
    """Count a try against the account, so that a stolen session does not make guessing quick."""
    session, now, address = session_in(request, wiring), wiring.clock.now(), device_of(request).address
    if await session.act(lambda c, agent: guessing.try_login(c, agent.login, address, now), None):
        raise TooFast


async def forgiven(wiring: Wiring, request: Request) -> None:
    session, now, address = session_in(request, wiring), wiring.clock.now(), device_of(request).address
    await session.act(lambda c, agent: guessing.succeeded(c, agent.login, address, now), None)

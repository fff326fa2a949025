"""The page of one's own account: second factor, password, sessions. It is open to every role."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from secrets import compare_digest
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from markupsafe import Markup
from pydantic import AfterValidator
from sqlalchemy import Connection

from bot import audit
from bot.audit import What
from bot.errors import NotAllowed, NotFound, ZhangguiError
from bot.storable import storable
from handoff import logins, people, twofactor
from handoff.access import may
from handoff.console import plain, proof
from handoff.console.labels import Labels
from handoff.console.login import TOTP
from handoff.console.session import PATH, Wiring, session_in, token_in
from handoff.people import Agent
from handoff.roles import Right

HERE = f"{PATH}/account"
Words = Annotated[str, Form(max_length=1000), AfterValidator(storable)]


def account_routes(wiring: Wiring) -> APIRouter:
    """Return the page and what its forms post."""
    router = APIRouter()

    @router.get(HERE, include_in_schema=False)
    async def account(request: Request) -> Response:
        return await _show(wiring, request, {})

    @router.post(f"{HERE}/second-factor", include_in_schema=False)
    async def second_factor(
        request: Request, act: Words, code: Words = "", old: Words = "", secret: Words = ""
    ) -> Response:
        if act == "begin":
            return await _answer(wiring, request, lambda: _begin(wiring, request, old))
        return await _answer(wiring, request, lambda: _second_factor(wiring, request, act, code, secret))

    @router.post(f"{HERE}/password", include_in_schema=False)
    async def password(request: Request, new: Words, old: Words = "", code: Words = "") -> Response:
        return await _answer(wiring, request, lambda: _password(wiring, request, old, code, new))

    @router.post(f"{HERE}/sessions", include_in_schema=False)
    async def sessions(request: Request, key: Words) -> Response:
        return await _answer(wiring, request, lambda: _end(wiring, request, key))

    return router


async def _answer(wiring: Wiring, request: Request, act: Any) -> Response:
    labels = plain.labels_in(request)
    try:
        await session_in(request, wiring).read(lambda _, agent: agent, None)
    except NotAllowed as error:
        return plain.refused(error)
    try:
        return await _show(wiring, request, await act())
    except ZhangguiError as error:
        return await _show(wiring, request, {"problem": plain.error_words(error, labels)}, 422)


async def _show(wiring: Wiring, request: Request, values: Mapping[str, Any], status: int = 200) -> Response:
    safety, now = wiring.safety, wiring.clock.now()

    def read(connection: Connection, agent: Agent) -> tuple[Agent, dict[str, Any]]:
        found: dict[str, Any] = {
            "sessions": logins.open_sessions(connection, agent.id, now),
            "codes_left": twofactor.recovery_codes_left(connection, agent.id),
            "has_password": bool(people.password_hash_of(connection, agent.login)[1]),
        }
        return agent, found

    try:
        agent, found = await session_in(request, wiring).read(read, None)
    except NotAllowed as error:
        return plain.refused(error)
    needed = safety.second_factor == "all" or (safety.second_factor == "leads" and may(agent, Right.LEAD))
    found |= {"here": logins.key_of(token_in(request, safety)), "needed": needed, "least": people.PASSWORD_LEAST}
    rest = {
        "moment": plain.moments(wiring.standard.zone),
        "codes": (),
        "qr": "",
        "secret": "",
        "spaced": _spaced,
        "browser_name": browser_name,
    }
    return plain.page(request, "account", "account", {**rest, **found, **values}, agent, status)


def _spaced(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def browser_name(said: str) -> str:
    """Return a browser's own long name short, e.g. `Firefox, Windows`; `?` if it says nothing known."""
    browsers = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
    systems = ("iPhone", "iPad", "Android", "Windows", "Mac OS", "Linux")
    browser = next((name for sign, name in browsers.items() if f"{sign}/" in said), said[:30])
    system = next((name for name in systems if name in said), "")
    return ", ".join(filter(None, (browser, system))) or "?"


async def _begin(wiring: Wiring, request: Request, old: str) -> dict[str, Any]:
    """Give who proves who they are a new secret for their phone."""
    await proof.slowly(wiring, request)
    await proof.prove(wiring, request, old)

    def begin(connection: Connection, agent: Agent) -> tuple[Agent, str]:
        if agent.second_factor:
            raise NotFound
        return agent, twofactor.begin(connection, wiring.safety.vault(TOTP), agent.id, wiring.clock.now())

    agent, secret = await session_in(request, wiring).act(begin, None)
    await proof.forgiven(wiring, request)
    return _picture(agent, secret, plain.labels_in(request))


async def _second_factor(wiring: Wiring, request: Request, act: str, code: str, shown: str) -> dict[str, Any]:
    """Do what the form of the second factor says. Each act asks for a code."""
    labels, session, now = plain.labels_in(request), session_in(request, wiring), wiring.clock.now()
    vault = wiring.safety.vault(TOTP)
    await proof.slowly(wiring, request)

    def change(connection: Connection, agent: Agent) -> dict[str, Any] | None:
        check = twofactor.confirm if act == "confirm" else twofactor.accepts
        if act not in ("confirm", "codes", "off"):
            raise NotFound
        if not check(connection, vault, agent.id, code, now):
            return None
        audit.record(connection, audit.by(agent.id), What.SECOND_FACTOR, f"agent:{agent.id}", now, after={"act": act})
        if act == "off":
            twofactor.switch_off(connection, agent.id)
            return {"done": labels["second_is_off"]}
        return {"codes": twofactor.new_recovery_codes(connection, agent.id), "done": labels["second_is_on"]}

    done = await session.act(change, None)
    if done is None and act == "confirm":  # the phone has the picture already: the next code of it will do
        agent, secret = await session.read(lambda c, agent: (agent, twofactor.begun(c, vault, agent.id, now)), None)
        if secret and compare_digest(secret.encode(), shown.encode()):  # to nobody else is it shown
            again = _picture(agent, secret, labels)
            return {**again, "problem": plain.error_words(proof.WrongCode(), labels)}
    if done is None:
        raise proof.WrongCode
    await proof.forgiven(wiring, request)
    return done


def _picture(agent: Agent, secret: str, labels: Labels) -> dict[str, Any]:
    import segno  # 1 MB that only who sets up a second factor needs

    address = twofactor.address_of(secret, agent.login, labels["title"])
    drawn = segno.make(address, error="m").svg_inline(scale=5, border=2, svgclass=None, lineclass=None, omitsize=False)
    return {"qr": Markup(drawn), "secret": secret}  # noqa: S704


async def _password(wiring: Wiring, request: Request, old: str, code: str, new: str) -> dict[str, Any]:
    """Change the password of who proves who they are; all other sessions end."""
    labels, session, now = plain.labels_in(request), session_in(request, wiring), wiring.clock.now()
    agent = await session.read(lambda _, agent: agent, None)
    hashed = await asyncio.to_thread(people.hash_password, new, (agent.login, agent.name))
    await proof.slowly(wiring, request)
    await proof.prove(wiring, request, old, code)
    token = token_in(request, wiring.safety)

    def change(connection: Connection, agent: Agent) -> None:
        people.put_password(connection, agent.id, hashed)
        audit.record(connection, audit.by(agent.id), What.PASSWORD, f"agent:{agent.id}", now)
        logins.end_others(connection, agent, agent.id, token, now)

    await session.act(change, None)
    await proof.forgiven(wiring, request)
    return {"done": labels["password_changed"]}


async def _end(wiring: Wiring, request: Request, key: str) -> dict[str, Any]:
    labels, session, now = plain.labels_in(request), session_in(request, wiring), wiring.clock.now()
    token = token_in(request, wiring.safety)
    if key == "others":
        await session.act(lambda c, agent: logins.end_others(c, agent, agent.id, token, now), None)
    else:
        await session.act(lambda c, agent: logins.end_session(c, agent, agent.id, key, now), None)
    return {"done": labels["ended"]}

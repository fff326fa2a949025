"""The way in: one-time link, password or single sign-on, then the code of the phone, then a cookie."""

from __future__ import annotations

import asyncio
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator

from bot.errors import NotAllowed
from bot.storable import storable
from handoff import guessing, logins, people, twofactor
from handoff.console import plain
from handoff.console.session import PATH, Wiring, device_of, session_in
from handoff.people import Agent

log = structlog.get_logger()
HALFWAY = "zhanggui_halfway"
TOTP = "second factor"
"""For what the vault of the second factor is."""
Words = Annotated[str, Form(max_length=1000), AfterValidator(storable)]


def login_routes(wiring: Wiring) -> APIRouter:
    """Return `/console/login`: the form, what it posts, and the one-time link `?token=…`; and `/console/logout`."""
    router = APIRouter()

    @router.get(f"{PATH}/login", include_in_schema=False)
    async def enter(request: Request, token: str = "") -> Response:
        if token:
            return await _by_link(wiring, request, token)
        try:  # who is in already but may not answer, or has no second factor yet, has a page of their own
            await session_in(request, wiring).read(lambda _, agent: agent, None)
        except NotAllowed:
            return form(wiring, request)
        return RedirectResponse(f"{PATH}/account", status_code=303)

    @router.post(f"{PATH}/login", include_in_schema=False)
    async def log_in(request: Request, login: Words, password: Words) -> Response:
        labels, device, now = plain.labels_in(request), device_of(request), wiring.clock.now()
        if "\0" in login:  # no name has one, and PostgreSQL takes none
            return form(wiring, request, labels["login_wrong"], 403)
        wait_s = await wiring.database.write(lambda c: guessing.try_login(c, login, device.address, now))
        if wait_s:
            return form(wiring, request, labels["login_wait"].format(seconds=wait_s), 429)
        agent, stored = await wiring.database.read(lambda c: people.password_hash_of(c, login))
        fits = await asyncio.to_thread(people.check_password, stored, password)
        if agent is None or not fits:
            await wiring.database.write(lambda c: logins.failed(c, login, device, now))
            log.info("console.login_failed", address=device.address)
            return form(wiring, request, labels["login_wrong"], 403)
        return await let_in(wiring, request, agent, "password")

    @router.post(f"{PATH}/logout", include_in_schema=False)
    async def log_out(request: Request) -> Response:
        await session_in(request, wiring).end(device_of(request))
        response = RedirectResponse(f"{PATH}/login", status_code=303)
        response.delete_cookie(wiring.safety.cookie(), path=_path(wiring), secure=wiring.safety.https, httponly=True)
        return response

    router.include_router(_code_routes(wiring))
    return router


def _code_routes(wiring: Wiring) -> APIRouter:
    router = APIRouter()

    @router.get(f"{PATH}/login/code", include_in_schema=False)
    async def ask_code(request: Request) -> Response:
        try:
            await wiring.database.read(lambda c: logins.halfway(c, _halfway_token(request, wiring), wiring.clock.now()))
        except NotAllowed as error:
            return form(wiring, request, plain.error_words(error, plain.labels_in(request)), 403)
        return plain.page(request, "code", "login", {})

    @router.post(f"{PATH}/login/code", include_in_schema=False)
    async def check_code(request: Request, code: Words) -> Response:
        labels, device, now = plain.labels_in(request), device_of(request), wiring.clock.now()
        token, halfway, vault = people.new_token(), _halfway_token(request, wiring), wiring.safety.vault(TOTP)
        try:
            agent, _ = await wiring.database.read(lambda c: logins.halfway(c, halfway, now))
            wait_s = await wiring.database.write(lambda c: guessing.try_login(c, agent.login, device.address, now))
            if wait_s:
                said = {"problem": labels["login_wait"].format(seconds=wait_s)}
                return plain.page(request, "code", "login", said, status=429)
            if not await wiring.database.write(lambda c: twofactor.accepts(c, vault, agent.id, code, now)):
                await wiring.database.write(lambda c: logins.failed(c, agent.login, device, now))
                return plain.page(request, "code", "login", {"problem": labels["code_wrong"]}, status=403)
            await wiring.database.write(lambda c: logins.complete(c, halfway, token, device, now))
        except NotAllowed:
            return form(wiring, request, labels["login_late"], 403)
        return await _with_cookie(wiring, request, agent, token)

    return router


async def let_in(wiring: Wiring, request: Request, agent: Agent, way: str) -> Response:
    """Begin a session under a new id, or go halfway to the second factor."""
    token, now = people.new_token(), wiring.clock.now()
    if await wiring.database.write(lambda c: logins.enter(c, agent, way, token, device_of(request), now)):
        return await _with_cookie(wiring, request, agent, token)
    response = RedirectResponse(f"{PATH}/login/code", status_code=303)
    _set_cookie(response, wiring, request, HALFWAY, token, int(logins.HALFWAY_LASTS.total_seconds()))
    return response


def form(wiring: Wiring, request: Request, problem: str = "", status: int = 200) -> Response:
    """Return the login page."""
    provider = wiring.safety.provider
    values = {"problem": problem, "provider": provider.name if provider else ""}
    return plain.page(request, "login", "login", values, status=status)


async def _by_link(wiring: Wiring, request: Request, token: str) -> Response:
    try:
        agent = await wiring.database.write(lambda c: people.use_link(c, token, wiring.clock.now()))
    except NotAllowed:
        return form(wiring, request, plain.labels_in(request)["login_link"], 403)
    return await let_in(wiring, request, agent, "link")


async def _with_cookie(wiring: Wiring, request: Request, agent: Agent, token: str) -> Response:
    address, now = device_of(request).address, wiring.clock.now()
    await wiring.database.write(lambda c: guessing.succeeded(c, agent.login, address, now))
    log.info("console.login", agent=agent.id)
    response = RedirectResponse(f"{PATH}/" if agent.answers else f"{PATH}/account", status_code=303)
    _set_cookie(response, wiring, request, "", token, int(people.SESSION_LASTS.total_seconds()))
    if request.cookies.get(wiring.safety.cookie(HALFWAY)):
        response.delete_cookie(wiring.safety.cookie(HALFWAY), path=_path(wiring), secure=wiring.safety.https)
    return response


def _set_cookie(response: Response, wiring: Wiring, request: Request, name: str, value: str, max_age_s: int) -> None:
    safety = wiring.safety
    response.set_cookie(
        safety.cookie(name) if name else safety.cookie(),
        value,
        max_age=max_age_s,
        path=_path(wiring),
        httponly=True,
        samesite="lax",
        secure=safety.https or request.url.scheme == "https",
    )


def _path(wiring: Wiring) -> str:
    return "/" if wiring.safety.https else PATH  # a `__Host-` cookie has to be for the whole host


def _halfway_token(request: Request, wiring: Wiring) -> str:
    return request.cookies.get(wiring.safety.cookie(HALFWAY), "")

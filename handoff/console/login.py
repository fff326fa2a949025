"""The way in: one-time link or password, then a cookie. Plain pages that work without JavaScript."""

from __future__ import annotations

import asyncio
from html import escape
from pathlib import Path
from string import Template
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.errors import NotAllowed
from handoff import people
from handoff.console.labels import LABELS, Labels, language_of
from handoff.console.session import COOKIE, PATH, Wiring

log = structlog.get_logger()


def login_routes(wiring: Wiring) -> APIRouter:
    """Return `/console/login`: the form, what it posts, and the one-time link `?token=…`."""
    router = APIRouter()
    failed = people.FailedLogins()
    page = Template((Path(__file__).parent / "login.html").read_text(encoding="utf-8"))

    @router.get(f"{PATH}/login", include_in_schema=False)
    async def enter(request: Request, token: str = "") -> Response:
        labels = _labels(request)
        if not token:
            return _form(page, labels)
        try:
            agent = await wiring.database.write(
                lambda connection: people.use_link(connection, token, wiring.clock.now())
            )
        except NotAllowed:
            return _form(page, labels, labels["login_link"], 403)
        return await _let_in(wiring, request, agent)

    @router.post(f"{PATH}/login", include_in_schema=False)
    async def log_in(request: Request, login: Annotated[str, Form()], password: Annotated[str, Form()]) -> Response:
        labels = _labels(request)
        address = request.client.host if request.client else ""
        now = wiring.clock.now()
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or "\0" in login:
            return _form(page, labels, labels["login_wrong"], 403)  # no name has a NUL, and PostgreSQL takes none
        if wait_s := failed.wait_s(login, address, now):
            return _form(page, labels, labels["login_wait"].format(seconds=wait_s), 429)
        failed.failed(login, address, now)  # counted before the slow check, so that parallel guesses wait too
        agent, stored = await wiring.database.read(lambda c: people.password_hash_of(c, login))
        fits = await asyncio.to_thread(people.check_password, stored, password)
        if agent is None or not fits:
            log.info("console.login_failed", address=address)
            return _form(page, labels, labels["login_wrong"], 403)
        failed.succeeded(login, address)
        return await _let_in(wiring, request, agent)

    return router


async def _let_in(wiring: Wiring, request: Request, agent: people.Agent) -> Response:
    token = people.new_token()
    await wiring.database.write(
        lambda connection: people.start_session(connection, agent.id, token, wiring.clock.now())
    )
    log.info("console.login", agent=agent.id)
    response = RedirectResponse(f"{PATH}/", status_code=303)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(people.SESSION_LASTS.total_seconds()),
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def _form(page: Template, labels: Labels, problem: str = "", status: int = 200) -> Response:
    words = {key: escape(labels[key]) for key in ("title", "login", "login_name", "password", "login_hint")}
    html = page.substitute(words, problem=escape(problem), lang="zh" if labels is LABELS["zh"] else "en")
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return HTMLResponse(html, status_code=status, headers=headers)


def _labels(request: Request) -> Labels:
    return LABELS[language_of(request.cookies.get("zg_lang"), request.headers.get("accept-language", ""))]

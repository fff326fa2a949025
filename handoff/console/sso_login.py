"""The single sign-on in the browser: out to the provider, and back."""

from __future__ import annotations

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from bot.errors import NotAllowed, ZhangguiError
from handoff import logins, people, sso
from handoff.console import plain
from handoff.console.login import form, let_in
from handoff.console.session import PATH, Wiring, device_of
from handoff.sso import Provider

log = structlog.get_logger()
STARTED = "zhanggui_sso"
BACK = f"{PATH}/login/sso/back"


def sso_routes(wiring: Wiring, provider: Provider) -> APIRouter:
    """Return `/console/login/sso` and where the provider sends people back to."""
    router = APIRouter()
    vault, cookie = wiring.safety.vault("single sign-on"), wiring.safety.cookie(STARTED)
    path = "/" if wiring.safety.https else BACK

    @router.get(f"{PATH}/login/sso", include_in_schema=False)
    async def go(request: Request) -> Response:
        try:
            started = await sso.start(provider, vault, wiring.clock.now())
        except ZhangguiError as error:
            log.warning("console.sso_away", issuer=provider.issuer)
            return form(wiring, request, plain.error_words(error, plain.labels_in(request)), 502)
        response = RedirectResponse(started.address, status_code=303, headers={"Cache-Control": "no-store"})
        # Lax: the provider's redirect is a top-level GET, which brings it.
        response.set_cookie(
            cookie,
            started.sealed,
            sso.STARTED_FOR_S,
            path=path,
            secure=wiring.safety.https,
            httponly=True,
            samesite="lax",
        )
        return response

    @router.get(BACK, include_in_schema=False)
    async def back(request: Request) -> Response:
        labels, now, device = plain.labels_in(request), wiring.clock.now(), device_of(request)
        try:
            sealed, answer = request.cookies.get(cookie, ""), dict(request.query_params)
            email = await sso.finish(provider, vault, sealed, answer, now)
            login = await wiring.database.read(lambda c: sso.login_of(c, email))
            if login is None:
                raise NotAllowed("No agent has this e-mail address.")
            agent = await wiring.database.read(lambda c: people.find_agent(c, login))
            response = await let_in(wiring, request, agent, "sso")
        except ZhangguiError as error:
            log.info("console.sso_failed", address=device.address, why=str(error))
            await wiring.database.write(lambda c: logins.failed(c, "", device, now))
            known = error.code == "sso"
            response = form(wiring, request, labels["error_sso" if known else "login_sso_wrong"], 502 if known else 403)
        response.delete_cookie(cookie, path=path, secure=wiring.safety.https, httponly=True)
        return response

    return router

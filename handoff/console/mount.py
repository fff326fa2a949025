"""Put the console into a web app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.clock import Clock, IdMaker
from bot.delivery.signal import Signal
from bot.errors import NotAllowed
from bot.shop.port import Shop
from bot.store.database import Database
from handoff.console.labels import LABELS, language_of
from handoff.console.login import login_routes
from handoff.console.media import media_routes
from handoff.console.session import COOKIE, PATH, Session, Wiring

RECONNECT_S = 60.0
"""How long a page that lost its connection is kept, so that it catches up instead of loading anew."""


class NotFramed:
    """Forbids other pages to show the console in a frame, where a click could be stolen."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_unframed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Frame-Options"] = "DENY"
                own = headers.get("Content-Security-Policy", "")
                headers["Content-Security-Policy"] = "; ".join(filter(None, (own, "frame-ancestors 'none'")))
            await send(message)

        is_console = scope["type"] == "http" and scope["path"].startswith(PATH)
        await self._app(scope, receive, send_unframed if is_console else send)


class Later:
    """A web app that is loaded when it is first asked for: a shop whose agents do not look is spared its memory."""

    def __init__(self, load: Callable[[], FastAPI]) -> None:
        self._load = load
        self._loading: asyncio.Task[FastAPI] | None = None
        self._ending = AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._loading = self._loading or asyncio.create_task(self._loaded())
        app = await asyncio.shield(self._loading)  # whoever asked first may be gone before it is there
        await app(scope, receive, send)

    async def _loaded(self) -> FastAPI:
        app = await asyncio.to_thread(self._load)  # takes a second, and customers do not wait
        await self._ending.enter_async_context(app.router.lifespan_context(app))
        return app

    def end_with(self, app: FastAPI) -> None:
        """End when `app` ends, before what it runs."""
        around = app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
            async with around(app) as state, self._ending:
                yield state or {}

        app.router.lifespan_context = lifespan


def mount_console(
    app: FastAPI,
    *,
    database: Database,
    shop_of: Callable[[Connection], Shop],
    clock: Clock,
    new_id: IdMaker,
    outbox_signal: Signal,
    changes: Signal,
    faults: Callable[[], list[str]],
    counting: frozenset[str],
    storage_secret: str,
) -> None:
    """Serve the agents' console at `/console/`, loaded at the first visit. Call it once in a process.

    Args:
        outbox_signal: notified after every action, so that what an agent says leaves at once.
        changes: notified after every action, and waited on; pages look for themselves every second as well.
        faults: what is wrong in the knowledge files now, one line each; shown as a banner.
        counting: the channels that count windows (`Limits.counts_windows`).
        storage_secret: signs the cookie by which pages find their connection. Not the login.
    """
    wiring = Wiring(database, shop_of, clock, new_id, outbox_signal, changes, faults, counting)
    app.include_router(login_routes(wiring))
    app.include_router(media_routes(wiring))

    pages = Later(lambda: _pages(wiring, storage_secret))
    app.mount(PATH, pages)
    pages.end_with(app)
    app.add_middleware(NotFramed)


def _pages(wiring: Wiring, storage_secret: str) -> FastAPI:
    """Return what shows the pages."""
    from nicegui import ui  # 20 MB and most of a second

    from handoff.console.page import Page

    @ui.page("/", title="掌柜", reconnect_timeout=RECONNECT_S)
    async def console(request: Request, c: str = "") -> Response | None:
        session = Session(wiring, request.cookies.get(COOKIE, ""))
        try:
            viewer = await session.read(lambda _, agent: agent)
        except NotAllowed:
            return RedirectResponse(f"{PATH}/login", status_code=303)
        language = language_of(request.cookies.get("zg_lang"), request.headers.get("accept-language", ""))
        dark = {"1": True, "0": False}.get(request.cookies.get("zg_dark", ""))
        ui.context.client.title = LABELS[language]["title"]
        await Page(wiring, session, viewer, language, dark).open(c or None)
        return None

    app = FastAPI(openapi_url=None)
    ui.run_with(
        app,
        storage_secret=storage_secret,
        session_middleware_kwargs={"same_site": "lax", "path": PATH, "session_cookie": "zhanggui_page"},
        show_welcome_message=False,
        reconnect_timeout=RECONNECT_S,
        binding_refresh_interval=None,  # no page binds values, and the loop would wake ten times a second
    )
    return app

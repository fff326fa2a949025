"""Put the console into a web app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection
from starlette.types import Receive, Scope, Send

from bot.advice import Advice
from bot.clock import Clock, IdMaker
from bot.delivery.signal import Signal
from bot.errors import NotAllowed
from bot.shop.port import Shop
from bot.store.database import Database
from handoff.console.account import account_routes
from handoff.console.audit_page import audit_routes
from handoff.console.board_page import board_routes
from handoff.console.headers import ConsoleHeaders
from handoff.console.labels import LABELS, language_of
from handoff.console.live_door import LiveDoor
from handoff.console.login import login_routes
from handoff.console.media import media_routes
from handoff.console.plain import style_routes
from handoff.console.report_page import report_routes
from handoff.console.session import PATH, Safety, Wiring, session_in
from handoff.console.sso_login import sso_routes
from handoff.console.staff_page import staff_routes
from handoff.lookout import Lookout
from handoff.reports import MARKETPLACE, Standard

RECONNECT_S = 60.0
"""How long a page that lost its connection is kept, so that it catches up instead of loading anew."""

PATIENCE_S = 30.0
"""How long a page may take to be made: many agents who log in at nine o'clock wait for each other."""


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
    advice: Advice,
    storage_secret: str,
    safety: Safety | None = None,
    standard: Standard = MARKETPLACE,
    more: Sequence[Callable[[Wiring], APIRouter]] = (),
) -> None:
    """Serve the agents' console at `/console/`, loaded at the first visit. Call it once in a process.

    Args:
        outbox_signal: notified after every action, so that what an agent says leaves at once.
        changes: notified after every action, and waited on; pages look for themselves every second as well.
        faults: what is wrong in the knowledge files now, one line each; shown as a banner.
        counting: the channels that count windows (`Limits.counts_windows`).
        advice: what the bot can tell an agent: answers that may fit, and canned replies.
        storage_secret: signs the cookie by which pages find their connection. Not the login.
        safety: how it is kept safe; None: as the settings say that are left out.
        standard: what reports compare answers with, and whose days they tell of.
        more: pages of others that stand beside the console's own.
    """
    from handoff.api import api_routes  # which know the console's sessions
    from handoff.api_desk import desk_routes
    from handoff.api_team import team_routes

    lookout = Lookout(database, changes, clock)
    safety = safety or Safety(secret=storage_secret)
    wiring = Wiring(database, shop_of, clock, new_id, outbox_signal, changes, faults, counting, advice, lookout, safety,
                    standard)  # fmt: skip
    for routes in (login_routes, account_routes, staff_routes, audit_routes, board_routes, report_routes, media_routes,
                   api_routes, desk_routes, team_routes, *more):  # fmt: skip
        app.include_router(routes(wiring))
    app.include_router(style_routes())
    if safety.provider is not None:
        app.include_router(sso_routes(wiring, safety.provider))

    opened: dict[str, str] = {}
    pages = Later(lambda: _pages(wiring, storage_secret, opened))
    app.mount(PATH, LiveDoor(pages, wiring, opened))
    pages.end_with(app)
    app.add_middleware(ConsoleHeaders, path=PATH, https=safety.https)


def _pages(wiring: Wiring, storage_secret: str, opened: dict[str, str]) -> FastAPI:
    """Return what shows the pages. Who opened each is noted in `opened` for as long as it is open."""
    from nicegui import ui  # 20 MB and most of a second

    from handoff.console.page import Page
    from handoff.console.reading import Reader
    from handoff.console.top_bar import Taste

    reader = Reader(wiring)

    @ui.page("/", title="掌柜", reconnect_timeout=RECONNECT_S, response_timeout=PATIENCE_S)
    async def console(request: Request, c: str = "") -> Response | None:
        session = session_in(request, wiring)
        try:
            viewer = await session.read(lambda _, agent: agent)
        except NotAllowed:
            return RedirectResponse(f"{PATH}/login", status_code=303)
        language = language_of(request.cookies.get("zg_lang"), request.headers.get("accept-language", ""))
        sound = request.cookies.get("zg_sound") != "0"
        dark = {"1": True, "0": False}.get(request.cookies.get("zg_dark", ""))
        client = ui.context.client
        client.title = LABELS[language]["title"]
        opened[client.id] = viewer.id
        client.on_delete(lambda: opened.pop(client.id, None))
        await Page(wiring, reader, session, viewer, Taste(language, dark, sound)).open(
            c if c and "\0" not in c else None
        )
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

"""Put the console into a web app."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from nicegui import ui
from sqlalchemy import Connection

from bot.clock import Clock, IdMaker
from bot.delivery.signal import Signal
from bot.errors import NotAllowed
from bot.shop.port import Shop
from bot.store.database import Database
from handoff.console.labels import LABELS, language_of
from handoff.console.login import PATH, login_routes
from handoff.console.page import Page
from handoff.console.session import COOKIE, Session, Wiring

RECONNECT_S = 60.0
"""How long a page that lost its connection is kept, so that it catches up instead of loading anew."""


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
    """Serve the agents' console at `/console/`. Call it once in a process.

    Args:
        outbox_signal: notified after every action, so that what an agent says leaves at once.
        changes: notified after every action, and waited on; pages look for themselves every second as well.
        faults: what is wrong in the knowledge files now, one line each; shown as a banner.
        counting: the channels that count windows (`Limits.counts_windows`).
        storage_secret: signs the cookie by which pages find their connection. Not the login.
    """
    wiring = Wiring(database, shop_of, clock, new_id, outbox_signal, changes, faults, counting)
    app.include_router(login_routes(wiring))

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

    ui.run_with(
        app,
        mount_path=PATH,
        storage_secret=storage_secret,
        session_middleware_kwargs={"same_site": "lax", "path": PATH, "session_cookie": "zhanggui_page"},
        show_welcome_message=False,
        reconnect_timeout=RECONNECT_S,
    )

"""The demo's own page: the chats side by side, the clock, the sale and the payment of another customer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.app import Shopkeeper
from bot.clock import SystemClock, keep_offset
from bot.demo.seed import DEMO_SALE, demo_orders
from bot.demo.twins import Twins
from bot.errors import Conflict
from bot.shop.changes import pay_cart
from handoff.people import create_link, find_agent, new_token

STATIC = Path(__file__).parent / "static"
MAX_STEP_MIN = 7 * 24 * 60
AGENT = "demo"
PAYING_CART = "c-chen"


class OwnPagesOnly:
    """Keeps other web sites, open in the same browser, away from what listens on this machine without a password."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and not self._is_own(HTTPConnection(scope)):
            refusal = JSONResponse({"error": "This is for the demo's own pages only."}, 403)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_own(self, request: HTTPConnection) -> bool:
        # Host shows a foreign name that was made to lead to this machine; Sec-Fetch-Site, which page sent a request.
        # Browsers always send the latter to this machine, programs (the twins, curl) never.
        if request.headers.get("host", "").removesuffix(f":{self._port}") not in ("127.0.0.1", "localhost"):
            return False
        from_own = request.headers.get("sec-fetch-site", "none") in ("same-origin", "none")
        return from_own or request.scope.get("method") in ("GET", "HEAD")


def demo_app(shopkeeper: Shopkeeper, clock: SystemClock, twins: Twins, port: int) -> Starlette:
    """Return the one web app of the demo, served on `port`. It answers only to pages of this same address."""

    async def page(_: Request) -> Response:
        return FileResponse(STATIC / "demo.html", headers={"Cache-Control": "no-store"})

    async def state(_: Request) -> Response:
        orders = await shopkeeper.database.read(demo_orders)
        local = clock.now().astimezone(shopkeeper.settings.shop.zone)
        return JSONResponse({"time": f"{local:%Y-%m-%d %H:%M}", "orders": [asdict(order) for order in orders]})

    async def advance(request: Request) -> Response:
        minutes = request.query_params.get("minutes", "60")
        if not minutes.isdecimal() or not 0 < int(minutes) <= MAX_STEP_MIN:
            return JSONResponse({"error": f"minutes must be 1 to {MAX_STEP_MIN}"}, 400)
        clock.advance(timedelta(minutes=int(minutes)))
        keep_offset(shopkeeper.folder, clock)
        shopkeeper.written.notify()
        shopkeeper.arrived.notify()
        return await state(request)

    async def sale(_: Request) -> Response:
        try:
            return JSONResponse({"announcements": await shopkeeper.start_sale(DEMO_SALE)})
        except Conflict as conflict:
            return JSONResponse({"error": str(conflict)}, 409)

    async def pay(_: Request) -> Response:
        paid = await shopkeeper.database.write(lambda c: pay_cart(c, PAYING_CART, clock.now()))
        shopkeeper.written.notify()
        return JSONResponse({"paid": paid})

    async def console(_: Request) -> Response:
        token = new_token()
        await shopkeeper.database.write(lambda c: create_link(c, find_agent(c, AGENT).id, token, clock.now()))
        return RedirectResponse(f"/console/login?token={token}", 303)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with shopkeeper.web.router.lifespan_context(shopkeeper.web):
            yield
        await twins.telegram.close()

    return Starlette(
        routes=[
            Route("/", page),
            Route("/demo/state", state),
            Route("/demo/clock", advance, methods=["POST"]),
            Route("/demo/sale", sale, methods=["POST"]),
            Route("/demo/pay", pay, methods=["POST"]),
            Route("/demo/console", console, methods=["POST"]),
            Mount("/demo/static", StaticFiles(directory=STATIC)),
            Mount("/twin", twins.app()),
            Mount("/", shopkeeper.web),
        ],
        middleware=[Middleware(OwnPagesOnly, port=port)],
        lifespan=lifespan,
    )

"""Keeps other web sites from using the browser of someone who is logged in here: one rule for everything that changes.

A request with an unsafe method, or one that opens a web socket, must come from a page of this address. Browsers say
where a request comes from in `Sec-Fetch-Site` or `Origin` and let no page forge that; programs say neither and carry
no cookie of a browser, so they are let through to the other doors. A bearer token is no cookie: no browser sends one
by itself. (The same rule as in Go's `net/http.CrossOriginProtection` and in Datasette.)
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSAL = {"error": "origin", "message": "This came from another site. Open the page here and try again."}


class SameOrigin:
    """The rule as a layer around a web app.

    Args:
        exempt: beginnings of paths that other sites and platforms call by right, and that no cookie opens.
        own: the address under which the shop is reached, if a proxy in front tells another one.
    """

    def __init__(self, app: ASGIApp, exempt: Sequence[str] = (), own: str = "") -> None:
        self._app = app
        self._exempt = tuple(exempt)
        self._own = "{0.scheme}://{0.netloc}".format(urlsplit(own)) if own else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._passes(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": REFUSAL["error"]})
        else:
            await JSONResponse(REFUSAL, 403)(scope, receive, send)

    def _passes(self, scope: Scope) -> bool:
        if scope["type"] == "http" and scope["method"] in SAFE:
            return True
        if self._exempt and scope["path"].startswith(self._exempt):
            return True
        headers = Headers(scope=scope)
        if headers.get("authorization", "").lower().startswith("bearer "):
            return True
        origin = headers.get("origin")
        if site := headers.get("sec-fetch-site"):
            return site in ("same-origin", "none") or (origin is not None and origin == self._own)
        if origin is None:
            return True
        return origin == self._own or urlsplit(origin).netloc == headers.get("host")

"""What every answer below `/console` tells the browser: nothing from elsewhere, in no frame, no guessing of types."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; "
    # NiceGUI writes its start into the page, and Vue compiles templates: both need these two words.
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)
"""For pages that bring no policy of their own."""
ALWAYS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
A_YEAR_S = 365 * 24 * 3600


class ConsoleHeaders:
    """Puts them on what an app answers below `path`; with `https` browsers are told to come no other way."""

    def __init__(self, app: ASGIApp, path: str, https: bool = False) -> None:
        self._app = app
        self._path = path
        self._always = ALWAYS | ({"Strict-Transport-Security": f"max-age={A_YEAR_S}"} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._always.items():
                    headers[name] = value
                own = headers.get("Content-Security-Policy", POLICY)
                headers["Content-Security-Policy"] = f"{own}; frame-ancestors 'none'"
            await send(message)

        is_console = scope["type"] == "http" and scope["path"].startswith(self._path)
        await self._app(scope, receive, send_safely if is_console else send)

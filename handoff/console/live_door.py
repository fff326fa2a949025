"""The door to the live parts of the console's pages: the web socket and the uploads.

NiceGUI asks there for the secret id of a page alone. Here a session is asked for as well, so that a role that was taken
away, or a session that has ended, comes back to no page it once opened; and a file is taken from the agent alone who
opened the page that it goes to.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.errors import NotAllowed
from handoff.console.session import PATH, Session, Wiring

UPLOADS = f"{PATH}/_nicegui/client/"
LIVE = (f"{PATH}/_nicegui_ws", UPLOADS)
REFUSAL = {"error": "rights", "message": "Your session has ended, or your role does not answer customers. Log in."}
NOT_YOURS = {"error": "rights", "message": "This page is not yours, or it is closed. Load your own again."}


class LiveDoor:
    """A layer around the pages.

    Args:
        opened: the id of the agent who opened it, by the id of each open page.
    """

    def __init__(self, app: ASGIApp, wiring: Wiring, opened: Mapping[str, str]) -> None:
        self._app = app
        self._wiring = wiring
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not scope["path"].startswith(LIVE):
            await self._app(scope, receive, send)
            return
        token = HTTPConnection(scope).cookies.get(self._wiring.safety.cookie(), "")
        try:
            agent = await Session(self._wiring, token).read(lambda _, agent: agent)
        except NotAllowed:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": REFUSAL["error"]})
            else:
                await JSONResponse(REFUSAL, 403)(scope, receive, send)
            return
        if scope["path"].startswith(UPLOADS) and self._opened.get(_page_in(scope["path"])) != agent.id:
            await JSONResponse(NOT_YOURS, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _page_in(path: str) -> str:
    return path.removeprefix(UPLOADS).partition("/")[0]

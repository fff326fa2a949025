"""The door of WeCom's API: token, trusted address, body; and the troubles that a test orders."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.clock import Clock
from connectors.twin.wecom_answers import Call, Refused, Upload, answer, refusal
from connectors.twin.wecom_tokens import Tokens

Handler = Callable[[Call], dict[str, Any] | Response]
_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


@dataclass(slots=True)
class Trouble:
    """What goes wrong with the next `times` calls of `api`, of any if it is empty.

    Attributes:
        kind: `fault` (refused with `errcode`), `html` (not WeCom's answer at all), `slow` (done, answered after
            `seconds`), `half` (done, the answer breaks off).
    """

    kind: str
    times: int
    api: str = ""
    errcode: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that WeCom itself turned down; ordered faults are not among them."""

    api: str
    errcode: int
    errmsg: str
    at: datetime


@dataclass(slots=True)
class Gate:
    """Attributes: trusted says whether the caller's address is on the app's list (企业可信IP)."""

    tokens: Tokens
    clock: Clock
    trusted: bool = True
    troubles: list[Trouble] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def route(self, api: str, handler: Handler, method: str = "POST", by: frozenset[str] = frozenset({"app"})) -> Route:
        """Return the route of one API; tokens of the secrets named in `by` open it, none is needed if it is empty."""

        async def endpoint(request: Request) -> Response:
            trouble = self._trouble(api)
            if trouble and trouble.kind == "fault":
                return refusal(Refused(trouble.errcode))
            if trouble and trouble.kind == "html":
                return HTMLResponse(_BAD_GATEWAY, 502)
            response = await self._answer(api, handler, by, request)
            if trouble and trouble.kind == "slow":
                await asyncio.sleep(trouble.seconds)
            return _Half(response) if trouble and trouble.kind == "half" else response

        return Route(f"/cgi-bin/{api}", endpoint, methods=[method])

    async def _answer(self, api: str, handler: Handler, by: frozenset[str], request: Request) -> Response:
        now = self.clock.now()
        try:
            if by:
                self._admit(request.query_params.get("access_token", ""), by, now)
            result = handler(await _call(request, now))
        except Refused as fault:
            self.refusals.append(Refusal(api, fault.errcode, str(fault), now))
            return refusal(fault)
        return result if isinstance(result, Response) else answer(**result)

    def _admit(self, token: str, by: frozenset[str], now: datetime) -> None:
        whose = self.tokens.owner(token, now)
        if not self.trusted:
            raise Refused(60020)
        if whose not in by:
            raise Refused(48002)

    def _trouble(self, api: str) -> Trouble | None:
        trouble = next((one for one in self.troubles if one.api in ("", api)), None)
        if trouble:
            trouble.times -= 1
            if trouble.times <= 0:
                self.troubles.remove(trouble)
        return trouble


class _Half(Response):
    """The same answer, broken off in the middle: the server closes the connection before the promised length."""

    def __init__(self, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code, dict(whole.headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


async def _call(request: Request, now: datetime) -> Call:
    if request.method == "GET":
        return Call(now, request.query_params)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return Call(now, request.query_params, upload=await _upload(request))
    try:
        body: Any = json.loads(await request.body())
    except ValueError:
        raise Refused(47001) from None
    if not isinstance(body, Mapping):
        raise Refused(47001)
    return Call(now, request.query_params, dict(body))


async def _upload(request: Request) -> Upload:
    async with request.form() as form:
        media = form.get("media")
        if not isinstance(media, UploadFile):
            raise Refused(44001)
        return Upload(media.filename or "", media.content_type or "", await media.read())

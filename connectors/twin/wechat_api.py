"""WeChat's API over HTTP: what every call has to pass, and which handler answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from starlette.background import BackgroundTask
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from connectors.twin import (
    json_in,
    wechat_access,
    wechat_custom,
    wechat_mass,
    wechat_media,
    wechat_menu,
    wechat_notices,
    wechat_people,
    wechat_qr,
)
from connectors.twin.wechat_account import Account, Call, Stored
from connectors.twin.wechat_errors import Refused, body_of
from connectors.twin.wechat_faults import Fault
from connectors.twin.wechat_kinds import ALLOWED
from connectors.twin.wechat_pusher import Pusher

Handler = Callable[[Account, Call], "Stored | dict[str, object]"]

_WITHOUT_TOKEN = ("token", "stable_token")
_GET: MappingProxyType[str, Handler] = MappingProxyType(
    {
        "token": wechat_access.plain_token,
        "getcallbackip": wechat_access.callback_addresses,
        "media/get": wechat_media.get,
        "menu/get": wechat_menu.get,
        "menu/delete": wechat_menu.delete,
        "user/info": wechat_people.info,
        "user/get": wechat_people.listed,
        "tags/get": wechat_people.tags,
    }
)
_POST: MappingProxyType[str, Handler] = MappingProxyType(
    {
        "stable_token": wechat_access.stable_token,
        "message/custom/send": wechat_custom.send,
        "message/custom/typing": wechat_custom.typing,
        "message/template/send": wechat_notices.send_template,
        "message/template/subscribe": wechat_notices.send_one_time,
        "message/subscribe/bizsend": wechat_notices.send_subscribed,
        "message/mass/sendall": wechat_mass.send_all,
        "message/mass/preview": wechat_mass.preview,
        "message/mass/get": wechat_mass.get,
        "message/mass/delete": wechat_mass.delete,
        "media/upload": wechat_media.upload,
        "material/add_material": wechat_media.add_material,
        "qrcode/create": wechat_qr.create,
        "menu/create": wechat_menu.create,
        "user/tag/get": wechat_people.tagged,
        "tags/create": wechat_people.create_tag,
        "tags/delete": wechat_people.delete_tag,
        "tags/members/batchtagging": wechat_people.tag_users,
        "tags/members/batchuntagging": wechat_people.untag_users,
    }
)


class Api:
    """Everything under `/cgi-bin`."""

    def __init__(self, account: Account, pusher: Pusher) -> None:
        self._account, self._pusher = account, pusher

    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"/{api}", self._endpoint(api, handler), methods=[method])
            for method, handlers in (("GET", _GET), ("POST", _POST))
            for api, handler in handlers.items()
        ]

    def _endpoint(self, api: str, handler: Handler) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            fault = self._account.faults.take(api)
            if fault is None:
                return await self._answer(request, api, handler)
            if fault.how == "errcode":
                return JSONResponse(body_of(int(fault.value)))
            if fault.how == "html":
                return HTMLResponse("<html><body><h1>502 Bad Gateway</h1></body></html>", int(fault.value))
            return await _spoilt(await self._answer(request, api, handler), fault)

        return answer

    async def _answer(self, request: Request, api: str, handler: Handler) -> Response:
        body: dict[str, Any] | None = {}
        try:
            self._check(api, request.query_params.get("access_token", ""))
            file = await _read_file(request)
            if request.method == "POST" and file is None:
                body = await read_json(request)
            if body is None:
                raise Refused(47001)
            base = str(request.url).split("/cgi-bin/", maxsplit=1)[0]
            call = Call(api, request.query_params, body, file, self._account.clock.now(), base)
            result = handler(self._account, call)
        except Refused as refused:
            self._note(api, refused, body or {})
            return JSONResponse(body_of(refused.errcode) | refused.more)
        if isinstance(result, Stored):
            headers = {"Content-Disposition": f'attachment; filename="{result.name}"'}
            return Response(result.body, media_type=result.mime, headers=headers)
        return JSONResponse(result, background=BackgroundTask(self._push_pending))

    def _check(self, api: str, token: str) -> None:
        """Pass a call.

        Raises:
            Refused: its token is wrong, its kind of account may not, or it comes too often.
        """
        now = self._account.clock.now()
        code = 0 if api in _WITHOUT_TOKEN else self._account.tokens.check(token, now)
        if not code and api not in ALLOWED[self._account.kind]:
            code = 48001
        code = code or self._account.quotas.take(api, now)
        if code:
            raise Refused(code)

    def _note(self, api: str, refused: Refused, body: dict[str, Any]) -> None:
        at = self._account.clock.now().isoformat()
        note = {"api": api, "code": refused.errcode, "message": str(refused), "user": body.get("touser"), "at": at}
        self._account.refusals.append(note)

    async def _push_pending(self) -> None:
        while self._account.pending:
            user, fields = self._account.pending.pop(0)
            await self._pusher.push(user, fields)


class _HalfResponse(Response):
    """Promises a whole answer, sends half of it and hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


async def _spoilt(answer: Response, fault: Fault) -> Response:
    if fault.how == "half":
        return _HalfResponse(answer.body, answer.status_code, media_type=answer.media_type)
    await asyncio.sleep(fault.value)
    return answer


async def _read_file(request: Request) -> tuple[str, bytes] | None:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return None
    async with request.form() as form:
        for part in form.values():
            if isinstance(part, UploadFile):
                return part.filename or "", await part.read()
    return None


async def read_json(request: Request) -> dict[str, Any] | None:
    """Return the JSON object of a request, None if it is none."""
    try:
        body = json_in.read(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None

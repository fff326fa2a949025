"""The methods of the Bot API that the stand-in Telegram answers, with the checks Telegram makes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.twin.telegram_push import Hook, Push
from connectors.twin.telegram_world import Json, Refused, World, photo_sizes

_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


class BotApi:
    """Answers `/bot{token}/{method}`."""

    def __init__(self, token: str, world: World, push: Push) -> None:
        self._token = token
        self._world = world
        self._push = push
        self.faults: list[Json] = []
        self._methods: dict[str, Callable[[Json], Awaitable[object]]] = {
            "getme": self._get_me,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
            "getupdates": self._get_updates,
            "sendmessage": self._send_message,
            "editmessagetext": self._edit_message_text,
            "answercallbackquery": self._answer_callback_query,
            "sendchataction": self._send_chat_action,
            "sendphoto": self._send_photo,
        }

    async def endpoint(self, request: Request) -> Response:
        """Answer one call as Telegram does: `{"ok", "result"}` or `{"ok", "error_code", "description"}`."""
        try:
            if request.path_params["token"] != self._token:
                raise Refused(401, "Unauthorized")
            name = request.path_params["method"].lower()
            method = self._methods.get(name)
            if method is None:
                raise Refused(404, "Not Found: method not found")
            fault = self._fault(name)
            if fault.get("kind") == "bad_gateway":
                return Response("<html>502 Bad Gateway</html>", 502, media_type="text/html")
            result = await method(await _params(request))
            if fault.get("kind") == "slow":
                await asyncio.sleep(float(fault.get("seconds", 10)))
        except Refused as no:
            body: Json = {"ok": False, "error_code": no.status, "description": no.description}
            return JSONResponse(body | ({"parameters": no.parameters} if no.parameters else {}), no.status)
        return JSONResponse({"ok": True, "result": result})

    def _fault(self, name: str) -> Json:
        """Take the next fault that was ordered for this method over the control interface."""
        for fault in self.faults:
            if str(fault.get("method", "")).lower() == name:
                self.faults.remove(fault)
                if fault.get("kind") == "flood":
                    pause_s = int(fault.get("seconds", 1))
                    raise Refused(429, f"Too Many Requests: retry after {pause_s}", {"retry_after": pause_s})
                return fault
        return {}

    async def _get_me(self, params: Json) -> object:
        return self._world.bot

    async def _set_webhook(self, params: Json) -> object:
        url, secret = str(params.get("url", "")), str(params.get("secret_token", ""))
        if url and not re.match(r"https?://[^/\s]+", url):
            raise Refused(400, "Bad Request: bad webhook: invalid webhook URL specified")
        if secret and not _SECRET.fullmatch(secret):
            raise Refused(400, "Bad Request: bad webhook: secret token contains unallowed characters")
        self._allow(params)
        if params.get("drop_pending_updates"):
            self._world.pending.clear()
        self._push.hook = Hook(url, secret)
        self._push.wake()
        return True

    async def _delete_webhook(self, params: Json) -> object:
        return await self._set_webhook({"drop_pending_updates": params.get("drop_pending_updates")})

    async def _get_webhook_info(self, params: Json) -> object:
        hook = self._push.hook
        info: Json = {
            "url": hook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._world.pending),
            "max_connections": 40,
            "allowed_updates": sorted(self._world.allowed),
        }
        return info | ({"last_error_date": hook.error_at, "last_error_message": hook.error} if hook.error else {})

    async def _get_updates(self, params: Json) -> object:
        self._allow(params)
        limit = min(max(_integer(params, "limit", 100), 1), 100)
        return await self._push.fetch(_integer(params, "offset", 0), limit, min(_integer(params, "timeout", 0), 50))

    async def _send_message(self, params: Json) -> object:
        text = str(params.get("text", "")).strip()
        self._world.chat_for_bot(_integer(params, "chat_id"))
        _check_length(text, 4096, "message")
        if not text:
            raise Refused(400, "Bad Request: message text is empty")
        return self._world.post(_integer(params, "chat_id"), {"text": text, **_markup(params)})

    async def _send_photo(self, params: Json) -> object:
        if not params.get("photo"):
            raise Refused(400, "Bad Request: there is no photo in the request")
        caption = str(params.get("caption", "")).strip()
        _check_length(caption, 1024, "message caption")
        body: Json = {"photo": photo_sizes(), **({"caption": caption} if caption else {}), **_markup(params)}
        return self._world.post(_integer(params, "chat_id"), body)

    async def _edit_message_text(self, params: Json) -> object:
        text = str(params.get("text", "")).strip()
        message = self._world.find(_integer(params, "chat_id"), _integer(params, "message_id"))
        if message is None:
            raise Refused(400, "Bad Request: message to edit not found")
        if message["from"]["id"] != self._world.bot["id"]:
            raise Refused(400, "Bad Request: message can't be edited")
        _check_length(text, 4096, "message")
        if not text:
            raise Refused(400, "Bad Request: message text is empty")
        markup = _markup(params)
        if message.get("text") == text and message.get("reply_markup") == markup.get("reply_markup"):
            raise Refused(400, "Bad Request: message is not modified")
        message.pop("reply_markup", None)
        message.update(text=text, edit_date=int(self._world.clock.now().timestamp()), **markup)
        return message

    async def _answer_callback_query(self, params: Json) -> object:
        tap = self._world.taps.get(str(params.get("callback_query_id", "")))
        if tap is None or tap["answered"]:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        tap.update(answered=True, text=str(params.get("text", ""))[:200])
        return True

    async def _send_chat_action(self, params: Json) -> object:
        chat = self._world.chat_for_bot(_integer(params, "chat_id"))
        self._world.typing_at[chat["id"]] = self._world.clock.now()
        return True

    def _allow(self, params: Json) -> None:
        """Keep the list of wanted kinds until another one is given, as Telegram does."""
        kinds = params.get("allowed_updates")
        if isinstance(kinds, list) and kinds:
            self._world.allowed = frozenset(str(kind) for kind in kinds)


async def _params(request: Request) -> Json:
    """Read the query, then a JSON, urlencoded or multipart body; nested values may be JSON in a string."""
    found: Json = dict(request.query_params)
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind == "application/json":
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError):
            raise Refused(400, "Bad Request: can't parse JSON object") from None
        found |= body if isinstance(body, dict) else {}
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form() as form:
            found |= {name: value.filename if isinstance(value, UploadFile) else value for name, value in form.items()}
    for name in ("reply_markup", "allowed_updates"):
        if isinstance(found.get(name), str):
            found[name] = _decoded(found[name])
    return {name: False if value in ("false", "False") else value for name, value in found.items()}


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Refused(400, "Bad Request: object expected as reply markup") from None


def _integer(params: Json, name: str, default: int | None = None) -> int:
    try:
        return int(str(params[name])) if name in params or default is None else default
    except (KeyError, ValueError):
        missing = "chat_id is empty" if name == "chat_id" else f"{name} is not specified or not a number"
        raise Refused(400, f"Bad Request: {missing}") from None


def _check_length(text: str, limit: int, what: str) -> None:
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > limit:
        raise Refused(400, f"Bad Request: {what} is too long")


def _markup(params: Json) -> Json:
    """Return `{"reply_markup": …}` with an inline keyboard that passes Telegram's checks, or nothing."""
    markup = params.get("reply_markup")
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    if not rows:
        return {}
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Refused(400, 'Bad Request: field "inline_keyboard" must be an Array of Arrays')
    buttons = [button for row in rows for button in row]
    if len(buttons) > 100:
        raise Refused(400, "Bad Request: reply markup is too long")
    for button in buttons:
        if not isinstance(button, dict) or not str(button.get("text", "")).strip():
            raise Refused(400, "Bad Request: can't parse inline keyboard button: text is empty")
        if "url" in button:
            continue
        if "callback_data" not in button:
            raise Refused(400, "Bad Request: text buttons are unallowed in the inline keyboard")
        if not 1 <= len(str(button["callback_data"]).encode()) <= 64:
            raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    return {"reply_markup": {"inline_keyboard": rows}}

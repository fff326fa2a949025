"""Answers the calls of the Bot API for the stand-in Telegram, and remembers which it refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.twin.telegram_faults import Faults, HalfAnswer, gateway_page
from connectors.twin.telegram_params import integer, read_params
from connectors.twin.telegram_push import Hook, Push
from connectors.twin.telegram_sends import Sends
from connectors.twin.telegram_topics import Topics
from connectors.twin.telegram_world import Json, Method, Refused, World

_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_DOWNLOAD_BYTES = 20_000_000  # Bot API, getFile


class BotApi:
    """Answers `/bot{token}/{method}` and `/file/bot{token}/{path}`.

    Attributes:
        faults: what tests ordered to go wrong.
        refusals: every call that was refused: `method`, `status`, `description`, `chat`, `at` and whether a test had
            `ordered` it.
    """

    def __init__(self, token: str, world: World, push: Push) -> None:
        self._token = token
        self._world = world
        self._push = push
        self.faults = Faults()
        self.refusals: list[Json] = []
        self._methods: Mapping[str, Method] = {
            "getme": self._get_me,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
            "getupdates": self._get_updates,
            "answercallbackquery": self._answer_callback_query,
            "getfile": self._get_file,
            "getchat": self._get_chat,
            "setmycommands": self._set_my_commands,
            **Sends(world).methods,
            **Topics(world).methods,
        }

    async def endpoint(self, request: Request) -> Response:
        """Answer one call as Telegram does: `{"ok", "result"}` or `{"ok", "error_code", "description"}`."""
        name, params = str(request.path_params["method"]).lower(), {}
        fault = self.faults.take(name)
        if fault is not None and fault.kind == "html":
            return gateway_page(fault.status)
        try:
            if request.path_params["token"] != self._token:
                raise Refused(401, "Unauthorized")
            if name not in self._methods:
                raise Refused(404, "Not Found: method not found")
            if fault is not None and fault.kind == "status":
                fault.refuse()
            params = await read_params(request)
            result = await self._methods[name](params)
        except Refused as no:
            return self._refuse(name, params, no, ordered=fault is not None)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "half":
            return HalfAnswer({"ok": True, "result": result})
        return JSONResponse({"ok": True, "result": True if fault is not None and fault.kind == "odd" else result})

    async def download(self, request: Request) -> Response:
        """Hand out a file by the path that getFile told."""
        file = self._world.files.by_path.get(unquote(request.path_params["path"]))
        fault = self.faults.take("file")
        if fault is not None:
            return gateway_page(fault.status)
        if request.path_params["token"] != self._token or file is None:
            return JSONResponse({"ok": False, "error_code": 404, "description": "Not Found"}, 404)
        return Response(file.body, media_type="application/octet-stream")

    def _refuse(self, name: str, params: Json, no: Refused, ordered: bool) -> Response:
        what = {"method": name, "status": no.status, "description": no.description, "ordered": ordered}
        at = self._world.clock.now().isoformat()
        self.refusals.append({**what, "chat": str(params.get("chat_id", "")), "at": at})
        body: Json = {"ok": False, "error_code": no.status, "description": no.description}
        return JSONResponse(body | ({"parameters": no.parameters} if no.parameters else {}), no.status)

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
        limit = min(max(integer(params, "limit", 100), 1), 100)
        return await self._push.fetch(integer(params, "offset", 0), limit, min(integer(params, "timeout", 0), 50))

    async def _answer_callback_query(self, params: Json) -> object:
        tap = self._world.taps.get(str(params.get("callback_query_id", "")))
        if tap is None or tap["answered"]:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        tap.update(answered=True, text=str(params.get("text", ""))[:200])
        return True

    async def _get_file(self, params: Json) -> object:
        file = self._world.files.by_id.get(str(params.get("file_id", "")))
        if file is None:
            raise Refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if file.size > _DOWNLOAD_BYTES:
            raise Refused(400, "Bad Request: file is too big")
        unique = f"AQAD{file.id}"
        return {"file_id": file.id, "file_unique_id": unique, "file_size": file.size, "file_path": file.path}

    async def _get_chat(self, params: Json) -> object:
        chat = self._world.chat_for_bot(integer(params, "chat_id"))
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        accepted = dict.fromkeys(gifts, False)
        return {**chat, "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": accepted}

    async def _set_my_commands(self, params: Json) -> object:
        commands = params.get("commands")
        if not isinstance(commands, list) or len(commands) > 100:
            raise Refused(400, "Bad Request: too many commands")
        for command in commands:
            if not isinstance(command, dict) or not _COMMAND.fullmatch(str(command.get("command", ""))):
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(str(command.get("description", ""))) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self._world.commands = commands
        return True

    def _allow(self, params: Json) -> None:
        """Keep the list of wanted kinds until another one is given, as Telegram does."""
        kinds = params.get("allowed_updates")
        if isinstance(kinds, list) and kinds:
            self._world.allowed = frozenset(str(kind) for kind in kinds)

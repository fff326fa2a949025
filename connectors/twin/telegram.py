"""A stand-in Telegram: the Bot API over HTTP, a control interface for tests, and a page to chat on. For development."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.clock import Clock
from connectors.twin.telegram_api import BotApi
from connectors.twin.telegram_push import Push
from connectors.twin.telegram_world import Group, Json, Refused, User, build_world

_STATIC = Path(__file__).parent / "static"
_FILES = {"telegram.js": "text/javascript", "telegram.css": "text/css"}
_TYPING_S = 5


class TelegramTwin:
    """One bot with its users and groups.

    Args:
        token: what the bot must show, `123456:ABC`; its first part is the bot's id.
        bot_username: without `@`.
        users: id and name of each person; none has started the bot yet.
        groups: id (negative) and title of each group; the bot is in all of them.
        privacy: Telegram's privacy mode: in groups the bot gets commands, mentions and replies only.

    Attributes:
        routes: everything under `/telegram`, to be put into a Starlette app.
    """

    def __init__(
        self,
        token: str,
        bot_username: str,
        users: Sequence[tuple[int, str]],
        groups: Sequence[tuple[int, str]],
        clock: Clock,
        privacy: bool = True,
    ) -> None:
        self._clock = clock
        self._world = build_world(token, bot_username, users, groups, clock, privacy)
        self._push = Push(self._world.pending, lambda: int(clock.now().timestamp()))
        self._api = BotApi(token, self._world, self._push)
        controls = {
            "say": self._say,
            "tap": self._tap,
            "start": self._start,
            "block": self._block,
            "unblock": self._unblock,
            "add": self._add,
            "remove": self._remove,
            "migrate": self._migrate,
            "raw": self._raw,
            "fault": self._fault,
        }
        self.routes: list[BaseRoute] = [
            Mount(
                "/telegram",
                routes=[
                    Route("/bot{token}/{method}", self._api.endpoint, methods=["GET", "POST"]),
                    *(Route(f"/control/{name}", _control(do), methods=["POST"]) for name, do in controls.items()),
                    Route("/control/messages", self._messages),
                    Route("/control/state", self._state),
                    Route("/panel", self._panel),
                    Route("/static/{name}", self._static),
                ],
            )
        ]

    async def close(self) -> None:
        """Stop delivering updates; call it when the app ends."""
        await self._push.close()

    async def _say(self, body: Json) -> Json:
        user = self._user(body)
        chat_id = _number(body, "chat") if body.get("chat") else user.id
        if chat_id != user.id and self._group(chat_id).moved_to:
            chat_id = self._group(chat_id).moved_to or chat_id
        reply_to = _number(body, "reply_to") if body.get("reply_to") else None
        message = self._world.say(user, chat_id, str(body.get("text", "")), bool(body.get("photo")), reply_to)
        self._push.wake()
        return {"message_id": message["message_id"]}

    async def _start(self, body: Json) -> Json:
        user = self._user(body)
        self._world.set_blocked(user, False)
        payload = str(body.get("payload") or "")
        return await self._say({"user": user.id, "text": f"/start {payload}".strip()})

    async def _tap(self, body: Json) -> Json:
        user, message_id, data = self._user(body), _number(body, "message_id"), str(body.get("data", ""))
        for chat_id, messages in self._world.messages.items():
            for message in messages:
                if message["message_id"] == message_id and (chat_id == user.id or chat_id in self._world.groups):
                    if data not in [button["data"] for row in _buttons(message) for button in row]:
                        raise Refused(400, "the message has no such button")
                    query_id = self._world.tap(user, chat_id, message, data)
                    self._push.wake()
                    return {"callback_query_id": query_id}
        raise Refused(404, "no such message for this user")

    async def _block(self, body: Json) -> Json:
        self._world.set_blocked(self._user(body), True)
        self._push.wake()
        return {}

    async def _unblock(self, body: Json) -> Json:
        self._world.set_blocked(self._user(body), False)
        self._push.wake()
        return {}

    async def _add(self, body: Json) -> Json:
        return self._member(body, True)

    async def _remove(self, body: Json) -> Json:
        return self._member(body, False)

    def _member(self, body: Json, member: bool) -> Json:
        self._world.set_member(self._user(body), self._group(_number(body, "group")), member)
        self._push.wake()
        return {}

    async def _migrate(self, body: Json) -> Json:
        moved = self._world.migrate(self._group(_number(body, "group")))
        self._push.wake()
        return {"group": moved.id}

    async def _raw(self, body: Json) -> Json:
        """Inject `update`, or bring the one numbered `resend` once more."""
        if "resend" in body:
            update = self._world.history.get(_number(body, "resend"))
            if update is None:
                raise Refused(404, "no such update")
        else:
            update = body["update"] if isinstance(body.get("update"), dict) else body
        update = self._world.inject(dict(update))
        self._push.wake()
        return {"update_id": update["update_id"]}

    async def _fault(self, body: Json) -> Json:
        """Order a fault for the next call of `method`: `kind` is slow, bad_gateway or flood, with `seconds`."""
        self._api.faults.append(body)
        return {}

    async def _messages(self, request: Request) -> Response:
        try:
            query = dict(request.query_params)
            chat_id = _number(query, "chat") if query.get("chat") else self._user(query).id
            if chat_id not in self._world.users:
                self._group(chat_id)
        except Refused as no:
            return JSONResponse({"error": no.description}, no.status)
        user, typing_at = self._world.users.get(chat_id), self._world.typing_at.get(chat_id)
        typing = typing_at is not None and (self._clock.now() - typing_at).total_seconds() < _TYPING_S
        messages = [_shown(message) for message in self._world.messages.get(chat_id, [])]
        state = {"started": user.started, "blocked": user.blocked} if user else {}
        return JSONResponse({"chat": chat_id, "messages": messages, "typing": typing, **state})

    async def _state(self, request: Request) -> Response:
        world = self._world
        return JSONResponse(
            {
                "bot": world.bot,
                "users": [{"id": u.id, "name": u.name} for u in world.users.values()],
                "groups": [{"id": g.id, "title": g.title} for g in world.groups.values() if g.moved_to is None],
                "updates": sorted(world.history),
                "pending": [update["update_id"] for update in world.pending],
                "taps": world.taps,
            }
        )

    async def _panel(self, request: Request) -> Response:
        return FileResponse(_STATIC / "telegram.html", media_type="text/html; charset=utf-8")

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _FILES:
            return Response("not found", 404)
        return FileResponse(_STATIC / name, media_type=f"{_FILES[name]}; charset=utf-8")

    def _user(self, body: Json) -> User:
        user = self._world.users.get(_number(body, "user"))
        if user is None:
            raise Refused(404, "no such user")
        return user

    def _group(self, group_id: int) -> Group:
        group = self._world.groups.get(group_id)
        if group is None:
            raise Refused(404, "no such group")
        return group


def _control(do: Callable[[Json], Awaitable[Json]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            body: Any = json.loads(await request.body())
            if not isinstance(body, dict):
                raise Refused(400, "a JSON object is needed")
            return JSONResponse({"ok": True, **await do(body)})
        except Refused as no:
            return JSONResponse({"ok": False, "error": no.description}, no.status)
        except (ValueError, RecursionError):
            return JSONResponse({"ok": False, "error": "the body is not JSON"}, 400)

    return endpoint


def _number(body: Json, name: str) -> int:
    try:
        return int(str(body[name]))
    except (KeyError, ValueError):
        raise Refused(400, f"{name} must be a number") from None


def _shown(message: Json) -> Json:
    sender = message["from"]
    return {
        "id": message["message_id"],
        "from": {"id": sender["id"], "name": sender["first_name"], "is_bot": sender["is_bot"]},
        "text": message.get("text") or message.get("caption") or "",
        "photo": "photo" in message,
        "buttons": _buttons(message),
        "reply_to": message.get("reply_to_message", {}).get("message_id"),
        "time": message["date"],
        "edited": "edit_date" in message,
    }


def _buttons(message: Json) -> list[list[Json]]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [[{"text": b["text"], "data": b.get("callback_data"), "url": b.get("url")} for b in row] for row in rows]

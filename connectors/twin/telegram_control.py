"""The control interface of the stand-in Telegram: what people do there, and what goes wrong there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.twin import json_in
from connectors.twin.telegram_api import BotApi
from connectors.twin.telegram_files import PIXEL, as_media
from connectors.twin.telegram_people import People
from connectors.twin.telegram_push import Push
from connectors.twin.telegram_topics import Topics
from connectors.twin.telegram_views import buttons_of, number_of
from connectors.twin.telegram_world import Group, Json, Refused, User, World

_RATES = ("overall", "per_chat", "per_group")


class Control:
    """Each route takes a JSON object by POST and answers `{"ok": true, …}`, or `{"ok": false, "error"}`.

    People, all with `user`: say {chat, thread, text, reply_to}, start {payload}, photo and file {chat, thread, kind,
    text, name, mime, body, size}, edit {message_id, text}, tap {message_id, data}, vote {message_id, options}, block,
    unblock, add, remove and kick {group}, leave {group}, and migrate {group}. join {users, group}.
    Deliveries: hold, release {backwards, twice}, raw {update | resend}, unknown_update, forge {secret, update}.
    Faults, all with {method, times}: fault {status, description, retry_after}, slow {seconds}, half, html {status}
    and odd.
    Groups with topics: forum {group, on, manages, admins} changes what was left in; delete_topic {group, thread}.
    Rules: rates {overall, per_chat, per_group}: messages in each window, null for no limit.
    """

    def __init__(self, world: World, push: Push, api: BotApi) -> None:
        self._world = world
        self._people = People(world)
        self._push = push
        self._api = api

    def routes(self) -> list[BaseRoute]:
        posts = {
            "say": self._say,
            "start": self._start,
            "photo": self._file,
            "file": self._file,
            "edit": self._edit,
            "tap": self._tap,
            "vote": self._vote,
            "block": self._block,
            "unblock": self._unblock,
            "add": self._add,
            "remove": self._remove,
            "kick": self._remove,
            "join": self._join,
            "leave": self._leave,
            "migrate": self._migrate,
            "forum": self._forum,
            "delete_topic": self._delete_topic,
            "hold": self._hold,
            "release": self._release,
            "raw": self._raw,
            "unknown_update": self._unknown_update,
            "forge": self._forge,
            "rates": self._rates,
        }
        faults = {"fault": "status", "slow": "slow", "half": "half", "html": "html", "odd": "odd"}
        return [
            *(Route(f"/control/{name}", self._post(do), methods=["POST"]) for name, do in posts.items()),
            *(
                Route(f"/control/{name}", self._post(self._fault(kind)), methods=["POST"])
                for name, kind in faults.items()
            ),
        ]

    def _post(self, do: Callable[[Json], Awaitable[Json]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                raw = await request.body()
                body: Any = json_in.read(raw) if raw else {}
                if not isinstance(body, dict):
                    raise Refused(400, "a JSON object is needed")
                answer = await do(body)
                self._push.wake()
                return JSONResponse({"ok": True, **answer})
            except Refused as no:
                return JSONResponse({"ok": False, "error": no.description}, no.status)
            except (ValueError, TypeError, RecursionError):
                return JSONResponse({"ok": False, "error": "the body does not hold what is needed"}, 400)

        return endpoint

    # People.

    async def _say(self, body: Json) -> Json:
        if body.get("photo"):
            return await self._file(body)
        user = self._user(body)
        reply_to = number_of(body, "reply_to") if body.get("reply_to") else None
        place, thread = self._place(body, user), _thread(body)
        message = self._people.say(user, place, str(body.get("text", "")), None, reply_to, thread)
        return {"message_id": message["message_id"]}

    async def _start(self, body: Json) -> Json:
        user = self._user(body)
        self._people.set_blocked(user, False)
        return await self._say({"user": user.id, "text": f"/start {body.get('payload') or ''}".strip()})

    async def _file(self, body: Json) -> Json:
        user, kind = self._user(body), str(body.get("kind", "photo"))
        if kind not in ("photo", "voice", "video", "document"):
            raise Refused(400, "kind must be photo, voice, video or document")
        try:
            given = base64.b64decode(str(body["body"]), validate=True) if body.get("body") else PIXEL
        except binascii.Error:
            raise Refused(400, "body must be base64") from None
        name, size = str(body.get("name", "")), number_of(body, "size") if body.get("size") else None
        file = self._world.files.put(kind, given, name, size)
        media = as_media(kind, file, name, str(body.get("mime", "")))
        place, thread = self._place(body, user), _thread(body)
        message = self._people.say(user, place, str(body.get("text", "")), media, None, thread)
        return {"message_id": message["message_id"], "file_id": file.id}

    async def _edit(self, body: Json) -> Json:
        user = self._user(body)
        message = self._message(body, user)
        if message["from"]["id"] != user.id:
            raise Refused(403, "only the author may change a message")
        self._people.edit(message, str(body.get("text", "")))
        return {}

    async def _tap(self, body: Json) -> Json:
        user, data = self._user(body), str(body.get("data", ""))
        message = self._message(body, user)
        if data not in [button["data"] for row in buttons_of(message) for button in row]:
            raise Refused(400, "the message has no such button")
        return {"callback_query_id": self._people.tap(user, message, data)}

    async def _vote(self, body: Json) -> Json:
        user, options = self._user(body), body.get("options", [])
        message = self._message(body, user)
        if "poll" not in message or not isinstance(options, list):
            raise Refused(400, "the message is no poll, or the options are no list")
        self._people.vote(user, message, [int(option) for option in options])
        return {}

    async def _block(self, body: Json) -> Json:
        self._people.set_blocked(self._user(body), True)
        return {}

    async def _unblock(self, body: Json) -> Json:
        self._people.set_blocked(self._user(body), False)
        return {}

    async def _add(self, body: Json) -> Json:
        self._people.set_member(self._someone(body), self._group(number_of(body, "group")), True)
        return {}

    async def _remove(self, body: Json) -> Json:
        self._people.set_member(self._someone(body), self._group(number_of(body, "group")), False)
        return {}

    async def _join(self, body: Json) -> Json:
        users = [self._user({"user": user}) for user in body.get("users", [])]
        if not users:
            raise Refused(400, "users must name somebody")
        self._people.join(users, self._group(number_of(body, "group")))
        return {}

    async def _leave(self, body: Json) -> Json:
        self._people.leave(self._user(body), self._group(number_of(body, "group")))
        return {}

    async def _migrate(self, body: Json) -> Json:
        return {"group": self._people.migrate(self._group(number_of(body, "group"))).id}

    async def _forum(self, body: Json) -> Json:
        group = self._group(number_of(body, "group"))
        group.forum, group.manages = bool(body.get("on", group.forum)), bool(body.get("manages", group.manages))
        group.admins = frozenset(int(user) for user in body.get("admins", group.admins))
        return {}

    async def _delete_topic(self, body: Json) -> Json:
        Topics(self._world).forget(self._group(number_of(body, "group")), number_of(body, "thread"))
        return {}

    # Deliveries, faults, rules.

    async def _hold(self, body: Json) -> Json:
        self._push.held = True
        return {}

    async def _release(self, body: Json) -> Json:
        self._push.release(backwards=bool(body.get("backwards")), twice=bool(body.get("twice")))
        return {}

    async def _raw(self, body: Json) -> Json:
        """Inject `update`, or bring the one numbered `resend` once more."""
        if "resend" in body:
            update = self._world.history.get(number_of(body, "resend"))
            if update is None:
                raise Refused(404, "no such update")
        else:
            update = body["update"] if isinstance(body.get("update"), dict) else body
        return {"update_id": self._world.inject(dict(update))["update_id"]}

    async def _unknown_update(self, body: Json) -> Json:
        return {"update_id": self._world.inject({"hologram": {"beam": [1, 2], "chat": {"depth": 3}}})["update_id"]}

    async def _forge(self, body: Json) -> Json:
        update = body.get("update") or {"update_id": 1, "message": {"text": "forged"}}
        secret = body.get("secret")
        try:
            return {"status": await self._push.forge(update, None if secret is None else str(secret))}
        except (httpx.HTTPError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise Refused(409, f"the webhook cannot be reached: {type(error).__name__}") from None

    def _fault(self, kind: str) -> Callable[[Json], Awaitable[Json]]:
        async def order(body: Json) -> Json:
            self._api.faults.order(kind, body)
            return {}

        return order

    async def _rates(self, body: Json) -> Json:
        for name in _RATES:
            if name in body:
                getattr(self._world.rates, name).count = None if body[name] is None else number_of(body, name)
        return {}

    # Who and where.

    def _user(self, body: Json) -> User:
        user = self._world.users.get(number_of(body, "user"))
        if user is None:
            raise Refused(404, "no such user")
        return user

    def _someone(self, body: Json) -> User:
        return self._user(body) if "user" in body else next(iter(self._world.users.values()))

    def _group(self, group_id: int) -> Group:
        group = self._world.groups.get(group_id)
        if group is None:
            raise Refused(404, "no such group")
        return group

    def _place(self, body: Json, user: User) -> int:
        """Return the chat that is meant: the private one, or a group under its newest id."""
        chat_id = number_of(body, "chat") if body.get("chat") else user.id
        return chat_id if chat_id == user.id else self._group(chat_id).moved_to or chat_id

    def _message(self, body: Json, user: User) -> Json:
        """Return the message that is meant, from the user's private chat or a group."""
        number = number_of(body, "message_id")
        for chat_id in (user.id, *self._world.groups):
            if message := self._world.find(chat_id, number):
                return message
        raise Refused(404, "no such message for this user")


def _thread(body: Json) -> int | None:
    return number_of(body, "thread") if body.get("thread") else None

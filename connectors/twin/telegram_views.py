"""What the stand-in Telegram shows to tests and to its panel."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.twin.telegram_api import BotApi
from connectors.twin.telegram_files import picture_ending
from connectors.twin.telegram_world import Json, Refused, World

_TYPING_S = 5
_SERVICE = (
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_closed",
    "forum_topic_reopened",
    "new_chat_members",
    "left_chat_member",
)
_MIMES = {".png": "image/png", ".jpg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}


class Views:
    """By GET: control/messages?chat=…&user=…, control/state, control/refusals, control/picture/{file_id}."""

    def __init__(self, world: World, api: BotApi) -> None:
        self._world = world
        self._api = api

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/control/messages", self._messages),
            Route("/control/state", self._state),
            Route("/control/refusals", self._refusals),
            Route("/control/picture/{file_id}", self._picture),
        ]

    async def _messages(self, request: Request) -> Response:
        query = dict(request.query_params)
        try:
            chat_id = number_of(query, "chat" if query.get("chat") else "user")
            reader = number_of(query, "user") if query.get("user") else chat_id
            if chat_id not in self._world.users and chat_id not in self._world.groups:
                raise Refused(404, "no such chat")
        except Refused as no:
            return JSONResponse({"error": no.description}, no.status)
        user, typing_at = self._world.users.get(chat_id), self._world.typing_at.get(chat_id)
        typing = typing_at is not None and (self._world.clock.now() - typing_at).total_seconds() < _TYPING_S
        messages = [_shown(message, self._world, reader) for message in self._world.messages.get(chat_id, [])]
        state: Json = {"started": user.started, "blocked": user.blocked} if user else {}
        pinned, group = self._world.pinned.get(chat_id), self._world.groups.get(chat_id)
        state |= {"topics": list(group.topics.values())} if group is not None and group.forum else {}
        return JSONResponse({"chat": chat_id, "messages": messages, "typing": typing, "pinned": pinned, **state})

    async def _state(self, request: Request) -> Response:
        world = self._world
        return JSONResponse(
            {
                "bot": world.bot,
                "users": [{"id": u.id, "name": u.name} for u in world.users.values()],
                "groups": [
                    {"id": g.id, "title": g.title, "forum": g.forum}
                    for g in world.groups.values()
                    if g.moved_to is None
                ],
                "updates": sorted(world.history),
                "pending": [update["update_id"] for update in world.pending],
                "taps": world.taps,
                "commands": world.commands,
            }
        )

    async def _refusals(self, request: Request) -> Response:
        return JSONResponse({"refusals": self._api.refusals})

    async def _picture(self, request: Request) -> Response:
        file = self._world.files.by_id.get(request.path_params["file_id"])
        mime = _MIMES.get(picture_ending(file.body)) if file else None
        if file is None or mime is None:
            return Response("not found", 404)
        return Response(file.body, media_type=mime, headers={"x-content-type-options": "nosniff"})


def number_of(body: Json, name: str) -> int:
    """Return a whole number that has to be there. Raises Refused."""
    try:
        return int(str(body[name]))
    except (KeyError, ValueError):
        raise Refused(400, f"{name} must be a number") from None


def buttons_of(message: Json) -> list[list[Json]]:
    """Return the rows of buttons under a message, each with `text`, `data` and `url`."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [[{"text": b["text"], "data": b.get("callback_data"), "url": b.get("url")} for b in row] for row in rows]


def _shown(message: Json, world: World, reader: int) -> Json:
    sender = message["from"]
    files = [kind for kind in ("voice", "video", "document") if kind in message]
    return {
        "id": message["message_id"],
        "from": {"id": sender["id"], "name": sender["first_name"], "is_bot": sender["is_bot"]},
        "text": message.get("text") or message.get("caption") or "",
        "photo": f"control/picture/{message['photo'][-1]['file_id']}" if "photo" in message else "",
        "file": files[0] if files else "",
        "poll": _poll(message["poll"], world, reader) if "poll" in message else None,
        "buttons": buttons_of(message),
        "thread": message.get("message_thread_id"),
        "service": next((kind for kind in _SERVICE if kind in message), ""),
        "reply_to": message.get("reply_to_message", {}).get("message_id"),
        "time": message["date"],
        "edited": "edit_date" in message,
    }


def _poll(poll: Json, world: World, reader: int) -> Json:
    mine = world.votes.get(poll["id"], {}).get(reader, [])
    options = [
        {"text": option["text"], "votes": option["voter_count"], "mine": number in mine}
        for number, option in enumerate(poll["options"])
    ]
    return {"question": poll["question"], "options": options, "closed": poll["is_closed"]}

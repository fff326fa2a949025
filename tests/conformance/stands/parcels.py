"""A platform that posts signed JSON and takes JSON, in a few lines, and the connector that `new connector` wrote for it."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.clock import SystemClock
from bot.connector import Connector
from bot.messages import Chat, Purpose
from connectors.plugins import make_plugin
from tests.conformance.stand import Can, Forgery, Ground, Shop, Shown, Trouble

CHANNEL, SECRET, TOKEN = "other:parcels", "secret-of-the-hook", "token-of-the-api"
STATUS = {Trouble.PAUSE: 429, Trouble.WINDOW: 410, Trouble.BLOCKED: 403}


class ParcelsStand:
    """The package `parcels` has to be importable; the fixture of the suite writes it."""

    lacks: ClassVar[Mapping[Can, str]] = {
        Can.PICTURES_IN: "this platform takes texts only",
        Can.PICTURES_OUT: "this platform takes texts only",
    }

    long_text_characters: ClassVar[int] = 2_500
    purpose: ClassVar[Purpose] = Purpose.REPLY
    sample = b'{"id": "e", "kind": "message", "time": 1795000000, "chat": "c-1", "user": {"id": "u"}, "text": "hi"}'

    def __init__(self, ground: Ground) -> None:
        self.chat, self.secrets, self.line = Chat(CHANNEL, "c-1"), (SECRET, TOKEN), ground.line
        self._ground, self._clock = ground, SystemClock()
        self._events: list[dict[str, Any]] = []
        self._waiting: list[dict[str, Any]] | None = None
        self._posted: dict[str, dict[str, Any]] = {}
        self._trouble: Trouble | None = None
        self.shop = Shop(self._make)

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/messages", self._messages, methods=["POST"])]

    def _make(self) -> Connector:
        options = {"secret": SECRET, "token": TOKEN, "api_base": f"{self.line.base}/twin"}
        return make_plugin("parcels.connector:Parcels", CHANNEL, self._clock, options)

    async def say(self, text: str) -> None:
        await self._happen(kind="message", text=text)

    async def tap(self, label: str) -> None:
        last = list(self._posted.values())[-1]
        token = next(choice["token"] for choice in last["choices"] if choice["label"] == label)
        await self._happen(kind="tap", choice=token)

    async def follow(self) -> None:
        await self._happen(kind="started", payload="shoes")

    async def leave(self) -> None:
        await self._happen(kind="left")

    async def picture(self) -> None:
        raise NotImplementedError

    async def unknown(self) -> None:
        event = self._event(kind="hologram", text="beam", user={"id": 7}) | {"id": "hologram-1"}
        assert await self.push(json.dumps(event).encode()) == 200

    async def again(self) -> None:
        await self._deliver(self._events[-1])

    async def hold_back(self) -> None:
        self._waiting = []

    async def let_go(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        for event in reversed(waiting):
            await self._deliver(event)

    async def push(self, body: bytes) -> int:
        return await self._post(body, SECRET)

    async def forge(self, how: Forgery) -> int:
        body = json.dumps(self._event(kind="message", text="forged")).encode()
        if how is Forgery.SIGNATURE:
            return await self._post(body, "guessed")
        return await self._post(body, SECRET, age_s=3600)

    async def shown(self) -> Sequence[Shown]:
        return [
            Shown(body["text"], tuple(choice["label"] for choice in body.get("choices", ())))
            for body in self._posted.values()
        ]

    async def make_trouble(self, trouble: Trouble) -> None:
        self._trouble = trouble

    async def close(self) -> None: ...

    async def _happen(self, **event: Any) -> None:
        self._events.append(self._event(**event))
        if self._waiting is not None:
            self._waiting.append(self._events[-1])
        else:
            await self._deliver(self._events[-1])

    def _event(self, **event: Any) -> dict[str, Any]:
        time = int(self._clock.now().timestamp())
        return {"id": f"e{len(self._events)}", "time": time, "chat": "c-1", "user": {"id": "u-1", "name": "Li"}} | event

    async def _deliver(self, event: dict[str, Any]) -> None:
        await self._post(json.dumps(event, ensure_ascii=False).encode(), SECRET)

    async def _post(self, body: bytes, secret: str, age_s: int = 0) -> int:
        timestamp = str(int(self._clock.now().timestamp()) - age_s)
        headers = {"X-Timestamp": timestamp, "X-Signature": _signature(secret, timestamp, body)}
        return (await self._ground.http.post("/other/parcels/webhook", content=body, headers=headers)).status_code

    async def _messages(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(status_code=401)
        if self._trouble is not None:
            status, self._trouble = STATUS[self._trouble], None
            return Response(status_code=status, headers={"Retry-After": "7"})
        body = await request.json()
        if body["chat"] != "c-1" or not body["text"].strip() or len(body["text"]) > 1000:
            return Response(status_code=400)
        key = self._posted.setdefault(request.headers["idempotency-key"], body)
        return JSONResponse({"id": f"p{id(key)}"})


def _signature(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, "sha256").hexdigest()

"""The shop's own web page, with a visitor who posts what a browser posts."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from starlette.routing import BaseRoute

from bot.clock import SystemClock
from bot.connector import Connector
from bot.messages import Chat, Purpose
from connectors.webchat.tokens import VisitorTokens
from tests.conformance.stand import Can, Forgery, Ground, Shop, Shown, Trouble
from tests.webchat_stand import SECRET, Room, connector, png

VISITOR = "v1"


class WebChatStand:
    """The page of the shop 青禾 in one visitor's browser."""

    lacks: ClassVar[Mapping[Can, str]] = {
        Can.DATED: "its tokens do not end",
        Can.LEAVE: "a closed page is not told",
        Can.CARRY: "the page reads the transcript, see tests/test_webchat.py",
        Can.API: "the page reads the transcript, see tests/test_webchat.py",
        Can.PICTURES_OUT: "the page reads the transcript, see tests/test_webchat.py",
        Can.LONG: "the page shows a text of any length",
        Can.PAUSE: "nobody limits us on our own page",
        Can.WINDOWS: "nobody limits us on our own page",
        Can.BLOCK: "nobody blocks a page that is not open",
        Can.TAP: "what can be tapped stands in the transcript, see tests/test_webchat.py",
        Can.KEY: "the page reads the transcript, see tests/test_webchat.py",
    }
    long_text_characters: ClassVar[int] = 0
    purpose: ClassVar[Purpose] = Purpose.REPLY

    def __init__(self, ground: Ground) -> None:
        self.chat, self.line, self.secrets = Chat("web:shop", VISITOR), ground.line, (SECRET,)
        self._ground, self._clock = ground, SystemClock()
        self._room = Room(self._clock)
        self._token = VisitorTokens("web:shop", SECRET).sign(VISITOR)
        self.sample = json.dumps({"token": self._token, "client_id": "c", "text": "hi"}).encode()
        self._posts: list[tuple[str, dict[str, Any]]] = []
        self._waiting: list[tuple[str, dict[str, Any]]] | None = None
        self.shop = Shop(self._make, self._room)

    def routes(self) -> Sequence[BaseRoute]:
        return []

    def _make(self) -> Connector:
        return connector(self._room, self._clock)

    async def say(self, text: str) -> None:
        await self._happen("messages", token=self._token, text=text)

    async def tap(self, label: str) -> None:
        raise NotImplementedError

    async def follow(self) -> None:
        await self._post("session", b"{}")

    async def leave(self) -> None:
        raise NotImplementedError

    async def picture(self) -> None:
        await self._happen("images", token=self._token, image=base64.b64encode(png(2, 2)).decode())

    async def unknown(self) -> None:
        assert await self._post("messages", b'{"hologram": true}') == 400

    async def again(self) -> None:
        where, body = self._posts[-1]
        await self._post(where, json.dumps(body).encode())

    async def hold_back(self) -> None:
        self._waiting = []

    async def let_go(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        for where, body in reversed(waiting):
            await self._post(where, json.dumps(body).encode())

    async def push(self, body: bytes) -> int:
        return await self._post("messages", body)

    async def forge(self, how: Forgery) -> int:
        return await self._post("messages", b'{"token": "v1.guessed", "client_id": "c", "text": "forged"}')

    async def shown(self) -> Sequence[Shown]:
        return []

    async def make_trouble(self, trouble: Trouble) -> None:
        raise NotImplementedError

    async def close(self) -> None: ...

    async def _happen(self, where: str, **body: Any) -> None:
        self._posts.append((where, {"client_id": f"c{len(self._posts)}", **body}))
        if self._waiting is not None:
            self._waiting.append(self._posts[-1])
        else:
            await self.again()

    async def _post(self, where: str, body: bytes) -> int:
        return (await self._ground.http.post(f"/webchat/shop/{where}", content=body)).status_code

"""Telegram by webhook and by polling, against its twin."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from starlette.routing import BaseRoute

from bot.clock import SystemClock
from bot.connector import Connector
from bot.messages import Chat, Purpose
from connectors.telegram.connector import TelegramConnector
from connectors.twin.telegram import TelegramTwin
from tests.conformance.stand import Can, Forgery, Ground, Shop, Shown, Trouble

TOKEN, SECRET, LI = "4242:token-of-the-bot", "secret-of-the-hook", 1001
HEADER = "X-Telegram-Bot-Api-Secret-Token"


async def _soon(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 0.02))


class TelegramStand:
    """One bot and one person. The twin's rates are off: the sender keeps them, not the connector."""

    lacks: ClassVar[Mapping[Can, str]] = {
        Can.DATED: "its updates have no signed time; their numbers are the guard",
        Can.WINDOWS: "whoever started the bot can be written to",
        Can.KEY: "it takes no key",
    }
    long_text_characters: ClassVar[int] = 9_000
    purpose: ClassVar[Purpose] = Purpose.REPLY
    sample = (
        b'{"update_id": 5, "message": {"message_id": 1, "date": 1795000000, "text": "hi", '
        b'"chat": {"id": 7, "type": "private"}, "from": {"id": 7, "is_bot": false, "first_name": "Li"}}}'
    )
    mode: ClassVar[Literal["webhook", "polling"]] = "webhook"

    def __init__(self, ground: Ground) -> None:
        self.chat, self.secrets, self.line = Chat("telegram:shopbot", str(LI)), (TOKEN, SECRET), ground.line
        self._ground, self._clock = ground, SystemClock()
        self._twin = TelegramTwin(TOKEN, "shop_bot", [(LI, "李雷")], [], self._clock)
        self.shop = Shop(self._make)

    def routes(self) -> Sequence[BaseRoute]:
        return self._twin.routes

    def _make(self) -> Connector:
        return TelegramConnector(
            "telegram:shopbot", TOKEN, SECRET, self.mode, self._ground.base, self._clock,
            api_base=f"{self.line.base}/twin/telegram", sleep=_soon,
        )  # fmt: skip

    async def say(self, text: str) -> None:
        await self._does("rates", overall=None, per_chat=None, per_group=None)
        await self._does("say", user=LI, text=text)

    async def tap(self, label: str) -> None:
        for message in reversed(await self._messages()):
            for button in (button for row in message["buttons"] for button in row):
                if button["text"] == label:
                    await self._does("tap", user=LI, message_id=message["id"], data=button["data"])
                    return
        raise LookupError(label)

    async def follow(self) -> None:
        await self._does("start", user=LI, payload="shoes")

    async def leave(self) -> None:
        await self._does("block", user=LI)

    async def picture(self) -> None:
        await self._does("photo", user=LI, text="this one")

    async def unknown(self) -> None:
        await self._does("unknown_update")

    async def again(self) -> None:
        state = (await self._ground.http.get("/twin/telegram/control/state")).json()
        await self._does("raw", resend=state["updates"][-1])

    async def hold_back(self) -> None:
        await self._does("hold")

    async def let_go(self) -> None:
        await self._does("release", backwards=True)

    async def push(self, body: bytes) -> int:
        return await self._post(body, SECRET)

    async def forge(self, how: Forgery) -> int:
        return await self._post(b'{"update_id": 1, "message": {"text": "forged"}}', "guessed")

    async def shown(self) -> Sequence[Shown]:
        return [
            Shown(one["text"], tuple(b["text"] for row in one["buttons"] for b in row), bool(one["photo"]))
            for one in await self._messages()
            if one["from"]["is_bot"]
        ]

    async def make_trouble(self, trouble: Trouble) -> None:
        if trouble is Trouble.BLOCKED:
            await self.leave()
        else:
            await self._does("fault", status=429, retry_after=7, method="sendMessage")

    async def close(self) -> None:
        await self._twin.close()

    async def _does(self, action: str, **body: Any) -> None:
        answer = await self._ground.http.post(f"/twin/telegram/control/{action}", json=body)
        assert answer.status_code == 200, answer.text

    async def _messages(self) -> list[dict[str, Any]]:
        answer = await self._ground.http.get("/twin/telegram/control/messages", params={"chat": LI})
        return list(answer.json()["messages"])

    async def _post(self, body: bytes, secret: str) -> int:
        answer = await self._ground.http.post("/telegram/shopbot/webhook", content=body, headers={HEADER: secret})
        return answer.status_code


class PollingStand(TelegramStand):
    """The same bot, asking for its updates."""

    lacks: ClassVar[Mapping[Can, str]] = {
        **TelegramStand.lacks,
        Can.SIGNED: "nothing is posted to us when we poll",
        Can.REQUESTS: "nothing is posted to us when we poll",
        Can.WORDS: "nothing is posted to us when we poll",
    }
    mode: ClassVar[Literal["webhook", "polling"]] = "polling"

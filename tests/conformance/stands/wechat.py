"""WeChat's official account in safe mode and its mini-program, against their twins."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from starlette.routing import BaseRoute

from bot.clock import SystemClock
from bot.connector import Connector
from bot.messages import Chat, Purpose
from connectors.twin.wechat import WeChatTwin
from connectors.twin.wechat_cipher import Fields, encrypt, sign, to_xml
from connectors.wechat.account import Account, Kind
from connectors.wechat.connector import WeChatConnector
from tests.conformance.stand import Can, Forgery, Ground, Shop, Shown, Trouble

APP_ID, LI = "wx1234567890abcdef", "oLi"
APP_SECRET, TOKEN, AES_KEY = "secret-of-the-app", "token-of-the-hook", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
ERRCODES = {Trouble.PAUSE: 45011, Trouble.WINDOW: 45015}


class WeChatStand:
    """A verified service account and one follower."""

    lacks: ClassVar[Mapping[Can, str]] = {
        Can.TAP: "choices go out as a numbered list, so that the answer opens the full window",
        Can.KEY: "its customer messages take no key",
    }
    long_text_characters: ClassVar[int] = 1_800
    purpose: ClassVar[Purpose] = Purpose.REPLY
    sample = (
        b"<xml><ToUserName>gh</ToUserName><FromUserName>oX</FromUserName><CreateTime>1795000000</CreateTime>"
        b"<MsgType>event</MsgType><Event>unsubscribe</Event></xml>"
    )
    kind: ClassVar[Kind] = Kind.VERIFIED_SERVICE
    platform: ClassVar[str] = "wechat"
    opening: ClassVar[str] = "follow"

    def __init__(self, ground: Ground) -> None:
        self.chat, self.line = Chat(f"{self.platform}:shop", LI), ground.line
        self.secrets = (APP_SECRET, TOKEN, AES_KEY)
        self._ground, self._clock = ground, SystemClock()
        callback = f"{ground.base}/{self.platform}/shop/callback"
        self._twin = WeChatTwin(
            APP_ID, APP_SECRET, TOKEN, AES_KEY, "青禾", [(LI, "李雷")], callback, self._clock, kind=self.kind.value
        )
        self._waiting: set[asyncio.Task[None]] = set()
        self._held: int | None = None
        self.shop = Shop(self._make)

    def routes(self) -> Sequence[BaseRoute]:
        return self._twin.routes

    def _make(self) -> Connector:
        account = Account(self.chat.channel, APP_ID, self.kind)
        api_base = f"{self.line.base}/twin/wechat"
        return WeChatConnector(account, APP_SECRET, TOKEN, AES_KEY, self._clock, api_base)

    async def say(self, text: str) -> None:
        await self._acts("say", text=text)

    async def tap(self, label: str) -> None:
        raise NotImplementedError

    async def follow(self) -> None:
        await self._acts(self.opening)

    async def leave(self) -> None:
        await self._acts("unfollow")

    async def picture(self) -> None:
        await self._acts("image")

    async def unknown(self) -> None:
        event: Fields = {
            "ToUserName": "gh",
            "FromUserName": LI,
            "CreateTime": 1,
            "MsgType": "event",
            "Event": "hologram",
        }
        assert await self.push(to_xml(event).encode()) == 200

    async def again(self) -> None:
        await self._acts("resend")

    async def hold_back(self) -> None:
        await self._does("hold")
        self._held = 0

    async def let_go(self) -> None:
        count, self._held = self._held or 0, None
        self._begin("release", order=list(reversed(range(count))))

    async def push(self, body: bytes) -> int:
        return await self._post(body, TOKEN)

    async def forge(self, how: Forgery) -> int:
        fields: Fields = {
            "ToUserName": "gh",
            "FromUserName": LI,
            "CreateTime": 1,
            "MsgType": "text",
            "Content": "x",
            "MsgId": 1,
        }
        body = to_xml(fields).encode()
        if how is Forgery.SIGNATURE:
            return await self._post(body, "guessed")
        return await self._post(body, TOKEN, age_s=3600)

    async def shown(self) -> Sequence[Shown]:
        answer = await self._ground.http.get("/twin/wechat/control/messages", params={"user": LI})
        return [
            Shown(line["text"], picture=line["kind"] == "image")
            for line in answer.json()["messages"]
            if line["from"] == "account"
        ]

    async def make_trouble(self, trouble: Trouble) -> None:
        if trouble is Trouble.BLOCKED:
            await self._does("block", user=LI)
        else:
            await self._does("fault", errcode=ERRCODES[trouble], api="message/custom/send")

    async def close(self) -> None:
        for task in list(self._waiting):
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    async def _acts(self, action: str, **body: Any) -> None:
        """Let the customer act. The push ends only when the shop has answered, which may take its time to reply."""
        if self._held is not None:
            self._held += 1
            await self._does(action, user=LI, **body)
        else:
            self._begin(action, user=LI, **body)

    def _begin(self, action: str, **body: Any) -> None:
        task = asyncio.create_task(self._does(action, **body))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _does(self, action: str, **body: Any) -> None:
        answer = await self._ground.http.post(f"/twin/wechat/control/{action}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text

    async def _post(self, body: bytes, token: str, age_s: int = 0) -> int:
        stamp = str(int(self._clock.now().timestamp()) - age_s)
        sealed = encrypt(AES_KEY, APP_ID, body.decode("utf-8", "replace"), secrets.token_bytes(16))
        query = {"timestamp": stamp, "nonce": "7", "encrypt_type": "aes", "signature": sign(token, stamp, "7")}
        query["msg_signature"] = sign(token, stamp, "7", sealed)
        content = to_xml({"ToUserName": "gh", "Encrypt": sealed}).encode()
        answer = await self._ground.http.post(f"/{self.platform}/shop/callback", params=query, content=content)
        return answer.status_code


class MiniProgramStand(WeChatStand):
    """A mini-program and one of its users."""

    lacks: ClassVar[Mapping[Can, str]] = {**WeChatStand.lacks, Can.LEAVE: "nobody follows a mini-program"}
    kind: ClassVar[Kind] = Kind.MINI_PROGRAM
    platform: ClassVar[str] = "miniprogram"
    opening: ClassVar[str] = "enter"

"""The WeChat connector and the WeChat twin, both served over loopback, the real wechatpy between them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.messages import Chat, Choice, Outbound, Purpose, Receipt
from connectors.twin.app import build_twin
from connectors.twin.wechat import WeChatTwin
from connectors.twin.wechat_cipher import encrypt, sign, to_xml
from connectors.wechat.account import Account, Form, Kind
from connectors.wechat.connector import WeChatConnector
from tests.host import RecordingHost
from tests.loopback import base_of, listening

APP_ID, SECRET, TOKEN, AES_KEY = "wx5823bf96d3bd56c7", "s3cret", "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
CHANNEL = "wechat:gh_qinghe"
LI, WANG = "oLi-0000000000000000000000001", "oWang-00000000000000000000002"
START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
FORMS = {
    "cart": Form("T-cart", "subscription", {"thing1": "product", "amount2": "total"}),
    "shipped": Form("T-shipped", "template", {"character_string1": "order"}),
}


class Watch:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def move(self, **step: float) -> None:
        self.time += timedelta(**step)


@dataclass
class Stage:
    connector: WeChatConnector
    host: RecordingHost
    twin: WeChatTwin
    clock: Watch
    twin_clock: Watch
    base: str
    http: httpx.AsyncClient

    @property
    def callback(self) -> str:
        return f"{self.base}/{self.connector.channel.replace(':', '/')}/callback"

    def move(self, **step: float) -> None:
        self.clock.move(**step)
        self.twin_clock.move(**step)

    async def does(self, action: str, user: str = LI, **more: object) -> dict[str, Any]:
        answer = await self.http.post(f"{self.base}/twin/wechat/control/{action}", json={"user": user, **more})
        result: dict[str, Any] = answer.json()
        return result

    async def lines(self, user: str = LI) -> list[dict[str, Any]]:
        answer = await self.http.get(f"{self.base}/twin/wechat/control/messages", params={"user": user})
        found: list[dict[str, Any]] = answer.json()["messages"]
        return found

    async def chat(self, user: str = LI) -> list[tuple[str, str]]:
        return [(line["from"], line["text"]) for line in await self.lines(user)]

    async def send(self, text: str, *choices: Choice, user: str = LI, id: str = "m1", road: str = "window") -> Receipt:
        return await self.connector.send(a_message(text, *choices, user=user, id=id, road=road, chat=self.channel))

    @property
    def channel(self) -> str:
        return self.connector.channel

    async def push(self, xml: str, app_id: str = APP_ID, token: str = TOKEN, age_s: int = 0) -> httpx.Response:
        """Post any text to the callback, sealed and signed as the platform would."""
        sealed = encrypt(AES_KEY, app_id, xml, b"0123456789abcdef")
        timestamp = str(int(self.clock.now().timestamp()) - age_s)
        query = {"timestamp": timestamp, "nonce": "n", "msg_signature": sign(token, timestamp, "n", sealed)}
        return await self.http.post(self.callback, params=query, content=to_xml({"Encrypt": sealed}))

    async def push_plain(self, body: str | bytes, age_s: int = 0, **changed: str) -> httpx.Response:
        """Post any body to the callback, signed as the platform does for a test account."""
        timestamp = str(int(self.clock.now().timestamp()) - age_s)
        query = {"signature": sign(TOKEN, timestamp, "n"), "timestamp": timestamp, "nonce": "n", **changed}
        return await self.http.post(self.callback, params=query, content=body)

    async def push_fields(self, **fields: Any) -> httpx.Response:
        return await self.push(to_xml({"FromUserName": LI, "CreateTime": 1795312800, **fields}))


def a_message(
    text: str, *choices: Choice, user: str = LI, chat: str = CHANNEL, id: str = "m1", **more: Any
) -> Outbound:
    return Outbound(id, Chat(chat, user), more.pop("purpose", Purpose.REPLY), text, choices, **more)


@dataclass
class Served:
    """A web app on a free port of this machine, as a context."""

    app: Starlette
    listener: socket.socket

    async def __aenter__(self) -> str:
        config = uvicorn.Config(self.app, lifespan="off", log_level="critical", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.task = asyncio.create_task(self.server.serve(sockets=[self.listener]))
        while not self.server.started:
            await asyncio.sleep(0.005)
        return base_of(self.listener)

    async def __aexit__(self, *exc: object) -> None:
        self.server.should_exit = True
        await self.task
        self.listener.close()


def make_connector(base: str, clock: Watch, kind: Kind = Kind.VERIFIED_SERVICE, **changed: Any) -> WeChatConnector:
    platform = "miniprogram" if kind is Kind.MINI_PROGRAM else "wechat"
    account = Account(
        changed.pop("channel", f"{platform}:gh_qinghe"),
        changed.pop("app_id", APP_ID),
        kind,
        changed.pop("forms", FORMS),
    )
    aes_key = "" if kind is Kind.TEST else AES_KEY
    settings: dict[str, Any] = {"app_secret": SECRET, "token": TOKEN, "aes_key": aes_key, "api_base": base}
    return WeChatConnector(account, **{**settings, **changed}, clock=clock)


@asynccontextmanager
async def staged(
    kind: Kind = Kind.VERIFIED_SERVICE, twins_key: str = AES_KEY, twins_kind: Kind | None = None, holding: bool = False
) -> AsyncIterator[Stage]:
    listener, clock, twin_clock, host = listening(), Watch(), Watch(), RecordingHost()
    base = base_of(listener)
    connector = make_connector(f"{base}/twin/wechat", clock, kind)
    users = [(LI, "李"), (WANG, "Wang")]
    twin = WeChatTwin(APP_ID, SECRET, TOKEN, twins_key, "清河", users, "", twin_clock, kind=(twins_kind or kind).value)
    app = Starlette(routes=[*connector.routes(), Mount("/twin", app=build_twin(None, twin))])
    async with Served(app, listener), httpx.AsyncClient(trust_env=False) as http:
        stage = Stage(connector, host, twin, clock, twin_clock, base, http)
        twin.pusher.callback_url = stage.callback
        await connector.start(host)
        hold = asyncio.create_task(connector.hold()) if holding else None
        await asyncio.sleep(0)
        yield stage
        if hold:
            hold.cancel()
        await connector.stop()


def refused_so_far(reason: str) -> float:
    labels = {"channel": CHANNEL, "reason": reason}
    return REGISTRY.get_sample_value("zhanggui_callbacks_refused_total", labels) or 0.0

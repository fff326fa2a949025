"""A WeChat twin on a port of this machine, a shop that answers its pushes, and a client of its API."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from connectors.twin.app import build_twin
from connectors.twin.wechat import WeChatTwin
from connectors.twin.wechat_cipher import decrypt, encrypt, from_xml, sign, to_xml
from tests.loopback import base_of, listening

APP_ID, SECRET, TOKEN = "wx5823bf96d3bd56c7", "s3cret", "QDG6eK"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
LI, WANG = "oLi-0000000000000000000000001", "oWang-00000000000000000000002"
TLS = ssl.create_default_context()  # once: building one takes longer than a call
START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # 10:00 in Beijing


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def advance(self, step: timedelta) -> None:
        self.time += step


@dataclass
class Shop:
    """The other side: remembers each push, opened, and answers what it was told to.

    Attributes:
        pushes: the XML inside each push.
        answer: the plain text of the next answers.
        queries: the query of each push.
        seals: whether pushes and answers that are XML are sealed, as in safe mode.
        opens: whether pushes are opened at all, or kept as they came.
        delays_s: how long the next answers wait, in order.
    """

    seals: bool = True
    opens: bool = True
    pushes: list[str] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    answer: str = "success"
    delays_s: list[float] = field(default_factory=list)

    async def callback(self, request: Request) -> Response:
        body = (await request.body()).decode()
        opens = self.seals and self.opens
        self.queries.append(dict(request.query_params))
        self.pushes.append(decrypt(AES_KEY, APP_ID, from_xml(body)["Encrypt"]) if opens else body)
        answer = self.answer
        if self.delays_s:
            await asyncio.sleep(self.delays_s.pop(0))
        if not answer.startswith("<") or not self.seals:
            return PlainTextResponse(answer)
        sealed = encrypt(AES_KEY, APP_ID, answer, b"0123456789abcdef")
        signature = sign(TOKEN, "1", "n", sealed)
        outer = {"Encrypt": sealed, "MsgSignature": signature, "TimeStamp": "1", "Nonce": "n"}
        return PlainTextResponse(to_xml(outer))

    def fields(self) -> list[dict[str, str]]:
        return [from_xml(push) for push in self.pushes]

    async def waits_for(self, count: int) -> dict[str, str]:
        """Return the last push once there are `count` of them."""
        async with asyncio.timeout(5):
            while len(self.pushes) < count:
                await asyncio.sleep(0.005)
        return self.fields()[-1]


@dataclass
class Stand:
    twin: WeChatTwin
    shop: Shop
    clock: HandClock
    root: str
    http: httpx.AsyncClient
    token: str = ""

    async def does(self, action: str, user: str = LI, **more: object) -> dict[str, Any]:
        answer = await self.http.post(f"{self.root}/control/{action}", json={"user": user, **more})
        result: dict[str, Any] = answer.json()
        return result

    async def call(self, api: str, **request: Any) -> dict[str, Any]:
        """Call an API with a token: GET unless there is a body."""
        if not self.token:
            self.token = (await self.fetch()).get("access_token", "")
        method = "POST" if request.keys() & {"json", "content", "files"} else "GET"
        params = {"access_token": self.token, **request.pop("params", {})}
        answer = await self.http.request(method, f"{self.root}/cgi-bin/{api}", params=params, **request)
        result: dict[str, Any] = answer.json()
        return result

    async def code(self, api: str, **request: Any) -> int:
        return int((await self.call(api, **request)).get("errcode", 0))

    async def fetch(self, path: str = "stable_token", **more: object) -> dict[str, Any]:
        app = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET, **more}
        url = f"{self.root}/cgi-bin/{path}"
        if path == "token":
            answer = await self.http.get(url, params={key: str(value) for key, value in app.items()})
        else:
            answer = await self.http.post(url, json=app)
        result: dict[str, Any] = answer.json()
        return result

    async def send(self, user: str = LI, **body: Any) -> int:
        """Send a customer message, a text unless another type is given, and return its code."""
        kind = next(iter(body), "text")
        content = body or {"text": {"content": "您好"}}
        return await self.code("message/custom/send", json={"touser": user, "msgtype": kind, **content})

    async def upload(self, body: bytes, kind: str = "image", api: str = "media/upload") -> dict[str, Any]:
        return await self.call(api, params={"type": kind}, files={"media": ("a", body)})

    async def chat(self, user: str = LI) -> list[dict[str, Any]]:
        answer = await self.http.get(f"{self.root}/control/messages", params={"user": user})
        lines: list[dict[str, Any]] = answer.json()["messages"]
        return lines

    async def seen(self, user: str = LI) -> list[tuple[str, str, str]]:
        return [(line["from"], line["kind"], line["text"]) for line in await self.chat(user)]

    async def refusals(self) -> list[tuple[str, int]]:
        answer = await self.http.get(f"{self.root}/control/refusals")
        return [(note["api"], note["code"]) for note in answer.json()["refusals"]]


@asynccontextmanager
async def stood(kind: str = "verified_service", aes_key: str = AES_KEY) -> AsyncIterator[Stand]:
    listener = listening()
    base = base_of(listener)
    shop, clock = Shop(seals=bool(aes_key)), HandClock()
    twin = WeChatTwin(
        APP_ID,
        SECRET,
        TOKEN,
        aes_key,
        "清河",
        [(LI, "李"), (WANG, "Wang")],
        f"{base}/callback",
        clock,
        kind=kind,
        answer_limit_s=0.1,
    )
    routes = [Route("/callback", shop.callback, methods=["POST"]), Mount("/twin", app=build_twin(None, twin))]
    config = uvicorn.Config(Starlette(routes=routes), lifespan="off", log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    async with httpx.AsyncClient(trust_env=False, verify=TLS) as http:
        yield Stand(twin, shop, clock, f"{base}/twin/wechat", http)
    server.should_exit = True
    await task
    listener.close()

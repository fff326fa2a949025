"""The connector against a platform of a few lines, over real HTTP on the loopback."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.clock import SystemClock
from bot.messages import Chat, Choice, Inbound, Outbound, Purpose, Report, SendStatus

from .connector import ExampleChat
from .wire import signature

CAPTURED = Path(__file__).with_name("message.json").read_bytes()
CHANNEL, SECRET = "other:examplechat", "test-secret"


class Shop:
    """Remembers what the connector stored. `is_away` makes storing fail."""

    def __init__(self) -> None:
        self.received: list[Inbound] = []
        self.is_away = False

    async def receive(self, messages: Sequence[Inbound]) -> None:
        if self.is_away:
            raise ConnectionError("the database is away")
        self.received += messages

    async def report(self, reports: Sequence[Report]) -> None: ...

    async def alert(self, key: str, text: str) -> None: ...

    async def recall(self, name: str) -> str:
        return ""

    async def keep(self, name: str, value: str) -> None: ...

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        yield


class Stage:
    """Shop, connector and platform on one port."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.shop = Shop()
        self.posted: list[dict[str, Any]] = []
        self.answer: Response = JSONResponse({"id": "p-1"})
        self.connector = ExampleChat(CHANNEL, clock=SystemClock(), secret=SECRET, token="test-token", api_base=base)

    async def messages(self, request: Request) -> Response:
        self.posted.append(json.loads(await request.body()))
        return self.answer

    async def push(self, body: bytes, secret: str = SECRET) -> int:
        timestamp = str(int(datetime.now(UTC).timestamp()))
        headers = {"X-Timestamp": timestamp, "X-Signature": signature(secret.encode(), timestamp, body)}
        url = f"{self.base}/other/examplechat/webhook"
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.post(url, content=body, headers=headers)).status_code


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    listener = socket.create_server(("127.0.0.1", 0))
    stage = Stage(f"http://127.0.0.1:{listener.getsockname()[1]}")
    await stage.connector.start(stage.shop)
    app = Starlette(routes=[*stage.connector.routes(), Route("/messages", stage.messages, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield stage
    await stage.connector.stop()
    server.should_exit = True
    await serving


async def test_a_captured_request_becomes_a_message(stage: Stage) -> None:
    assert await stage.push(CAPTURED) == 200
    said = stage.shop.received[0]
    assert (said.key, said.chat, said.user) == ("other:examplechat:m-1001", Chat(CHANNEL, "c-42"), "u-7")
    assert said.text == json.loads(CAPTURED)["text"]
    assert said.sent_at == datetime.fromtimestamp(json.loads(CAPTURED)["time"], UTC)
    assert said.grants[0].count == 10


async def test_a_request_signed_with_another_secret_is_refused(stage: Stage) -> None:
    assert await stage.push(CAPTURED, secret="guessed") == 403
    assert not stage.shop.received


async def test_a_message_that_could_not_be_stored_is_not_acknowledged(stage: Stage) -> None:
    stage.shop.is_away = True
    assert await stage.push(CAPTURED) == 503


async def test_a_reply_arrives_with_its_choices(stage: Stage) -> None:
    choices = (Choice("yes", "好的"), Choice("no", "不用"))
    message = Outbound("o-1", Chat(CHANNEL, "c-42"), Purpose.REPLY, "有的，要吗？", choices, road="window")
    assert (await stage.connector.send(message)).status is SendStatus.SENT
    shown = [{"token": "yes", "label": "好的"}, {"token": "no", "label": "不用"}]
    assert stage.posted == [{"chat": "c-42", "text": "有的，要吗？", "choices": shown}]


async def test_a_long_reply_is_cut_at_a_sentence_end(stage: Stage) -> None:
    message = Outbound("o-2", Chat(CHANNEL, "c-42"), Purpose.REPLY, "这是一句话。" * 300, road="window")
    assert stage.connector.roads(message)[0].cost == 2
    await stage.connector.send(message)
    assert "".join(body["text"] for body in stage.posted) == message.text
    assert stage.posted[0]["text"].endswith("。")


async def test_the_pause_that_the_platform_asks_for_is_kept(stage: Stage) -> None:
    stage.answer = Response(status_code=429, headers={"Retry-After": "7"})
    receipt = await stage.connector.send(Outbound("o-3", Chat(CHANNEL, "c-42"), Purpose.REPLY, "好的", road="window"))
    assert (receipt.status, receipt.retry_after_s) == (SendStatus.RATE_LIMITED, 7)

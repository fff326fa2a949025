"""The stand-in Telegram, the connector and an HTTP client on one served port, with a shop that only remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import uvicorn
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.clock import SystemClock
from bot.messages import Chat, ChatKind, Inbound, Outbound, Purpose, Receipt
from connectors.telegram.connector import TelegramConnector
from connectors.twin.telegram import TelegramTwin
from tests.host import RecordingHost
from tests.loopback import base_of, listening

TOKEN = "4242:test-token"
SECRET = "s3cret_of-the-hook"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
LI, ANN, GROUP, FORUM = 1001, 1002, -500, -1_000_000_000_600


@dataclass
class Stage:
    base: str
    connector: TelegramConnector
    clock: SystemClock
    http: httpx.AsyncClient
    host: RecordingHost = field(default_factory=RecordingHost)
    holding: asyncio.Task[None] | None = None

    @property
    def hook(self) -> str:
        return f"{self.base}/telegram/shopbot/webhook"

    async def do(self, action: str, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(f"{self.base}/twin/telegram/control/{action}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def look(self, what: str, **query: Any) -> dict[str, Any]:
        return dict((await self.http.get(f"{self.base}/twin/telegram/control/{what}", params=query)).json())

    async def shown(self, chat: int) -> list[dict[str, Any]]:
        return list((await self.look("messages", chat=chat))["messages"])

    async def refusals(self) -> list[dict[str, Any]]:
        return list((await self.look("refusals"))["refusals"])

    async def inbound(self, count: int = 1) -> list[Inbound]:
        await until(lambda: len(self.host.received) >= count)
        return self.host.received

    async def begin(self) -> None:
        """Start the connector; in webhook mode wait until the webhook is registered."""
        await self.connector.start(self.host)
        self.holding = asyncio.create_task(self.connector.hold())
        if self.connector.routes():
            await asyncio.wait_for(asyncio.shield(self.holding), 5)

    async def send(self, text: str, chat: int = LI, after_s: float = 1.0, **more: Any) -> Receipt:
        """Send `after_s` seconds later: more than one a second to a chat is refused."""
        self.clock.advance(timedelta(seconds=after_s))
        kind = ChatKind.PRIVATE if chat > 0 else ChatKind.GROUP
        message = Outbound("out-1", Chat("telegram:shopbot", str(chat), kind), Purpose.REPLY, text, road="open")
        return await self.connector.send(replace(message, **more))


async def until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


def connector_for(base: str, clock: SystemClock, **changes: Any) -> TelegramConnector:
    async def sleep(seconds: float) -> None:
        """Let the clock go on, and the test with it."""
        clock.advance(timedelta(seconds=seconds))
        await asyncio.sleep(0.01)

    settings: dict[str, Any] = {
        "channel": "telegram:shopbot",
        "token": TOKEN,
        "webhook_secret": SECRET,
        "mode": "webhook",
        "public_url": base,
        "api_base": f"{base}/twin/telegram",
        "clock": clock,
        "sleep": sleep,
    }
    return TelegramConnector(**(settings | changes))


@asynccontextmanager
async def staged(privacy: bool = True, **changes: Any) -> AsyncIterator[Stage]:
    clock = SystemClock()
    listener = listening()
    base = base_of(listener)
    twin = TelegramTwin(TOKEN, "shop_bot", [(LI, "李雷"), (ANN, "Ann")], [(GROUP, "Regulars")], clock, privacy,
                        forums=[(FORUM, "Staff")])  # fmt: skip
    connector = connector_for(base, clock, **changes)
    app = Starlette(routes=list(connector.routes()))
    app.mount("/twin", Starlette(routes=twin.routes))
    # The log says nothing: an answer that is cut off on purpose would be an error in it.
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    async with httpx.AsyncClient(trust_env=False) as http:
        stage = Stage(base, connector, clock, http)
        try:
            yield stage
        finally:
            if stage.holding is not None:
                stage.holding.cancel()
                await asyncio.gather(stage.holding, return_exceptions=True)
            await connector.stop()
            await twin.close()
            server.should_exit = True
            await serving


@asynccontextmanager
async def client_of(stage: Stage, token: str = TOKEN) -> AsyncIterator[Bot]:
    """The real python-telegram-bot, as any other program would use it."""
    request = HTTPXRequest(httpx_kwargs={"trust_env": False})
    base = f"{stage.base}/twin/telegram"
    yield Bot(token, f"{base}/bot", f"{base}/file/bot", request=request, get_updates_request=request)
    await request.shutdown()


def refused(reason: str) -> float:
    labels = {"channel": "telegram:shopbot", "reason": reason}
    return REGISTRY.get_sample_value("zhanggui_callbacks_refused_total", labels) or 0.0


def text_update(number: int = 7, text: str = "hi", **message: Any) -> dict[str, Any]:
    chat = {"id": LI, "type": "private"}
    sender = {"id": LI, "is_bot": False, "first_name": "Li", "language_code": "zh-hans"}
    return {
        "update_id": number,
        "message": {"message_id": 1, "date": 1_700_000_000, "chat": chat, "from": sender, "text": text} | message,
    }

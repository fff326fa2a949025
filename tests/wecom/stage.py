"""A web app of the shop and the WeCom twin on one free port, with the connectors between them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from bot.messages import Chat, ChatKind, Choice, File, Outbound, Purpose, Receipt
from connectors.twin.app import build_twin
from connectors.twin.wecom import WeComTwin
from connectors.wecom.groups import GroupsConnector
from connectors.wecom.kf import KfConnector
from tests.host import RecordingHost
from tests.loopback import base_of, listening

CORP_ID, APP_SECRET, KF_SECRET = "ww1234567890", "app-s3cret", "kf-s3cret"
OPEN_KFID, ROBOT_KEY = "wkQinghe", "robot-k3y"
TOKEN, AES_KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
KF, GROUPS = "kf:qinghe", "wecom:qinghe"
LI, WANG = "wmLi", "wmWang"
AI, BO = "ai", "bo"
START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
PNG = File(b"\x89PNG\r\n\x1a\n" + b"0" * 64, "image/png", "dress.png")


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
    kf: KfConnector
    groups: GroupsConnector
    twin: WeComTwin
    clock: Watch
    base: str
    http: httpx.AsyncClient
    host: RecordingHost
    groups_host: RecordingHost
    holding: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def callback(self) -> str:
        return f"{self.base}/kf/qinghe/callback"

    async def does(self, action: str, **body: object) -> Any:
        answer = await self.http.post(f"{self.base}/twin/wecom/control/{action}", json=body)
        assert answer.status_code < 400, (action, answer.status_code, answer.text)
        return answer.json()

    async def asks(self, what: str, **query: str) -> Any:
        answer = await self.http.get(f"{self.base}/twin/wecom/control/{what}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def chat(self, user: str = LI, side: str = "account") -> list[str]:
        """Return what one side has said to a customer, as the customer sees it."""
        lines = (await self.asks("messages", user=user))["messages"]
        return [line["text"] for line in lines if line["from"] == side]

    def hold(self, connector: KfConnector | GroupsConnector | None = None) -> asyncio.Task[None]:
        task = asyncio.create_task((connector or self.kf).hold())
        self.holding.append(task)
        return task

    async def say(self, text: str, *choices: Choice, id: str = "m1", road: str = "window", **more: Any) -> Receipt:
        return await self.kf.send(outbound(text, *choices, id=id, road=road, **more))

    async def announce(self, text: str, owner: str = AI, **more: Any) -> Receipt:
        return await self.groups.send(task_for(owner, text, **more))


def outbound(text: str, *choices: Choice, id: str = "m1", road: str = "", user: str = LI, **more: Any) -> Outbound:
    return Outbound(id, Chat(KF, user), Purpose.REPLY, text, choices, road=road, **more)


def task_for(owner: str, text: str, **more: Any) -> Outbound:
    chat = Chat(GROUPS, f"owner:{owner}", ChatKind.GROUP)
    return Outbound("t1", chat, Purpose.MARKETING, text, road="task", **more)


async def until(holds: Callable[[], Any], within_s: float = 5.0) -> None:
    """Wait until something holds, looking often."""
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.005)


def make_twin(base: str, clock: Watch) -> WeComTwin:
    return WeComTwin(
        CORP_ID,
        1000002,
        APP_SECRET,
        TOKEN,
        AES_KEY,
        f"{base}/kf/qinghe/callback",
        users=[(LI, "李"), (WANG, "Wang")],
        staff=[(AI, "爱"), (BO, "Bo")],
        groups=[("wrOne", "一群", AI), ("wrTwo", "二群", AI)],
        clock=clock,
        kf_secret=KF_SECRET,
        open_kfid=OPEN_KFID,
        robot_keys=[ROBOT_KEY],
    )


def kf_connector(base: str, clock: Watch, **changed: Any) -> KfConnector:
    settings: dict[str, Any] = {
        "channel": KF,
        "corp_id": CORP_ID,
        "secret": KF_SECRET,
        "open_kfid": OPEN_KFID,
        "token": TOKEN,
        "aes_key": AES_KEY,
        "api_base": f"{base}/twin/wecom",
        "look_s": 0.01,
    }
    return KfConnector(**{**settings, **changed}, clock=clock)


def groups_connector(base: str, clock: Watch, **changed: Any) -> GroupsConnector:
    settings: dict[str, Any] = {
        "channel": GROUPS,
        "corp_id": CORP_ID,
        "secret": APP_SECRET,
        "api_base": f"{base}/twin/wecom",
        "look_s": 0.01,
    }
    return GroupsConnector(**{**settings, **changed}, clock=clock)


@dataclass
class Served:
    """A web app on a free port of this machine, as a context."""

    app: Starlette
    listener: socket.socket

    async def __aenter__(self) -> None:
        config = uvicorn.Config(self.app, lifespan="off", log_level="critical", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.task = asyncio.create_task(self.server.serve(sockets=[self.listener]))
        while not self.server.started:
            await asyncio.sleep(0.005)

    async def __aexit__(self, *exc: object) -> None:
        self.server.should_exit = True
        await self.task
        self.listener.close()


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    listener, clock = listening(), Watch()
    base = base_of(listener)
    kf, groups = kf_connector(base, clock), groups_connector(base, clock)
    twin = make_twin(base, clock)
    app = Starlette(routes=[*kf.routes(), Mount("/twin", app=build_twin(None, None, twin))])
    async with Served(app, listener), httpx.AsyncClient(trust_env=False, verify=False) as http:
        stage = Stage(kf, groups, twin, clock, base, http, RecordingHost(), RecordingHost())
        await kf.start(stage.host)
        await groups.start(stage.groups_host)
        yield stage
        for task in stage.holding:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await kf.stop()
        await groups.stop()


@asynccontextmanager
async def scripted(answers: dict[str, list[Any]]) -> AsyncIterator[str]:
    """Serve a WeCom that answers each API with the next thing of its list, and the last one from then on."""

    async def answer(request: Request) -> JSONResponse:
        api = request.path_params["api"]
        if api == "gettoken":
            return JSONResponse({"errcode": 0, "access_token": "t", "expires_in": 7200})
        left = answers[api]
        return JSONResponse(left.pop(0) if len(left) > 1 else left[0])

    listener = listening()
    route = Route("/twin/wecom/cgi-bin/{api:path}", answer, methods=["GET", "POST"])
    async with Served(Starlette(routes=[route]), listener):
        yield base_of(listener)

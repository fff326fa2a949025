"""Runs a stand-in on a port of this machine, with faults on command."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.loopback import base_of, listening

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def advance(self, **step: float) -> None:
        self.time += timedelta(**step)


@dataclass
class Faults:
    """What goes wrong next.

    Attributes:
        busy: (status, seconds of Retry-After or None) of the next answers, in the place of doing anything.
        lost: how many answers to changes are lost after the change was made: 504 comes instead.
        slow_s: how long the next answers wait, in order.
        seen: how many requests came.
    """

    busy: deque[tuple[int, float | None]] = field(default_factory=deque)
    lost: int = 0
    slow_s: deque[float] = field(default_factory=deque)
    seen: int = 0


class Faulty:
    """An app with `Faults` in front."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app, self._faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._faults.seen += 1
        if self._faults.busy:
            status, pause_s = self._faults.busy.popleft()
            headers = {} if pause_s is None else {"Retry-After": str(pause_s)}
            await PlainTextResponse("busy", status, headers)(scope, receive, send)
            return
        if self._faults.slow_s:
            await asyncio.sleep(self._faults.slow_s.popleft())
        body = await _body(receive)
        if self._faults.lost and _changes(scope["method"], body):
            self._faults.lost -= 1
            await self._app(scope, _replay(body), _nowhere)
            await PlainTextResponse("gateway timeout", 504)(scope, receive, send)
            return
        await self._app(scope, _replay(body), send)


def _changes(method: str, body: bytes) -> bool:
    return method in ("PUT", "DELETE") or (method == "POST" and (b'"query"' not in body or b"mutation" in body))


async def _body(receive: Receive) -> bytes:
    found, more = b"", True
    while more:
        message = await receive()
        found += message.get("body", b"")
        more = message.get("more_body", False)
    return found


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _nowhere(message: Message) -> None:
    pass


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Yield the address that `app` answers at."""
    listener = listening()
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield base_of(listener)
    finally:
        server.should_exit = True
        await task

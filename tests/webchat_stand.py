"""A web chat on a loopback port, over a transcript that is a plain list and a bot that is a plain function."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from bot.clock import SystemClock, new_id
from bot.delivery.signal import Signal
from bot.messages import Chat, Choice, Inbound
from connectors.webchat.connector import WebChatConnector
from connectors.webchat.transcript import Author, ShownMessage

SECRET = "a-secret-for-tests-only"
Answer = Callable[[Inbound], Sequence[tuple[str, tuple[Choice, ...]]]]


def silent(said: Inbound) -> Sequence[tuple[str, tuple[Choice, ...]]]:
    """Answer nothing."""
    return ()


class Room:
    """Keeps what was said; each inbound once by its key, as the inbox does."""

    def __init__(self, clock: SystemClock, answer: Answer = silent) -> None:
        self.inbox: list[Inbound] = []
        self.broken = False
        self.answer = answer
        self._clock = clock
        self._shown: list[tuple[Chat, ShownMessage]] = []
        self._signal = Signal()

    async def receive(self, messages: Sequence[Inbound]) -> None:
        if self.broken:
            raise OSError("the disk is full")
        for said in messages:
            if said.key in {known.key for known in self.inbox}:
                continue
            self.inbox.append(said)
            if said.event is None:
                self.show(said.chat, said.text, mine=True, author="customer", key=said.key)
            for text, choices in self.answer(said):
                self.show(said.chat, text, choices=choices)

    def show(
        self,
        chat: Chat,
        text: str,
        *,
        mine: bool = False,
        author: Author = "bot",
        name: str = "",
        key: str = "",
        choices: tuple[Choice, ...] = (),
    ) -> None:
        message = ShownMessage(len(self._shown) + 1, mine, author, name, text, choices, self._clock.now(), key)
        self._shown.append((chat, message))
        self._signal.notify()

    async def after(self, chat: Chat, seen: int, limit: int) -> list[ShownMessage]:
        return [shown for where, shown in self._shown if where == chat and shown.id > seen][:limit]

    async def wait(self, timeout_s: float) -> None:
        await self._signal.wait(self._signal.count, timeout_s)


def connector(room: Room, clock: SystemClock, origins: tuple[str, ...] = ()) -> WebChatConnector:
    """Return a web chat of the shop 青禾 / Qinghe with a fast heartbeat."""
    return WebChatConnector(
        "web:shop",
        secret=SECRET,
        shop={"zh": "青禾", "en": "Qinghe <Tea>"},
        transcript=room,
        clock=clock,
        new_id=new_id,
        origins=origins,
        heartbeat_s=0.2,
    )


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def serving(chat: WebChatConnector) -> AsyncIterator[str]:
    """Serve `chat` while the block runs; yields `http://127.0.0.1:{port}/webchat/shop`."""
    port = free_port()
    async with listening(chat.routes(), port):
        yield f"http://127.0.0.1:{port}/webchat/shop"


@asynccontextmanager
async def listening(routes: Sequence[BaseRoute], port: int) -> AsyncIterator[None]:
    """Serve `routes` on a port of loopback while the block runs."""
    app = Starlette(routes=list(routes))
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=2)
    )
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await running

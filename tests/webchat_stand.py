"""A web chat on a loopback port, over a transcript that is a plain list and a bot that is a plain function."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from bot.clock import SystemClock, new_id
from bot.delivery.signal import Signal
from bot.messages import Chat, Choice, Event, File, Inbound
from connectors.webchat.connector import WebChatConnector
from connectors.webchat.transcript import Author, SaleCard, ShownMessage, Typist
from tests.host import RecordingHost

SECRET = "a-secret-for-tests-only"
Answer = Callable[[Inbound], Sequence[tuple[str, tuple[Choice, ...]]]]


def silent(said: Inbound) -> Sequence[tuple[str, tuple[Choice, ...]]]:
    """Answer nothing."""
    return ()


class Room(RecordingHost):
    """Host and transcript in one: keeps what was said, each inbound once by its key, and shows both sides."""

    def __init__(self, clock: SystemClock, answer: Answer = silent) -> None:
        super().__init__()
        self.broken = False
        self.answer = answer
        self.typist: Typist = ""
        self.typed: list[Chat] = []
        self.on_sale: list[SaleCard] = []
        self.refusing: set[Chat] = set()
        self.sales_read = 0
        self.asked_who_hears = 0
        self._clock = clock
        self._shown: list[tuple[Chat, ShownMessage]] = []
        self._pictures: dict[tuple[Chat, int], File] = {}
        self._signal = Signal()

    async def receive(self, messages: Sequence[Inbound]) -> None:
        if self.broken:
            raise OSError("the disk is full")
        before = len(self.received)
        await super().receive(messages)
        for said in self.received[before:]:
            if said.event in {None, Event.MEDIA}:
                file = said.media.file if said.media else None
                self.show(said.chat, said.text, mine=True, author="customer", key=said.key, picture=file)
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
        picture: File | None = None,
    ) -> int:
        """Make a message visible and return its id."""
        shown_id = len(self._shown) + 1
        now = self._clock.now()
        self._shown.append(
            (chat, ShownMessage(shown_id, mine, author, name, text, choices, now, key, picture is not None))
        )
        if picture:
            self._pictures[chat, shown_id] = picture
        self._signal.notify()
        return shown_id

    def type(self, typist: Typist) -> None:
        """Let somebody begin to type, or end it."""
        self.typist = typist
        self._signal.notify()

    async def after(self, chat: Chat, seen: int, limit: int) -> tuple[list[ShownMessage], Typist]:
        return [shown for where, shown in self._shown if where == chat and shown.id > seen][:limit], self.typist

    async def picture(self, chat: Chat, shown_id: int) -> File | None:
        if self.broken:
            raise OSError("the disk is full")
        return self._pictures.get((chat, shown_id))

    async def types(self, chat: Chat) -> None:
        self.typed.append(chat)

    def sell(self, *cards: SaleCard) -> None:
        """Let the page show these sales and no others."""
        self.on_sale = list(cards)
        self._signal.notify()

    async def sales(self, channel: str) -> list[SaleCard]:
        self.sales_read += 1
        return self.on_sale

    async def hears_offers(self, chat: Chat) -> bool:
        self.asked_who_hears += 1
        return chat not in self.refusing

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


def png(width: int, height: int) -> bytes:
    """Return a red PNG of this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xcc\x22\x22" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


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

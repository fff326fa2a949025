"""What the cases need of a platform: its customers and its quirks, behind the same few words for all of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import ClassVar, Protocol

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import Receive, Scope, Send

from bot.connector import Connector
from bot.messages import Chat, Choice, File, Inbound, Outbound, Purpose, Receipt, Road, SendStatus
from tests.conformance.line import Line
from tests.host import RecordingHost
from tests.loopback import listening

TAKEN = {SendStatus.SENT, SendStatus.CONFIRMING}
"""The platform has the message."""


class Can(Enum):
    """What a platform may lack; a stand says why in `lacks`."""

    SPEAK = "customers write to the shop"
    SIGNED = "its callbacks are signed or carry a secret"
    DATED = "its callbacks carry their time"
    REQUESTS = "it calls us by HTTP"
    WORDS = "what it posts to us carries the customers' words"
    AGAIN = "it delivers again what was not acknowledged"
    MANY = "its events can come in disorder"
    FOLLOW = "customers open the chat, which is told to us"
    LEAVE = "customers leave, which is told to us"
    TAP = "offered answers can be tapped"
    PICTURES_IN = "customers send pictures"
    CARRY = "the connector itself carries what the shop says"
    API = "it is called by us over the network"
    PICTURES_OUT = "pictures can be sent to customers"
    LONG = "a text may be longer than one message"
    PAUSE = "it asks for a pause"
    WINDOWS = "customers open windows, which end"
    BLOCK = "it tells that a customer does not want to hear from us"
    KEY = "it drops what it knows by our own id"


class Forgery(Enum):
    SIGNATURE = "signed with another secret"
    STALE = "signed rightly, an hour ago"


class Trouble(Enum):
    """What the platform says to the next thing that is sent."""

    PAUSE = "too fast, wait"
    WINDOW = "the right to send has ended"
    BLOCKED = "the customer does not want to hear from us"


@dataclass(frozen=True, slots=True)
class Shown:
    """One message as the customer sees it."""

    text: str
    labels: tuple[str, ...] = ()
    picture: bool = False


class Stand(Protocol):
    """One connector with its platform and one customer. All of it is on loopback."""

    lacks: ClassVar[Mapping[Can, str]]
    long_text_characters: ClassVar[int]
    """Length of a text that needs a few messages, not more than a customer's one word pays for."""
    purpose: ClassVar[Purpose]
    """Why the shop writes; not every platform carries replies."""
    sample: bytes
    """A good body for `push`."""
    shop: Shop
    chat: Chat
    line: Line
    secrets: Sequence[str]

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes of the platform, which are served under `/twin`."""
        ...

    async def say(self, text: str) -> None: ...

    async def tap(self, label: str) -> None:
        """Tap the answer that is offered as `label` in what was shown last."""
        ...

    async def follow(self) -> None: ...

    async def leave(self) -> None: ...

    async def picture(self) -> None: ...

    async def unknown(self) -> None:
        """Let the platform send a kind of event that it will only invent next year."""
        ...

    async def again(self) -> None:
        """Deliver the last event once more."""
        ...

    async def hold_back(self) -> None:
        """Let the platform collect its events."""
        ...

    async def let_go(self) -> None:
        """Deliver what was collected, the newest first."""
        ...

    async def push(self, body: bytes) -> int:
        """Post `body` to the connector with everything right around it, and return the status of the answer."""
        ...

    async def forge(self, how: Forgery) -> int: ...

    async def shown(self) -> Sequence[Shown]:
        """Return what the customer was shown, oldest first."""
        ...

    async def make_trouble(self, trouble: Trouble) -> None: ...

    async def close(self) -> None:
        """End what the platform still does."""
        ...


async def until(condition: Callable[[], bool], timeout_s: float = 3.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def said(stand: Stand, text: str) -> Inbound:
    """Let the customer say `text`, and return how it was stored."""
    known = len(stand.shop.host.received)
    await stand.say(text)
    await until(lambda: len(stand.shop.host.received) > known)
    return stand.shop.host.received[-1]


def outbound(
    stand: Stand,
    text: str = "好的",
    choices: tuple[Choice, ...] = (),
    id: str = "out-1",
    purpose: Purpose | None = None,
    picture: File | None = None,
) -> Outbound:
    return Outbound(id, stand.chat, purpose or stand.purpose, text, choices, picture=picture)


def road(stand: Stand, message: Outbound) -> Road:
    """Return the road for a message that does not go in the answer to a callback."""
    roads = [one for one in stand.shop.connector.roads(message) if one.name != "passive"]
    assert roads, f"no road for {message}"
    return roads[0]


async def send(stand: Stand, message: Outbound) -> Receipt:
    """Send a message as the sender does, with the road that the gate would choose."""
    taken = road(stand, message)
    return await stand.shop.connector.send(replace(message, road=taken.name))


async def new(stand: Stand, before: int) -> Sequence[Shown]:
    """Return what the customer was shown after the first `before` messages."""
    return (await stand.shown())[before:]


@asynccontextmanager
async def served(routes: Sequence[BaseRoute], listener: socket.socket) -> AsyncIterator[None]:
    """Serve `routes` on loopback while the block runs. `Server.serve` would take 0.2 s to end."""
    config = uvicorn.Config(Starlette(routes=list(routes)), log_level="critical", lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield
    finally:
        for one in server.servers:
            one.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        for task in list(server.server_state.tasks):
            task.cancel()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)


class Ground:
    """A port, a line to it and a client: what every stand stands on."""

    def __init__(self) -> None:
        self.listener = listening()
        self.port: int = self.listener.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.line = Line(self.port)
        self.http = httpx.AsyncClient(trust_env=False, base_url=self.base)
        self._open = AsyncExitStack()

    async def serve(self, stand: Stand) -> None:
        routes = [Mount("/twin", routes=stand.routes()), Mount("/", stand.shop)]
        await self._open.enter_async_context(served(routes, self.listener))
        await self.line.up()

    async def close(self) -> None:
        await self.http.aclose()
        await self.line.down()
        await self._open.aclose()


class Shop:
    """A process of the shop with one connector, which is started, holds the channel, and can be started anew.

    Args:
        make: returns a connector; each process has its own.
        host: what the connector sees of the shop.
    """

    def __init__(self, make: Callable[[], Connector], host: RecordingHost | None = None) -> None:
        self.make = make
        self.connector = make()
        self.host = host or RecordingHost()
        self._holding: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        await self.connector.start(self.host)
        self._holding = asyncio.create_task(self.connector.hold())

    async def end(self) -> None:
        if self._holding is not None:
            self._holding.cancel()
            await asyncio.gather(self._holding, return_exceptions=True)
            self._holding = None
        await self.connector.stop()

    async def restart(self) -> None:
        """End, and begin as a new process that has only what the host kept."""
        await self.end()
        self.connector = self.make()
        await self.begin()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the web app does, with the routes of the connector that there is now."""
        await Router(list(self.connector.routes()))(scope, receive, send)

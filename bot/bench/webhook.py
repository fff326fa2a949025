"""Webhooks at a steady pace, over real HTTP, from a process of their own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from dataclasses import asdict, dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.bench.stand import Line, message

CONNECTIONS = 40
"""As many as Telegram opens (setWebhook, max_connections)."""
CHATS = 1000


UNBOUNDED = 1e9
"""A pace that nothing keeps up with: as many as are taken."""


@dataclass(frozen=True, slots=True)
class Knocked:
    """How many were acknowledged a second, and after how many seconds each."""

    per_s: float
    took_s: list[float]


async def knock(line: Line, per_s: float, count: int) -> Knocked:
    """Serve `line` on loopback while another process posts `count` messages to it, `per_s` every second."""

    async def webhook(request: Request) -> Response:
        said = await request.json()
        await line.receive([message(said["chat"], said["number"], said["text"], line.clock.now())])
        return PlainTextResponse("ok")

    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it on its own sockets only
    config = uvicorn.Config(
        Starlette(routes=[Route("/webhook", webhook, methods=["POST"])]), log_level="error", access_log=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    port = listening.getsockname()[1]
    knocking = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "bot.bench.webhook", str(port), str(per_s), str(count), stdout=-1
    )
    told, _ = await knocking.communicate()
    server.should_exit = True
    await serving
    return Knocked(**json.loads(told))


async def _knock(port: int, per_s: float, count: int) -> Knocked:
    """Post at a steady pace, whatever the answers take: a late one does not slow the next one down."""
    due: asyncio.Queue[tuple[float, int] | None] = asyncio.Queue()
    took: list[float] = []
    posters = [asyncio.create_task(_post_due(port, due, took)) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    for number in range(count):
        at = began + number / per_s
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        due.put_nowait((at, number))
    for _ in posters:
        due.put_nowait(None)
    await asyncio.gather(*posters)
    return Knocked(count / (time.perf_counter() - began), took)


async def _post_due(port: int, due: asyncio.Queue[tuple[float, int] | None], took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (one := await due.get()) is not None:
        at, number = one
        body = json.dumps({"chat": f"{os.getpid()}-{number % CHATS}", "number": number, "text": "包邮吗"}).encode()
        head = f"POST /webhook HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(2)
        took.append(time.perf_counter() - at)
    writer.close()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(_knock(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))))))

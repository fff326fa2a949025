"""The wire between a connector and a platform's API, which can break in every way that wires break."""

from __future__ import annotations

import asyncio
import re
import socket
from enum import Enum
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Way(Enum):
    """What happens to the requests that come next."""

    WHOLE = "carried, and answered"
    CUT = "carried, but the answer never comes"
    HALF = "carried, but only half of the answer comes"
    INSTEAD = "not carried: somebody on the way answers"


class Line:
    """A TCP relay to `upstream_port` on a port of its own, see `base`."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._way = Way.WHOLE
        self._instead = b""
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[Any]] = set()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def cut(self) -> None:
        self._way = Way.CUT

    def halve(self) -> None:
        self._way = Way.HALF

    def answer_instead(self, status: int, body: bytes, kind: str = "text/html") -> None:
        head = (
            f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self._way, self._instead = Way.INSTEAD, head.encode() + body

    def mend(self) -> None:
        self._way = Way.WHOLE

    async def up(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)

    async def down(self) -> None:
        """Refuse every connection, and end those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry requests of one connection, one after the other, until it ends."""
        if talk := asyncio.current_task():
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)
        ends = [writer]
        try:
            above, upstream = await asyncio.open_connection("127.0.0.1", self._upstream_port)
            ends.append(upstream)
            while request := await _message(reader):
                if self._way is Way.INSTEAD:
                    writer.write(self._instead)
                    break
                upstream.write(request)
                answer = await _message(above)
                if self._way is Way.CUT:
                    break
                writer.write(answer[: len(answer) // 2] if self._way is Way.HALF else answer)
                if self._way is Way.HALF:
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            for end in ends:
                end.close()
            await asyncio.gather(*(end.wait_closed() for end in ends), return_exceptions=True)


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Return one HTTP message with its body, nothing at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    if found := _LENGTH.search(head):
        return head + await reader.readexactly(int(found[1]))
    body = b""
    if b"chunked" in head.lower():
        while not body.endswith(b"0\r\n\r\n"):
            body += await reader.readuntil(b"\r\n")
    return head + body

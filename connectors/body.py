"""Reads the body of a callback, never holding more of it than allowed."""

from __future__ import annotations

from starlette.requests import Request

from bot.errors import BadCallback


class TooLong(BadCallback):
    """The body of a callback is longer than this platform ever sends. The rest of it was not read."""


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body.

    Raises:
        TooLong: it is longer than `max_bytes`.
        ClientDisconnect: nobody is there any more.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLong
    return bytes(body)

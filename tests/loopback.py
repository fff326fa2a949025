"""A free port of this machine to serve on."""

from __future__ import annotations

import socket


def listening() -> socket.socket:
    """Return a socket that listens on a free port.

    asyncio sets TCP_NODELAY on sockets of its own only. Without it the body of an answer waits for the ACK of its head,
    some 40 ms an answer. What the socket accepts inherits it.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def base_of(listener: socket.socket) -> str:
    """Return the address that the socket is reached at."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"

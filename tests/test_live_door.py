"""The console's own pages, their web socket and their uploads: a row each, tried by every role. On the served shop."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, create_engine

from bot.starter import SHOP_TOML, make_shop
from bot.store.upgrade import upgrade
from handoff import people
from handoff.console.session import COOKIE
from handoff.roles import ROLES
from tests.browser import stand

ANSWERING = frozenset({"agent", "lead", "admin"})
EVERYBODY = frozenset({*ROLES, "nobody"})
INSIDE: Mapping[str, frozenset[str]] = {
    "/": ANSWERING,
    "/_nicegui_ws": ANSWERING,
    "/_nicegui/client/{page}/upload/{element}": frozenset({"agent"}),  # who opened the page in these tests
    "/_nicegui/{version}/static": EVERYBODY,
    "/favicon.ico": EVERYBODY,
    "/_nicegui/{version}/libraries/{key:path}": EVERYBODY,
    "/_nicegui/{version}/components/{key:path}": EVERYBODY,
    "/_nicegui/{version}/resources/{key}/{path:path}": EVERYBODY,
    "/_nicegui/{version}/dynamic_resources/{name}": EVERYBODY,
    "/_nicegui/{version}/esm/{key}/{path:path}": EVERYBODY,
}
"""What NiceGUI serves below `/console`, and to whom. What is for everybody is its own code, the same in all shops."""
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(32)


@dataclass(frozen=True)
class Served:
    """A running shop, and a session of each role."""

    port: int
    tokens: Mapping[str, str]

    def ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        return httpx.request(method, f"http://127.0.0.1:{self.port}{path}", headers=self.cookie(who), **more)

    def cookie(self, who: str) -> dict[str, str]:
        return {"cookie": f"{COOKIE}={self.tokens[who]}"} if who in self.tokens else {}

    def opens_socket(self, who: str) -> int:
        """Return the status with which a web socket is answered: 101 if it opens."""
        lines = [
            "GET /console/_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            *(f"Cookie: {value}" for value in self.cookie(who).values()),
        ]
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as raw:
            raw.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            return int(raw.recv(64).split()[1])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder, port = tmp_path_factory.mktemp("shop"), stand.free_port()
    make_shop(folder, SHOP_TOML)
    url, tokens = f"sqlite:///{folder / 'data' / 'zhanggui.db'}", {role: people.new_token() for role in ROLES}

    def fill(connection: Connection) -> None:
        for role, token in tokens.items():
            people.add_agent(connection, role, role, role.title(), role, datetime.now(UTC))
            people.start_session(connection, role, token, datetime.now(UTC))

    upgrade(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        fill(connection)
    engine.dispose()
    serve = ["-m", "bot", "serve", "--dir", str(folder)]
    with stand.running(serve, folder, f"http://127.0.0.1:{port}/console/", ZHANGGUI_SERVER__PORT=str(port)):
        yield Served(port, tokens)


def upload_of(served: Served) -> str:
    """Return where a page, which an agent has just opened, sends its pictures."""
    shown = served.ask("agent", "GET", "/console/").text
    found = re.search(r"/_nicegui/client/[\w-]+/upload/\d+", shown)
    assert found is not None
    return f"/console{found[0]}"


TRIES: Mapping[str, Callable[[Served, str], int]] = {
    "/": lambda served, who: served.ask(who, "GET", "/console/").status_code,
    "/_nicegui_ws": lambda served, who: served.opens_socket(who),
    "/_nicegui_ws by polling": lambda served, who: (
        served.ask(who, "GET", "/console/_nicegui_ws/socket.io/?EIO=4&transport=polling").status_code
    ),
    "/_nicegui/client/{page}/upload/{element}": lambda served, who: (
        served.ask(who, "POST", upload_of(served), files={"file": ("a.png", PICTURE, "image/png")}).status_code
    ),
}


@pytest.mark.parametrize("who", sorted(EVERYBODY))
@pytest.mark.parametrize("what", TRIES)
def test_pages_their_socket_and_their_uploads_are_for_who_answers_customers(
    served: Served, what: str, who: str
) -> None:
    status = TRIES[what](served, who)
    if who in INSIDE[what.partition(" ")[0]]:
        assert status in (101, 200)
    else:
        assert status == (303 if what == "/" else 403)


LOADS = """
import asyncio, json, pathlib, sys, httpx
from scripts.reference import shop_with_everything

async def load():
    web = shop_with_everything(pathlib.Path(sys.argv[1]), "sqlite://").web
    async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://127.0.0.1:8080") as client:
        assert (await client.get("/console/no-such-page")).status_code == 404

asyncio.run(load())
from nicegui import app
print(json.dumps([route.path for route in app.routes]))
"""
"""In a process of its own: NiceGUI is loaded once in each."""


def test_whatever_is_served_inside_the_pages_has_a_row(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADS, str(tmp_path)], cwd=stand.ROOT, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    paths = {re.sub(r"/_nicegui/[\d.]+/", "/_nicegui/{version}/", path) or "/" for path in found}
    assert paths == set(INSIDE) - {"/_nicegui/client/{page}/upload/{element}"}  # which is made with each page

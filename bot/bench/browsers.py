"""Browsers of agents without a screen: each loads the console's page and speaks its wire, from a process of their own.

Reads one JSON object from stdin: `{"base", "sessions", "talks"}`; the n-th session opens the n-th talk. Writes
`ready`, then for each message it sees first its number and when (`time.time()`), until stdin ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import socketio

ACK_EVERY_S = 3.0
LOADING_AT_ONCE = 2
NUMBER = re.compile(rb"#(\d+)#")
_CLIENT, _NEXT = (re.compile(rf"""['"]{name}['"]: ?['"]?([\w-]+)""") for name in ("client_id", "next_message_id"))


@dataclass
class Browser:
    """One tab of the console. `on_shown` is told the numbers of an update, as soon as it has arrived."""

    base: str
    session: str
    talk: str
    on_shown: Callable[[list[int]], None]
    page_s: float = 0.0
    _next: int = 0
    _client_id: str = ""
    _wire: socketio.AsyncClient = field(default_factory=lambda: socketio.AsyncClient(reconnection=False))

    async def open(self, http: aiohttp.ClientSession) -> None:
        """Load the page and connect."""
        began = time.perf_counter()
        cookies = {"zhanggui_agent": self.session}
        async with http.get(f"{self.base}/console/", params={"c": self.talk}, cookies=cookies) as answer:
            answer.raise_for_status()
            page = await answer.text()
        self.page_s = time.perf_counter() - began
        client, upcoming = _CLIENT.search(page), _NEXT.search(page)
        if client is None or upcoming is None:
            raise RuntimeError("the page names no connection: is this a session?")
        self._client_id, self._next = client[1], int(upcoming[1])
        query = {"client_id": client[1], "next_message_id": upcoming[1], "implicit_handshake": "true"}
        query |= {"document_id": str(uuid.uuid4()), "tab_id": str(uuid.uuid4())}
        self._wire.on("*", self._got)
        words = "&".join(f"{name}={value}" for name, value in query.items())
        await self._wire.connect(
            f"{self.base}/?{words}",
            headers={"Cookie": f"zhanggui_agent={self.session}"},
            socketio_path="/console/_nicegui_ws/socket.io",
            transports=["websocket"],
        )

    async def _got(self, event: str, data: Any = None) -> None:
        at = time.time()
        if isinstance(data, dict) and "_id" in data:
            self._next = int(data["_id"]) + 1
        if event == "update" and (numbers := [int(found) for found in NUMBER.findall(orjson.dumps(data))]):
            self.on_shown([*numbers, int(at * 1000)])

    async def stay(self) -> None:
        """Confirm what came, as the page's script does, until cancelled."""
        while True:
            await asyncio.sleep(ACK_EVERY_S)
            await self._wire.emit("ack", {"client_id": self._client_id, "next_message_id": self._next})

    async def close(self) -> None:
        """Close the tab."""
        await self._wire.disconnect()


async def main() -> None:
    """Open every browser and tell what they show."""
    asked = json.loads(sys.stdin.readline())
    seen: set[int] = set()

    def told(shown: list[int]) -> None:
        *numbers, at_ms = shown
        new = [number for number in numbers if number not in seen]
        seen.update(new)
        if new:
            sys.stdout.write(json.dumps({"at_ms": at_ms, "numbers": new}) + "\n")
            sys.stdout.flush()

    browsers = [Browser(asked["base"], s, t, told) for s, t in zip(asked["sessions"], asked["talks"], strict=True)]
    some = asyncio.Semaphore(LOADING_AT_ONCE)
    async with aiohttp.ClientSession() as http:

        async def load(browser: Browser) -> None:
            async with some:
                await browser.open(http)

        try:
            await asyncio.gather(*(load(browser) for browser in browsers))
        except (aiohttp.ClientError, socketio.exceptions.ConnectionError, RuntimeError) as error:
            sys.stderr.write(f"a page of the console did not open: {error}\n")
            sys.stderr.flush()
            os._exit(1)  # the others are in the middle of opening
        staying = [asyncio.create_task(browser.stay()) for browser in browsers]
        pages_s = sorted(browser.page_s for browser in browsers)
        sys.stdout.write(json.dumps({"ready": len(browsers), "page_p50_s": pages_s[len(pages_s) // 2]}) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        for task in staying:
            task.cancel()
        await asyncio.gather(*(browser.close() for browser in browsers))


if __name__ == "__main__":
    asyncio.run(main())

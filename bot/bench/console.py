"""How soon agents see what customers write: a real `serve`, real pages of the console, real customers' web chats."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, insert

from bot.bench.served import BenchFailed, cpu_s, last_words, memory_mb, serving, until_ready
from bot.settings import load_settings
from bot.starter import SHOP_TOML, make_shop
from bot.store.database import Database
from bot.store.tables import agents, conversations, identities, inbox, outbox, persons
from bot.store.upgrade import database_url, upgrade
from connectors.webchat.tokens import VisitorTokens
from handoff import people

CHANNEL = "web:shop"
LINES = 12
"""What was said before in each conversation."""
AN_ADDRESS_PER_S = 0.75
"""Below what the web chat takes from one address; customers have addresses of their own here, too."""
SETTLES_S = 3.0
LATE_S = 5.0
"""How long after the last message its update is waited for."""
TARGETS = {"p95_ms": 500.0, "not_shown": 0}
"""The most that counts as real time."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured.

    Attributes:
        p50_ms, p95_ms, worst_ms: from the moment a message is stored and acknowledged until the page of the agent who
            has the conversation got the update that shows it.
        not_shown: messages that no page showed.
        cpu_ms: of the server for one message, from the web chat to the page, with all that goes on beside it.
        cpu_percent: of one core, by the server alone, without PostgreSQL's own processes.
        pages_cpu_percent: by the process that serves the pages, which on SQLite does everything else as well.
        agents_cpu_percent: by the browsers, which share the machine.
        rss_mb: of the process that serves the pages.
        page_s: how long a page takes to load while the others load as well, the median.
    """

    agents: int
    conversations: int
    messages: int
    per_s: float
    p50_ms: float
    p95_ms: float
    worst_ms: float
    not_shown: int
    cpu_ms: float
    cpu_percent: float
    pages_cpu_percent: float
    agents_cpu_percent: float
    rss_mb: float
    page_s: float
    load: float


@dataclass(frozen=True, slots=True)
class Served:
    """A process of the shop."""

    pid: int
    base: str


@dataclass(frozen=True, slots=True)
class Size:
    """How large the shop is, and how busy."""

    agents: int
    conversations: int
    per_s: float
    seconds: float


def measure(folder: Path, size: Size, url: str = "") -> Measured:
    """Fill a shop in `folder` (or the empty database at `url`), serve it, and let customers write.

    On PostgreSQL the pages are served by a process of their own.

    Raises:
        BenchFailed: the shop or the browsers did not start.
    """
    toml = SHOP_TOML if not url else SHOP_TOML.replace('url = "sqlite:///data/zhanggui.db"', f'url = "{url}"')
    make_shop(folder, toml)
    settings = load_settings(folder, {})
    tokens = VisitorTokens(CHANNEL, settings.server.secret.read(folder, "server.secret"))
    address = database_url(settings.store.url, folder)
    upgrade(address)
    database = Database(address)
    asyncio.run(database.write(lambda c: fill(c, size, datetime.now(UTC))))
    database.close()
    with ExitStack() as served:
        shops = [_served(served, folder, role) for role in (("all", "console") if url else ("all",))]
        try:
            return asyncio.run(_measure(shops, size, tokens))
        except BenchFailed as error:
            raise BenchFailed(f"{error} It said: {last_words(folder)}") from None


def _served(ending: ExitStack, folder: Path, role: str) -> Served:
    process, base, started = ending.enter_context(serving(folder, role))
    until_ready(process, base, started)
    return Served(process.pid, base)


def fill(connection: Connection, size: Size, now: datetime) -> None:
    """Store agents who are logged in, and conversations that each of them has an even share of."""
    staff = [
        {"id": f"a{n}", "login": f"agent{n}", "name": f"Agent {n}", "role": "agent", "created_at": now}
        for n in range(size.agents)
    ]
    connection.execute(insert(agents), staff)
    for n in range(size.agents):
        people.start_session(connection, f"a{n}", session_of(n), now)
    numbers = range(size.conversations)
    who = [{"id": f"p{n}", "name": f"客人 {n}", "language": "zh", "created_at": now} for n in numbers]
    connection.execute(insert(persons), who)
    accounts = [
        {"id": f"i{n}", "person_id": f"p{n}", "channel": CHANNEL, "user": f"v{n}", "name": "", "created_at": now}
        for n in numbers
    ]
    connection.execute(insert(identities), accounts)
    connection.execute(insert(conversations), [_talk(n, size, now) for n in numbers])
    for line in range(LINES // 2):
        at = now - timedelta(minutes=LINES - 2 * line)
        connection.execute(insert(inbox), [_said(n, line, at) for n in numbers])
        connection.execute(insert(outbox), [_answered(n, line, at + timedelta(minutes=1), size) for n in numbers])


def session_of(number: int) -> str:
    """Return the session's secret of one agent of a measurement."""
    return f"bench-session-{number}"


def _talk(n: int, size: Size, now: datetime) -> dict[str, Any]:
    said = LINES // 2
    owned = {"owner": "agent", "agent_id": f"a{n % size.agents}", "epoch": 2, "seen_at": now}
    place = {"id": f"c{n}", "channel": CHANNEL, "chat": f"v{n}", "identity_id": f"i{n}"}
    return {
        **place,
        **owned,
        "last_seq": said,
        "done_seq": said,
        "shown": 2 * said,
        "created_at": now,
        "updated_at": now,
    }


def _said(n: int, line: int, at: datetime) -> dict[str, Any]:
    key = {"key": f"bench:{n}:{line}", "conversation_id": f"c{n}", "seq": line + 1, "identity_id": f"i{n}"}
    return {**key, "text": f"第 {line} 问：这件什么时候发货？", "sent_at": at, "received_at": at, "status": "done"}


def _answered(n: int, line: int, at: datetime, size: Size) -> dict[str, Any]:
    key = {"key": f"bench:{n}:{line}", "conversation_id": f"c{n}", "channel": CHANNEL, "purpose": "human"}
    sent = {"status": "sent", "not_before": at, "created_at": at, "sent_at": at, "shown": 2 * line + 2}
    return {**key, **sent, "author": f"agent:a{n % size.agents}", "text": f"第 {line} 答：今天发出。"}


async def _measure(shops: Sequence[Served], size: Size, tokens: VisitorTokens) -> Measured:
    """Customers write to the first process, agents have their pages from the last."""
    pages = shops[-1]
    browsers = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "bot.bench.browsers",
        stdin=-1,
        stdout=-1,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert browsers.stdin is not None  # noqa: S101 (asked for above)
    assert browsers.stdout is not None  # noqa: S101
    asked = {"sessions": [session_of(n) for n in range(size.agents)], "talks": [f"c{n}" for n in range(size.agents)]}
    browsers.stdin.write(json.dumps({"base": pages.base, **asked}).encode() + b"\n")
    line = await browsers.stdout.readline()
    if not line:
        raise BenchFailed("the browsers could not open the console; see what they said above.")
    ready = json.loads(line)
    shown: dict[int, int] = {}
    listening = asyncio.create_task(_listen(browsers.stdout, shown))
    await asyncio.sleep(SETTLES_S)
    measured = (*(shop.pid for shop in shops), browsers.pid)
    before = [cpu_s(pid) for pid in measured]
    stored = await _customers(shops[0].base, size, tokens)
    *of_shops, of_browsers = (cpu_s(pid) - spent_s for pid, spent_s in zip(measured, before, strict=True))
    await _all_shown(shown, stored)
    rss_mb = memory_mb(pages.pid)["Rss"]
    browsers.stdin.close()
    await browsers.wait()
    await listening
    took = sorted(shown[number] - at for number, at in stored.items() if number in shown)
    if not took:
        raise BenchFailed("No page showed any message.")
    return Measured(
        agents=size.agents,
        conversations=size.conversations,
        messages=len(stored),
        per_s=size.per_s,
        p50_ms=round(took[len(took) // 2]),
        p95_ms=round(took[int(len(took) * 0.95)]),
        worst_ms=round(took[-1]),
        not_shown=len(stored.keys() - shown.keys()),
        cpu_ms=round(1000 * sum(of_shops) / len(stored), 1),
        cpu_percent=round(100 * sum(of_shops) / size.seconds, 1),
        pages_cpu_percent=round(100 * of_shops[-1] / size.seconds, 1),
        agents_cpu_percent=round(100 * of_browsers / size.seconds, 1),
        rss_mb=round(rss_mb, 1),
        page_s=round(ready["page_p50_s"], 2),
        load=round(os.getloadavg()[0], 1),
    )


async def _listen(lines: asyncio.StreamReader, shown: dict[int, int]) -> None:
    async for line in lines:
        told = json.loads(line)
        for number in told["numbers"]:
            shown.setdefault(number, told["at_ms"])


async def _all_shown(shown: dict[int, int], stored: dict[int, float]) -> None:
    ends = time.monotonic() + LATE_S
    while stored.keys() - shown.keys() and time.monotonic() < ends:  # noqa: ASYNC110 (what comes in is a file)
        await asyncio.sleep(0.1)


async def _customers(base: str, size: Size, tokens: VisitorTokens) -> dict[int, float]:
    """Write at a steady pace, each message into another conversation. Return when each was stored, in ms."""
    houses = [
        httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address=f"127.0.{4 + n // 200}.{1 + n % 200}"))
        for n in range(int(size.per_s / AN_ADDRESS_PER_S) + 1)
    ]
    stored: dict[int, float] = {}

    async def write(number: int) -> None:
        visitor = (number * 7919) % size.conversations
        said = {"token": tokens.sign(f"v{visitor}"), "client_id": f"b{number}", "text": f"第 #{number}# 句：到哪了？"}
        answer = await houses[number % len(houses)].post(f"{base}/webchat/shop/messages", json=said, timeout=30)
        stored[number] = time.time() * 1000
        answer.raise_for_status()

    began, writing = time.monotonic(), set()
    for number in range(int(size.seconds * size.per_s)):
        await asyncio.sleep(max(0.0, began + number / size.per_s - time.monotonic()))
        writing.add(asyncio.create_task(write(number)))
    await asyncio.gather(*writing)
    for house in houses:
        await house.aclose()
    return stored

"""A campaign to very many people: how soon it lies in the outbox, and how near to its limits the platform is served."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import structlog
from sqlalchemy import Connection, String, cast, create_engine, func, literal, select, text

from bot.bench.crowd import AT_ONCE, gather
from bot.bench.stand import EchoThinker, Line, fresh_database
from bot.bench.turns import peak_mb, percentiles
from bot.campaigns.broadcast import Broadcast, expand
from bot.clock import SystemClock, new_id
from bot.delivery.host import ChannelHost
from bot.delivery.leases import Leases
from bot.delivery.outbox import Draft, put_all
from bot.messages import ChatKind, Purpose, Source
from bot.store.database import Database
from bot.store.insert import insert_new
from bot.store.tables import conversations, inbox, outbox
from bot.voice import Spoken
from connectors.telegram.connector import TelegramConnector
from connectors.twin.telegram import TelegramTwin

CHANNEL = "telegram:bench"
TOKEN = "1000002:bench-token-of-the-twin-0123456789abcdef"  # noqa: S105 (it opens nothing but the twin)
ALLOWED = 30
"""Messages in any second that the stand-in Telegram takes from a bot (Telegram: Bots FAQ)."""
GROUPS, GROUP_MESSAGES = 4, 25
"""A group takes 20 messages in a minute and one in a second: more are waiting than it may get."""
WRITERS, WRITE_EVERY_S = 20, 0.5
TEXTS = {"zh": "双十一预告：亚麻连衣裙明早十点开抢。", "en": "Tomorrow at ten: the linen dress for half its price."}


TARGETS = {"expanded_s": "≤ 60 for 1,000,000", "of_allowed": "≥ 0.99", "refused": "0"}


@dataclass(frozen=True, slots=True)
class Expanded:
    """What came of the expansion.

    Attributes:
        recipients: conversations of the channel; `rows` in the outbox, without those who said no.
        longest_ms: of the longest chunk: so long may others wait for the database.
        before_mb, peak_mb: the most memory that this process had before and after.
    """

    recipients: int
    rows: int
    expanded_s: float
    rows_per_s: float
    longest_ms: float
    before_mb: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Paced:
    """What came of the sending.

    Attributes:
        per_s: messages a second; `of_allowed` of what the platform takes.
        refused: calls that it refused.
        to_groups: the most that a group got.
        paced_s: from the first message to the last of a whole second's worth.
        reply_ms: p50, p95 and p99 from a customer's message until the platform has the answer, meanwhile.
    """

    paced_s: float
    sent: int
    per_s: float
    of_allowed: float
    refused: int
    to_groups: int
    replies: int
    reply_ms: tuple[float, float, float]


async def measure(server: str, folder: Path, recipients: int, seconds: float) -> dict[str, Any]:
    """Measure on an empty database: a file in `folder`, or a new one on the PostgreSQL `server`."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with fresh_database(server, folder) as url, closing(Database(url)) as database:
        expanded = await expansion(database, recipients)
        paced = await pacing(database, seconds)
    return {name: _rounded(value) for name, value in (asdict(expanded) | asdict(paced)).items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value


async def expansion(database: Database, recipients: int) -> Expanded:
    """Make the people, then write the campaign for all of them."""
    now = SystemClock().now()
    for first in range(0, recipients, AT_ONCE):
        count = min(AT_ONCE, recipients - first)
        await database.write(lambda c, first=first, count=count: gather(c, CHANNEL, first, count, now))  # type: ignore[misc]
    await asyncio.to_thread(_know_the_tables, database.url)
    words = {language: Spoken(words, (), (Source("bench", "1"),)) for language, words in TEXTS.items()}
    broadcast = Broadcast("bench", CHANNEL, words)
    before_mb, began = peak_mb(), time.perf_counter()
    rows, longest_s, after = 0, 0.0, ""
    while True:
        at = time.perf_counter()
        chunk = await database.write(lambda c, after=after: expand(c, broadcast, after, now))  # type: ignore[misc]
        longest_s = max(longest_s, time.perf_counter() - at)
        rows += chunk.stored
        if chunk.after is None:
            break
        after = chunk.after
    took_s = time.perf_counter() - began
    return Expanded(recipients, rows, took_s, rows / took_s, 1000 * longest_s, before_mb, peak_mb())


def _know_the_tables(url: str) -> None:
    """Let the database count its tables, as a server does by itself now and then."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()


async def pacing(database: Database, seconds: float) -> Paced:
    """Send what is in the outbox through the real connector to the stand-in Telegram for `seconds`."""
    clock = SystemClock()
    chats = await database.read(lambda c: _first_chats(c, int(seconds + 3) * ALLOWED + WRITERS))
    groups = [-1001 - number for number in range(GROUPS)]
    await database.write(lambda c: _fill_groups(c, groups, clock.now()))
    users = [(chat, f"Customer {chat}") for chat in chats]
    twin = TelegramTwin(TOKEN, "bench_bot", users, [(group, f"Group {group}") for group in groups], clock)
    async with _serving(twin) as base, httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as http:
        for chat in chats:
            await http.post("/telegram/control/start", json={"user": chat})
        await http.post(f"/telegram/bot{TOKEN}/deleteWebhook", json={"drop_pending_updates": True})
        connector = TelegramConnector(CHANNEL, TOKEN, "unused", "polling", base, clock, api_base=f"{base}/telegram")
        line = Line(database, clock, new_id, EchoThinker(), connector)
        leases = Leases(database, clock, new_id)
        await connector.start(ChannelHost(CHANNEL, database, clock, line.intake, leases, line.arrived, line.changes))
        writing = asyncio.create_task(_write(http, chats[-WRITERS:]))
        began, loops = clock.now(), [asyncio.create_task(connector.hold()), *line.loops()]
        await asyncio.sleep(seconds + 1)
        for task in (writing, *loops):
            task.cancel()
        await asyncio.gather(writing, *loops, return_exceptions=True)
        await connector.stop()
        refused = (await http.get("/telegram/control/refusals")).json()["refusals"]
    return await database.read(lambda c: _result(c, began, len(refused)))


async def _write(http: httpx.AsyncClient, chats: Sequence[int]) -> None:
    """Let customers write, one after the other, for ever."""
    number = 0
    while True:
        await asyncio.sleep(WRITE_EVERY_S)
        await http.post("/telegram/control/say", json={"user": chats[number % len(chats)], "text": f"包邮吗 {number}"})
        number += 1


@asynccontextmanager
async def _serving(twin: TelegramTwin) -> AsyncIterator[str]:
    import uvicorn

    from connectors.twin.app import build_twin

    app = build_twin(twin, None)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


def _first_chats(connection: Connection, count: int) -> list[int]:
    """Return the chats whose message is next."""
    query = select(conversations.c.chat).join(outbox, outbox.c.conversation_id == conversations.c.id)
    query = query.where(outbox.c.status == "waiting")
    return [int(chat) for chat in connection.execute(query.order_by(outbox.c.id).limit(count)).scalars()]


def _fill_groups(connection: Connection, groups: Sequence[int], now: datetime) -> None:
    rows = [
        {"id": f"group{group}", "channel": CHANNEL, "chat": str(group), "chat_kind": ChatKind.GROUP.value}
        for group in groups
    ]
    insert_new(connection, conversations, [{**row, "created_at": now, "updated_at": now} for row in rows])
    drafts = [
        Draft(f"group:{group}:{number}", f"group{group}", Purpose.SERVICE, f"No. {number}")
        for group in groups
        for number in range(GROUP_MESSAGES)
    ]
    put_all(connection, [(draft, CHANNEL) for draft in drafts], now)


def _result(connection: Connection, began: datetime, refused: int) -> Paced:
    sent = select(outbox.c.sent_at).where(outbox.c.status == "sent", outbox.c.sent_at >= began)
    times = list(connection.execute(sent.order_by(outbox.c.sent_at)).scalars())
    rounds = (len(times) - 1) // ALLOWED
    took_s = (times[rounds * ALLOWED] - times[0]).total_seconds()
    per_s = rounds * ALLOWED / took_s
    to_groups = select(func.count()).where(outbox.c.status == "sent", outbox.c.key.startswith("group:"))
    most = connection.execute(to_groups.group_by(outbox.c.conversation_id)).scalars().all()
    waits = _waits(connection)
    return Paced(
        paced_s=took_s,
        sent=len(times),
        per_s=per_s,
        of_allowed=per_s / ALLOWED,
        refused=refused,
        to_groups=max(most, default=0),
        replies=len(waits),
        reply_ms=percentiles([wait.total_seconds() for wait in waits]),
    )


def _waits(connection: Connection) -> list[timedelta]:
    answers = literal("turn:").concat(inbox.c.conversation_id).concat(":").concat(cast(inbox.c.seq, String))
    times = select(outbox.c.sent_at, inbox.c.received_at).join(inbox, outbox.c.key == answers)
    return [row.sent_at - row.received_at for row in connection.execute(times.where(outbox.c.status == "sent"))]

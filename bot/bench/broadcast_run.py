"""A broadcast within the rate of a stand-in Telegram, while customers write and whoever sends is killed.

Each kill comes when the platform has just taken a message and the sender does not know it yet: the worst moment.
"""

from __future__ import annotations

import asyncio
import os
import time
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import Connection, and_, exists, literal, or_, select

from bot.bench.broadcast_worker import CHANNEL, SENDS, TOKEN, Orders
from bot.bench.ear import Ear
from bot.bench.pool import Link, Pool, Said, socket_folder
from bot.bench.turns import percentiles
from bot.clock import SystemClock
from bot.delivery.outbox import Draft, put_all
from bot.errors import ZhangguiError
from bot.messages import ChatKind, Purpose
from bot.store.database import Database
from bot.store.insert import insert_new
from bot.store.tables import conversations, outbox, tasks
from connectors.twin.telegram import TelegramTwin

TEXTS = {"zh": "双十一预告：亚麻连衣裙明早十点开抢。", "en": "Tomorrow at ten: the linen dress for half its price."}
AUTHOR = "campaign:bench"
GROUPS, GROUP_MESSAGES = 4, 25
"""A group takes 20 messages in a minute and one in a second: more are waiting than it may get."""
WRITERS, WRITE_EVERY_S = 20, 0.5
MORE_S = 30
"""So much longer than planned a run may go on: it has people for that."""
STALLED_S = 60.0
FAULTS = ("twice", "refused", "missing", "unanswered")


class BroadcastStalled(ZhangguiError):
    """Nothing is sent any more. The log of the workers tells why."""

    code = "bench"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes.

    Attributes:
        sent: messages of the campaign after which it may end.
        per_s: messages in any second that the stand-in takes; the pacer is told the same.
        workers: side by side; one on SQLite, whose file belongs to one process.
        lease_s: of the channel: so long after a kill at most the next one sends.
        without: `unsure` takes away that a message of a campaign whose fate nobody knows is never sent again.
    """

    url: str
    sent: int
    per_s: int = 30
    workers: int = 2
    kills: int = 2
    lease_s: float = 15.0
    without: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it. `twice`, `refused`, `missing` and `unanswered` must be 0.

    Attributes:
        arrived: messages of the campaign that the platform took; `twice`: chats that got more than one.
        refused: calls that it refused.
        missing: messages that the tables call sent and that never came.
        to_people: replies that met a kill in the air: nobody knows their fate, so an agent has a task.
        unsure, unsure_arrived: nobody knew their fate, because their sender died; so many had come.
        to_groups: the most that a group got.
        per_s: all messages a second, without the time in which nobody held the channel; `of_allowed` of what the
            platform takes; `of_allowed_with_kills` with that time.
        leaderless_s: the longest time without a message after a kill.
        reply_ms: p50, p95 and p99 from a customer's message until the platform has the answer; `reply_most_ms` the
            longest; both without those that met a kill.
        replies_at_kills, reply_at_kill_most_s: those, and the longest of them.
        load: of the machine in the last minute, at the end.
    """

    arrived: int
    kills: int
    twice: int
    refused: int
    missing: int
    unanswered: int
    to_people: int
    unsure: int
    unsure_arrived: int
    to_groups: int
    sent_s: float
    allowed_per_s: int
    per_s: float
    of_allowed: float
    of_allowed_with_kills: float
    leaderless_s: float
    replies: int
    reply_ms: tuple[float, float, float]
    reply_most_ms: float
    replies_at_kills: int
    reply_at_kill_most_s: float
    load: float

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong; how fast it was depends on the machine."""
        return not any(getattr(self, fault) for fault in FAULTS)


@dataclass(slots=True)
class Run:
    """One run: what the platform hears, what customers say, and who is killed."""

    plan: Plan
    ear: Ear = field(init=False)
    pool: Pool[Link] = field(init=False)
    holder: Link | None = None
    said: dict[str, float] = field(default_factory=dict)
    killed_at: list[float] = field(default_factory=list)
    held_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ear = Ear(frozenset(TEXTS.values()), self._heard)

    def start(self, orders: Orders) -> Pool[Link]:
        module = "bot.bench.broadcast_worker"
        self.pool = Pool(module, orders, self.plan.workers, Link, self._hear, lambda _: None)
        return self.pool

    def _hear(self, link: Link, said: Said) -> None:
        if "holds" in said:
            self.holder = link
            self.held_at.append(time.monotonic())

    def _heard(self, count: int) -> None:
        """Kill who sends after equal parts of the campaign."""
        done = len(self.killed_at)
        if done < self.plan.kills and self.holder and count >= self.plan.sent * (done + 1) // (self.plan.kills + 1):
            self.killed_at.append(time.monotonic())
            self.pool.kill(self.holder)
            self.holder = None

    async def write(self, http: httpx.AsyncClient, chats: Sequence[int]) -> None:
        """Let customers write, one after the other, for ever, as soon as somebody sends."""
        number = 0
        while not self.ear.taken_at:  # noqa: ASYNC110 (processes begin)
            await asyncio.sleep(0.1)
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            text = f"包邮吗 {number}"
            said_at = time.monotonic()
            await http.post("/telegram/control/say", json={"user": chats[number % len(chats)], "text": text})
            self.said[text] = said_at
            number += 1

    async def through(self, database: Database) -> None:
        """Wait until enough was sent, and every send of the dead was given up.

        Raises:
            BroadcastStalled: nothing is sent any more.
        """
        given_up_s = (SENDS + 1) * self.plan.lease_s
        while True:
            now = time.monotonic()
            is_enough = self.ear.campaign_messages >= self.plan.sent or not await database.read(_any_left)
            if is_enough and now >= max(self.killed_at, default=0.0) + given_up_s:
                by = datetime.now(UTC)
                if not await database.read(lambda c, by=by: _any_hanging(c, by)):  # type: ignore[misc]
                    return
            if now > max(self.ear.taken_at[-1:] + self.held_at[-1:], default=now) + STALLED_S and not is_enough:
                raise BroadcastStalled(f"{self.ear.campaign_messages} messages came, and no more for {STALLED_S:.0f} s")
            await asyncio.sleep(0.2)

    async def answered(self) -> None:
        """Wait until everybody has their answer, a while at most."""
        until = time.monotonic() + STALLED_S
        while self.said.keys() - self.ear.answered.keys() and time.monotonic() < until:  # noqa: ASYNC110 (other tasks)
            await asyncio.sleep(0.1)

    def outages(self) -> list[tuple[float, float]]:
        """Return from when until when nobody sent: from a kill to the first message of whoever came next."""
        found = []
        for killed_at in self.killed_at:
            next_at = next((at for at in self.held_at if at > killed_at), killed_at)
            first = bisect_left(self.ear.taken_at, next_at)
            found.append((killed_at, self.ear.taken_at[first] if first < len(self.ear.taken_at) else next_at))
        return found


async def broadcast(plan: Plan, folder: Path) -> Verdict:
    """Send what is in the outbox of the database at `plan.url`; workers log to `folder`.

    Raises:
        BroadcastStalled: it did not come to its end.
    """
    database, run, clock = Database(plan.url), Run(plan), SystemClock()
    groups = [-1001 - number for number in range(GROUPS)]
    try:
        await database.write(lambda c: _fill_groups(c, groups, clock.now()))
        longest_s = MORE_S + (SENDS + 1) * plan.lease_s
        chats = await database.read(lambda c: _first_chats(c, plan.sent + round(longest_s * plan.per_s)))
        users = [(chat, f"Customer {chat}") for chat in chats]
        twin = TelegramTwin(TOKEN, "bench_bot", users, [(group, f"Group {group}") for group in groups], clock)
        with socket_folder() as sockets:
            async with _serving(twin, run.ear) as base, httpx.AsyncClient(base_url=base, trust_env=False) as http:
                await _begin(http, chats, plan.per_s)
                orders = Orders(f"{sockets}/driver", plan.url, base, plan.per_s, plan.lease_s, plan.without)
                async with run.start(orders).open(folder / "workers.log"):
                    writing = asyncio.create_task(run.write(http, chats[-WRITERS:]))
                    try:
                        await run.through(database)
                    finally:
                        writing.cancel()
                        await asyncio.gather(writing, return_exceptions=True)
                    await run.answered()
                refusals = (await http.get("/telegram/control/refusals")).json()["refusals"]
        fates, to_people = await database.read(_fates), await database.read(_replies_to_people)
        return _verdict(run, len(refusals), fates, to_people)
    finally:
        database.close()


async def _begin(http: httpx.AsyncClient, chats: Sequence[int], per_s: int) -> None:
    """Let all people start the bot, forget that they did, and set the rate."""
    for chat in chats:
        await http.post("/telegram/control/start", json={"user": chat})
    await http.post(f"/telegram/bot{TOKEN}/deleteWebhook", json={"drop_pending_updates": True})
    await http.post("/telegram/control/rates", json={"overall": per_s})


@asynccontextmanager
async def _serving(twin: TelegramTwin, ear: Ear) -> AsyncIterator[str]:
    import uvicorn

    from connectors.twin.app import build_twin

    server = uvicorn.Server(
        uvicorn.Config(
            ear.at(build_twin(twin, None)),
            host="127.0.0.1",
            port=0,
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        await twin.close()


def _first_chats(connection: Connection, count: int) -> list[int]:
    """Return the chats whose message is next."""
    query = select(conversations.c.chat).join(outbox, outbox.c.conversation_id == conversations.c.id)
    query = query.where(outbox.c.status == "waiting", outbox.c.author == AUTHOR)
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


def _any_left(connection: Connection) -> bool:
    left = select(outbox.c.id).where(outbox.c.author == AUTHOR, outbox.c.status.in_(("waiting", "sending")))
    return connection.execute(left.limit(1)).first() is not None


def _any_hanging(connection: Connection, now: datetime) -> bool:
    """Return whether a send was interrupted and nothing was done about it yet, or it is to be tried again."""
    interrupted = and_(outbox.c.status == "sending", outbox.c.lease_until <= now)
    tried = and_(outbox.c.status == "waiting", outbox.c.attempts > 0)
    hanging = select(outbox.c.id).where(outbox.c.author == AUTHOR, or_(interrupted, tried))
    return connection.execute(hanging.limit(1)).first() is not None


def _fates(connection: Connection) -> dict[str, list[int]]:
    """Return the chats of the campaign's messages whose fate is told, by what is told of it."""
    query = select(conversations.c.chat, outbox.c.status).join(conversations)
    query = query.where(outbox.c.author == AUTHOR, outbox.c.status.in_(("sent", "unsure")))
    fates: dict[str, list[int]] = {"sent": [], "unsure": []}
    for row in connection.execute(query):
        fates[row.status].append(int(row.chat))
    return fates


def _replies_to_people(connection: Connection) -> set[str]:
    """Return the replies that were in the air at a kill: nobody knows their fate, so people have a task."""
    has_task = exists().where(tasks.c.key == literal("outbox:") + outbox.c.key, ~tasks.c.done)
    interrupted = outbox.c.status == "unsure", outbox.c.reason == "interrupted", has_task
    query = select(outbox.c.text).where(outbox.c.purpose == Purpose.REPLY.value, *interrupted)
    return set(connection.execute(query).scalars())


def _verdict(run: Run, refused: int, fates: dict[str, list[int]], to_people: set[str]) -> Verdict:
    if not run.ear.taken_at:
        raise BroadcastStalled("no message came")
    ear, plan, outages = run.ear, run.plan, run.outages()
    waits = [(said_at, ear.answered[text]) for text, said_at in run.said.items() if text in ear.answered]
    met = [any(said < end and answer > kill for kill, end in outages) for said, answer in waits]
    calm = [answer - said for (said, answer), kill in zip(waits, met, strict=True) if not kill]
    late = [answer - said for (said, answer), kill in zip(waits, met, strict=True) if kill]
    per_s, with_kills = _pace(ear.taken_at, outages)
    return Verdict(
        arrived=ear.campaign_messages,
        kills=len(run.killed_at),
        twice=sum(count > 1 for count in ear.times.values()),
        refused=refused,
        missing=sum(chat not in ear.times for chat in fates["sent"]),
        unanswered=len(run.said.keys() - ear.answered.keys() - to_people),
        to_people=len(to_people),
        unsure=len(fates["unsure"]),
        unsure_arrived=sum(chat in ear.times for chat in fates["unsure"]),
        to_groups=max(ear.to_groups.values(), default=0),
        sent_s=round(ear.taken_at[-1] - ear.taken_at[0], 1),
        allowed_per_s=plan.per_s,
        per_s=round(per_s, 2),
        of_allowed=round(per_s / plan.per_s, 4),
        of_allowed_with_kills=round(with_kills / plan.per_s, 4),
        leaderless_s=round(max((end - kill for kill, end in outages), default=0.0), 1),
        replies=len(calm),
        reply_ms=tuple(round(ms, 1) for ms in percentiles(calm)),  # type: ignore[arg-type]
        reply_most_ms=round(1000 * max(calm, default=0.0), 1),
        replies_at_kills=len(late),
        reply_at_kill_most_s=round(max(late, default=0.0), 2),
        load=round(os.getloadavg()[0], 1),
    )


def _pace(taken_at: Sequence[float], outages: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return messages a second between the outages, and from the first to the last."""
    begins = [taken_at[0], *(end for _, end in outages)]
    ends = [*(kill for kill, _ in outages), taken_at[-1]]
    count, seconds = 0, 0.0
    for begin, end in zip(begins, ends, strict=True):
        inside = bisect_right(taken_at, end) - bisect_left(taken_at, begin)
        count += max(0, inside - 1)
        seconds += max(0.0, end - begin)
    whole_s = taken_at[-1] - taken_at[0]
    return count / seconds if seconds else 0.0, (len(taken_at) - 1) / whole_s if whole_s else 0.0

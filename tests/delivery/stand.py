"""What these tests share: a platform that records, messages that come in, and helpers to look at the tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Table, select
from starlette.routing import BaseRoute

from bot import effects
from bot.clock import Clock, IdMaker
from bot.connector import Host
from bot.delivery.claims import Desk
from bot.delivery.gate import Rules
from bot.delivery.inbox import store
from bot.delivery.outbox import Draft, put
from bot.delivery.pacer import Pacer
from bot.delivery.sender import Sender
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker, Thought
from bot.delivery.turns import TurnRunner
from bot.messages import OPEN, WINDOW, Chat, ChatKind, Inbound, Limits, Outbound, Purpose, Receipt, Road, SendStatus
from bot.skills.turn import Say
from bot.store.database import Database
from bot.store.tables import conversations, outbox
from bot.voice import Spoken
from handoff.ownership import reopen, to_queue

SENT_AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
RULES = Rules(
    ZoneInfo("Asia/Shanghai"),
    quiet_from=time(21),
    quiet_until=time(9),
    marketing_per_day=1,
    marketing_per_week=3,
    holdout_pct=0,
)
MANY_TOUCHES = replace(RULES, marketing_per_day=1000, marketing_per_week=1000)


@dataclass
class Platform:
    """A connector whose platform is the test: it records what it is to send and answers `receipts`, then always SENT."""

    channel: str = "web:shop"
    limits: Limits = field(default_factory=Limits)
    receipts: list[Receipt] = field(default_factory=list)
    asked: list[Outbound] = field(default_factory=list)
    piece_length: int | None = None
    """Longest text; longer ones cost several messages."""

    def routes(self) -> Sequence[BaseRoute]:
        return ()

    async def start(self, host: Host) -> None:
        pass

    async def hold(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def roads(self, message: Outbound) -> Sequence[Road]:
        pieces = 1 if self.piece_length is None else -(-len(message.text) // self.piece_length)
        return [Road("window", pieces, WINDOW)] if self.limits.counts_windows else [OPEN]

    async def send(self, message: Outbound) -> Receipt:
        self.asked.append(message)
        if self.receipts:
            return self.receipts.pop(0)
        return Receipt(SendStatus.SENT, platform_id=f"p{len(self.asked)}")

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.asked]


def said(number: int, text: str = "你好", chat: str = "u1", channel: str = "web:shop", **more: Any) -> Inbound:
    """Return the `number`th private message of a customer."""
    sent_at = more.pop("sent_at", SENT_AT + timedelta(seconds=number))
    return Inbound(
        key=f"{channel}:{chat}:{number}", chat=Chat(channel, chat), user=chat, sent_at=sent_at, text=text, **more
    )


def said_in_group(number: int, user: str, text: str = "你好", group: str = "g1", **more: Any) -> Inbound:
    chat = Chat("telegram:bot", group, ChatKind.GROUP)
    return Inbound(key=f"{group}:{number}", chat=chat, user=user, sent_at=SENT_AT, text=text, **more)


async def arrive(database: Database, clock: Clock, new_id: IdMaker, *messages: Inbound) -> int:
    return await database.write(lambda c: store(c, messages, clock.now(), new_id))


async def rows(database: Database, table: Table, *where: Any) -> list[Row[Any]]:
    """Return the rows of a table in the order of its first key."""
    order = next(iter(table.primary_key))
    return await database.read(lambda c: list(c.execute(select(table).where(*where).order_by(order)).all()))


async def conversation_of(database: Database, chat: str = "u1", channel: str = "web:shop") -> Row[Any]:
    (row,) = await rows(database, conversations, conversations.c.chat == chat, conversations.c.channel == channel)
    return row


@asynccontextmanager
async def another(database: Database) -> AsyncIterator[Database]:
    """Open the same data as a second process would."""
    opened = Database(database.url)
    try:
        yield opened
    finally:
        opened.close()


# --- turns -----------------------------------------------------------------------------------------------------------
Hook = Callable[[Connection, str, int], None]


@dataclass(frozen=True, slots=True)
class Watched(Thinker):
    """The real thinker, with something that happens after it has thought and before the turn is committed."""

    meanwhile: Hook = lambda _connection, _conversation_id, _seq: None

    def think_all(
        self, connection: Connection, conversation_ids: Sequence[str], now: datetime
    ) -> dict[str, Thought | Exception]:
        thoughts = Thinker.think_all(self, connection, conversation_ids, now)
        for conversation_id in conversation_ids:
            try:
                self.meanwhile(connection, conversation_id, next_seq(connection, conversation_id))
            except Exception as error:
                thoughts[conversation_id] = error
        return thoughts


def next_seq(connection: Connection, conversation_id: str) -> int:
    done = select(conversations.c.done_seq).where(conversations.c.id == conversation_id)
    return int(connection.execute(done).scalar_one()) + 1


def a_runner(
    database: Database, clock: Clock, new_id: IdMaker, thinker: Thinker, meanwhile: Hook | None = None
) -> TurnRunner:
    if meanwhile is not None:
        thinker = Watched(thinker.brain, thinker.settings, thinker.shop_of, meanwhile=meanwhile)
    return TurnRunner(database, clock, new_id, thinker, effects.apply, to_queue, reopen, wake=Signal(), done=Signal())


async def run_all(runner: TurnRunner) -> int:
    """Run turns until none waits. Return how many tries that took."""
    tries = 0
    while await runner.run_next():
        tries += 1
        assert tries < 100, "a turn is tried for ever"
    return tries


# --- sending ---------------------------------------------------------------------------------------------------------
def a_sender(
    database: Database, clock: Clock, platform: Platform, rules: Rules = RULES, elsewhere: frozenset[str] = frozenset()
) -> Sender:
    """Return a sender for a platform. What has no road there may go to the channels `elsewhere`."""
    desk = Desk(platform, rules, Pacer(platform.limits), elsewhere)
    return Sender(database, clock, desk, wake=Signal(), done=Signal())


async def send_all(sender: Sender) -> None:
    """Decide about rows until none is due."""
    decided = 0
    while await sender.send_next():
        decided += 1
        assert decided < 1000, "a row is decided for ever"


async def write_out(database: Database, clock: Clock, key: str, chat: str = "u1", **more: Any) -> None:
    """Put a message to a known chat into the outbox; its text is its key."""
    purpose = more.pop("purpose", Purpose.REPLY)
    conversation = await conversation_of(database, chat, more.pop("channel", "web:shop"))
    draft = Draft(key, conversation.id, purpose, key, **more)
    await database.write(lambda c: put(c, draft, clock.now()))


async def states(database: Database) -> dict[str, tuple[str, str]]:
    return {row.key: (row.status, row.reason) for row in await rows(database, outbox)}


async def until_asked(platform: Platform, count: int) -> None:
    async with asyncio.timeout(10):
        while len(platform.asked) < count:
            await asyncio.sleep(0.01)


def mute(_: Sequence[Say]) -> Spoken:
    """Say nothing, for effects that send nothing."""
    return Spoken("", (), ())

"""A shop for measurements: the real way of a message, with an echo at the platform's end and, if asked, for a mind."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Connection, and_, select
from starlette.routing import BaseRoute

from bot import effects
from bot.clock import Clock, IdMaker
from bot.connector import Connector, Host
from bot.delivery.claims import Desk
from bot.delivery.gate import Rules
from bot.delivery.intake import Intake
from bot.delivery.pacer import Pacer
from bot.delivery.sender import Sender
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thought
from bot.delivery.turns import Thinks, TurnRunner
from bot.messages import OPEN, Chat, Choice, Inbound, Limits, Outbound, Receipt, Road, SendStatus, Source
from bot.skills.turn import PersonView, Say, State, Step
from bot.store.database import AnyRow, Database
from bot.store.tables import conversations, inbox
from bot.store.upgrade import upgrade
from bot.voice import Listener, Spoken
from handoff.ownership import reopen, to_queue

CHANNEL = "bench:echo"
RULES = Rules(
    ZoneInfo("Asia/Shanghai"),
    quiet_from=time(0),
    quiet_until=time(0),
    marketing_per_day=1,
    marketing_per_week=3,
    holdout_pct=0,
)
Sent = Callable[[Outbound], None]


@contextmanager
def fresh_database(server: str, folder: Path) -> Iterator[str]:
    """Yield the address of an empty database: a file in `folder`, or a new one on the PostgreSQL `server`."""
    if not server:
        url = f"sqlite:///{folder / 'bench.db'}"
        upgrade(url)
        yield url
        return
    name = f"zhanggui_bench_{uuid.uuid4().hex[:12]}"
    address = server.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
    url = f"postgresql+psycopg{address.removeprefix('postgresql').rpartition('/')[0]}/{name}"
    try:
        upgrade(url)
        yield url
    finally:
        with psycopg.connect(address, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@dataclass
class EchoPlatform:
    """A connector whose platform takes every message at once."""

    sent: Sent
    limits: Limits = field(default_factory=Limits)
    channel: str = CHANNEL

    def routes(self) -> Sequence[BaseRoute]:
        return ()

    async def start(self, host: Host) -> None: ...

    async def hold(self) -> None: ...

    async def stop(self) -> None: ...

    def roads(self, message: Outbound) -> Sequence[Road]:
        return [OPEN]

    async def send(self, message: Outbound) -> Receipt:
        self.sent(message)
        return Receipt(SendStatus.SENT, platform_id=message.id)


class EchoVoice:
    """Says what it is told, word for word."""

    def speak(self, says: Sequence[Say], language: str, to: Listener | None = None) -> Spoken:
        choices: tuple[Choice, ...] = ()
        return Spoken(says[0].fields["text"], choices, (Source("echo", "1"),))


@dataclass(frozen=True, slots=True)
class EchoThinker:
    """Answers every message with itself: what remains is the way of the message."""

    def think_all(
        self, connection: Connection, conversation_ids: Sequence[str], now: datetime
    ) -> Mapping[str, Thought | Exception]:
        next_message = and_(inbox.c.conversation_id == conversations.c.id, inbox.c.seq == conversations.c.done_seq + 1)
        rows = connection.execute(
            select(
                conversations.c.id,
                conversations.c.version,
                conversations.c.epoch,
                conversations.c.state,
                inbox.c.identity_id,
                inbox.c.text,
            )
            .join(inbox, next_message)
            .where(conversations.c.id.in_(conversation_ids))
        )
        return {row.id: _echo(row) for row in rows}

    def apology(self, connection: Connection, conversation_id: str) -> Spoken:
        return Spoken("sorry", (), ())


def seen(before: str, text: str) -> str:
    """Return what a conversation keeps of its texts: equal only after the same texts in the same order."""
    return hashlib.blake2b(f"{before}{text}".encode(), digest_size=8).hexdigest()


def _echo(row: AnyRow) -> Thought:
    return Thought(
        step=Step((Say("echo", {"text": row.text}),), State()),
        state={"turns": row.state.get("turns", 0) + 1, "seen": seen(row.state.get("seen", ""), row.text)},
        version=row.version,
        epoch=row.epoch,
        person=PersonView(identity_id=row.identity_id, person_id=""),
        language="zh",
        listener=Listener("bench"),
        voice=EchoVoice(),  # type: ignore[arg-type]
        summary={"intent": "echo"},
    )


@dataclass
class Line:
    """One process' way of a message: intake, turns and the sender of one channel."""

    database: Database
    clock: Clock
    new_id: IdMaker
    thinker: Thinks
    platform: Connector
    arrived: Signal = field(default_factory=Signal)
    changes: Signal = field(default_factory=Signal)

    def __post_init__(self) -> None:
        self.intake = Intake(self.database, self.clock, self.new_id)
        self.turns = TurnRunner(
            self.database,
            self.clock,
            self.new_id,
            self.thinker,
            effects.apply,
            to_queue,
            reopen,
            wake=self.arrived,
            done=self.changes,
        )
        desk = Desk(self.platform, RULES, Pacer(self.platform.limits))
        self.sender = Sender(self.database, self.clock, desk, self.changes, Signal())

    async def receive(self, messages: Sequence[Inbound]) -> None:
        await self.intake.receive(messages)
        self.arrived.notify()

    def loops(self) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self.turns.run()), asyncio.create_task(self.sender.run())]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the loops alive while the context is open, and close the database behind them."""
        loops = self.loops()
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            self.database.close()


def message(chat: str, number: int, text: str, now: datetime) -> Inbound:
    """Return the `number`th message of a customer."""
    return Inbound(key=f"{CHANNEL}:{chat}:{number}", chat=Chat(CHANNEL, chat), user=chat, sent_at=now, text=text)

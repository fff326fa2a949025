"""Empties the outbox of one channel: gate, pace, send, receipt. The only caller of `Connector.send`.

A row goes waiting → sending → sent. Asking the gate, taking the right and marking the row happen in one transaction;
the receipt is another. What is still `sending` after its lease was interrupted mid-air: nobody knows, so it is
`unsure`, and only repeated where the platform drops repeats by itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, exists, func, select

from bot.clock import Clock
from bot.connector import Connector
from bot.delivery import facts, ledger
from bot.delivery.gate import Answer, Rules, judge
from bot.delivery.pacer import Pacer
from bot.delivery.receipts import Claimed, give_up_interrupted, mark, record, stop
from bot.delivery.signal import Signal
from bot.messages import Chat, ChatKind, Choice, Outbound, Purpose, Receipt, SendStatus, Source
from bot.store.database import AnyRow, Database
from bot.store.tables import conversations, outbox

LEASE_S = 60.0
LOOK_EVERY_S = 1.0
FINISH_S = 5.0
STOPPED_AS = {Answer.DROP: "dropped", Answer.TASK: "task"}
log = structlog.get_logger()


@dataclass(slots=True)
class Sender:
    """Sends for one channel."""

    database: Database
    clock: Clock
    connector: Connector
    rules: Rules
    wake: Signal
    done: Signal
    """Told after every receipt: someone may want to show it."""
    pacer: Pacer

    async def run(self) -> None:
        """Send for ever. Cancelled in a send, first wait `FINISH_S` for its receipt, or nobody would know its fate."""
        while True:
            seen = self.wake.count
            rest_s = LOOK_EVERY_S
            try:
                while await self._send_next_whole():
                    pass
                rest_s = await self._rest_s()
            except Exception:  # the database is away for a moment; the loop looks again
                log.exception("sender_interrupted", channel=self.connector.channel)
            await self.wake.wait(seen, rest_s)

    async def _send_next_whole(self) -> bool:
        sending = asyncio.create_task(self.send_next())
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            try:
                await asyncio.wait_for(sending, FINISH_S)
            except Exception:  # the loop ends, whatever came of its last send
                log.exception("send_not_finished", channel=self.connector.channel)
            raise

    async def _rest_s(self) -> float:
        """Return for how long nothing can become due by itself."""
        now = self.clock.now()
        due_at: datetime | None = self.pacer.channel_free_at(now)
        if due_at == now:
            due_at = await self.database.read(lambda c: _next_time(c, self.connector.channel, now))
        return LOOK_EVERY_S if due_at is None else min(LOOK_EVERY_S, (due_at - now).total_seconds())

    async def send_next(self) -> bool:
        """Decide about the next row that is due; return False if none is."""
        now = self.clock.now()
        if self.pacer.channel_free_at(now) > now:
            return False
        claimed = await self.database.write(lambda c: self._claim(c, now))
        if claimed is None:
            return False
        if isinstance(claimed, Claimed):
            receipt = await self._send(claimed.message)
            now = self.clock.now()
            if receipt.status is SendStatus.RATE_LIMITED:
                self.pacer.pause(now + timedelta(seconds=receipt.retry_after_s))
            await self.database.write(lambda c: record(c, claimed, receipt, self.connector, now))
        self.done.notify()
        return True

    async def _send(self, message: Outbound) -> Receipt:
        try:
            return await self.connector.send(message)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # a connector must not raise; if it does, nobody knows what went out
            log.exception("connector_raised", channel=self.connector.channel)
            return Receipt(SendStatus.UNSURE, reason=type(error).__name__)

    def _claim(self, connection: Connection, now: datetime) -> Claimed | bool | None:
        """Return a row to send, True if one was decided otherwise, None if nothing is due."""
        give_up_interrupted(connection, self.connector, now)
        row = _next_due(connection, self.connector.channel, now)
        if row is None:
            return None
        free_at = self.pacer.free_at(row.chat, now)
        if free_at > now:
            mark(connection, row.id, not_before=free_at)
            return True
        message = _outbound(row)
        cost = self.connector.cost(message)
        known = facts.gather(connection, row, cost, self.connector.limits, now)
        verdict = judge(known, self.rules, now)
        if verdict.answer is Answer.WAIT:
            mark(connection, row.id, not_before=verdict.until, reason=verdict.reason)
        elif verdict.answer is not Answer.SEND:
            stop(connection, row, STOPPED_AS[verdict.answer], verdict.reason, now)
        else:
            return self._take(connection, row, message, cost, now)
        return True

    def _take(self, connection: Connection, row: AnyRow, message: Outbound, cost: int, now: datetime) -> Claimed:
        right = ledger.best_right(connection, row.conversation_id, message.purpose, now)
        if right is not None:
            ledger.consume(connection, right.grant_id, by=cost)
        attempts, lease_until = row.attempts + 1, now + timedelta(seconds=LEASE_S)
        mark(connection, row.id, status="sending", attempts=attempts, lease_until=lease_until)
        self.pacer.sent(row.chat, message.chat.kind, now)
        return Claimed(row.id, message, attempts, lease_until, right.grant_id if right else None, cost)


def _outbound(row: AnyRow) -> Outbound:
    return Outbound(
        id=row.key,
        chat=Chat(row.channel, row.chat, ChatKind(row.chat_kind)),
        purpose=Purpose(row.purpose),
        text=row.text,
        choices=tuple(Choice(**choice) for choice in row.choices),
        sources=tuple(Source(**source) for source in row.sources),
        author=row.author,
    )


def _next_due(connection: Connection, channel: str, now: datetime) -> AnyRow | None:
    """Return the oldest due row, replies ahead of campaigns, never before an older one of the same conversation."""
    older = outbox.alias("older")
    blocked = exists().where(
        older.c.conversation_id == outbox.c.conversation_id,
        older.c.id < outbox.c.id,
        older.c.status.in_(("waiting", "sending")),
        older.c.purpose != Purpose.MARKETING.value,
    )
    return connection.execute(
        select(outbox, conversations.c.chat, conversations.c.chat_kind)
        .join(conversations, outbox.c.conversation_id == conversations.c.id)
        .where(outbox.c.status == "waiting", outbox.c.channel == channel, outbox.c.not_before <= now, ~blocked)
        .order_by(outbox.c.purpose == Purpose.MARKETING.value, outbox.c.id)
        .limit(1)
        .with_for_update(of=outbox, skip_locked=True)
    ).one_or_none()


def _next_time(connection: Connection, channel: str, now: datetime) -> datetime | None:
    """Return when the next row that waits for a time comes due."""
    waits = outbox.c.status == "waiting", outbox.c.channel == channel, outbox.c.not_before > now
    return connection.execute(select(func.min(outbox.c.not_before)).where(*waits)).scalar()

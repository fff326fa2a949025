"""Empties the outbox of one channel: gate, pace, send, receipt. The only caller of `Connector.send`.

A row goes waiting → sending → sent. Asking the gate, taking the right and marking the row happen in one transaction;
the receipt is another. What is still `sending` after its lease was interrupted mid-air: nobody knows, so it is
`unsure`, and only repeated where the platform drops repeats by itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, exists, func, select, update

from bot.clock import Clock
from bot.delivery import facts, ledger
from bot.delivery.gate import Answer, Rules, judge
from bot.delivery.pacer import Pacer
from bot.delivery.signal import Signal
from bot.messages import Chat, ChatKind, Choice, Connector, Outbound, Purpose, Receipt, SendStatus, Source
from bot.store.database import AnyRow, Database
from bot.store.insert import insert_once
from bot.store.tables import conversations, identities, outbox, tasks

LEASE_S = 60.0
LOOK_EVERY_S = 1.0
MAX_ATTEMPTS = 5
STOPPED_AS = {Answer.DROP: "dropped", Answer.TASK: "task"}
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that passed the gate and is marked `sending`, with the right it used."""

    row_id: int
    message: Outbound
    grant_id: int | None
    attempts: int


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
        while True:
            seen = self.wake.count
            rest_s = LOOK_EVERY_S
            try:
                while await self.send_next():
                    pass
                rest_s = await self._rest_s()
            except Exception:  # the database is away for a moment; the loop looks again
                log.exception("sender_interrupted", channel=self.connector.channel)
            await self.wake.wait(seen, rest_s)

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
            await self.database.write(lambda c: self._record(c, claimed, receipt, self.clock.now()))
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
        _give_up_interrupted(connection, self.connector, now)
        row = _next_due(connection, self.connector.channel, now)
        if row is None:
            return None
        kind = ChatKind(row.chat_kind)
        free_at = self.pacer.free_at(row.chat, now)
        if free_at > now:
            _mark(connection, row.id, status="waiting", not_before=free_at)
            return True
        known = facts.gather(connection, row, self.connector.limits, now)
        verdict = judge(known, self.rules, now)
        if verdict.answer is Answer.WAIT:
            _mark(connection, row.id, not_before=verdict.until, reason=verdict.reason)
        elif verdict.answer is not Answer.SEND:
            _stop(connection, row, STOPPED_AS[verdict.answer], verdict.reason, now)
        else:
            return self._take(connection, row, kind, now)
        return True

    def _take(self, connection: Connection, row: AnyRow, kind: ChatKind, now: datetime) -> Claimed:
        purpose = Purpose(row.purpose)
        right = ledger.best_right(connection, row.conversation_id, purpose, now)
        if right is not None:
            ledger.consume(connection, right.grant_id)
        lease = now + timedelta(seconds=LEASE_S)
        _mark(connection, row.id, status="sending", attempts=row.attempts + 1, lease_until=lease)
        self.pacer.sent(row.chat, kind, now)
        message = Outbound(
            id=row.key,
            chat=Chat(row.channel, row.chat, kind),
            purpose=purpose,
            text=row.text,
            choices=tuple(Choice(**choice) for choice in row.choices),
            sources=tuple(Source(**source) for source in row.sources),
            author=row.author,
        )
        return Claimed(row.id, message, right.grant_id if right else None, row.attempts + 1)

    def _record(self, connection: Connection, claimed: Claimed, receipt: Receipt, now: datetime) -> None:
        row = connection.execute(select(outbox).where(outbox.c.id == claimed.row_id).with_for_update()).one()
        match receipt.status:
            case SendStatus.SENT:
                _sent(connection, row, receipt, now)
            case SendStatus.RATE_LIMITED:
                until = now + timedelta(seconds=receipt.retry_after_s)
                self.pacer.pause(until)
                _again(connection, claimed, until, receipt.reason, attempts=claimed.attempts - 1)
            case SendStatus.TRANSIENT if claimed.attempts < MAX_ATTEMPTS:
                until = now + timedelta(seconds=2.0**claimed.attempts)
                _again(connection, claimed, until, receipt.reason, attempts=claimed.attempts)
            # A task locks its conversation: it comes first, as in the inbox, so that the two never wait in a circle.
            case SendStatus.WINDOW_CLOSED:
                _stop(connection, row, "task", receipt.reason or "no_window", now)
                ledger.close(connection, row.conversation_id)
            case SendStatus.UNREACHABLE:
                _stop(connection, row, "task", "unreachable", now)
                _mark_unreachable(connection, row.conversation_id)
            case SendStatus.UNSURE:
                _unsure(connection, row, self.connector, receipt.reason, now)
            case _:
                _stop(connection, row, "failed", receipt.reason, now)
                _give_back(connection, claimed)
        if receipt.status is not SendStatus.SENT:
            log.warning("not_sent", channel=self.connector.channel, status=receipt.status, reason=receipt.reason)


def _again(connection: Connection, claimed: Claimed, at: datetime, reason: str, attempts: int) -> None:
    _give_back(connection, claimed)
    values = {"status": "waiting", "not_before": at, "reason": reason, "attempts": attempts}
    _mark(connection, claimed.row_id, **values, lease_until=None)


def _give_back(connection: Connection, claimed: Claimed) -> None:
    """Give back the right that a message took which was certainly not sent."""
    if claimed.grant_id is not None:
        ledger.consume(connection, claimed.grant_id, by=-1)


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


def _give_up_interrupted(connection: Connection, connector: Connector, now: datetime) -> None:
    interrupted = connection.execute(
        select(outbox).where(
            outbox.c.status == "sending", outbox.c.channel == connector.channel, outbox.c.lease_until <= now
        )
    ).all()
    for row in interrupted:
        _unsure(connection, row, connector, "interrupted", now)


def _unsure(connection: Connection, row: AnyRow, connector: Connector, reason: str, now: datetime) -> None:
    """Repeat what nobody knows the fate of only where the platform drops repeats by itself, campaigns never."""
    is_campaign = row.purpose == Purpose.MARKETING.value
    if connector.limits.takes_key and not is_campaign and row.attempts < MAX_ATTEMPTS:
        _mark(connection, row.id, status="waiting", not_before=now, reason=reason, lease_until=None)
    else:
        _stop(connection, row, "unsure", reason, now)


def _sent(connection: Connection, row: AnyRow, receipt: Receipt, now: datetime) -> None:
    shown = connection.execute(
        update(conversations)
        .where(conversations.c.id == row.conversation_id)
        .values(shown=conversations.c.shown + 1, updated_at=now)
        .returning(conversations.c.shown)
    ).scalar_one()
    values = {"status": "sent", "sent_at": now, "platform_id": receipt.platform_id, "shown": shown, "reason": ""}
    _mark(connection, row.id, **values, lease_until=None)


def _stop(connection: Connection, row: AnyRow, status: str, reason: str, now: datetime) -> None:
    """End a row that was not sent. The reason stays, and a human gets a task unless the gate dropped it on purpose."""
    is_campaign = row.purpose == Purpose.MARKETING.value
    if status == "task" or (status in ("failed", "unsure") and not is_campaign):
        _make_task(connection, row, reason if status == "task" else status, now)
    _mark(connection, row.id, status=status, reason=reason, lease_until=None)
    log.info("not_sent", outbox_id=row.id, status=status, reason=reason)


def _make_task(connection: Connection, row: AnyRow, kind: str, now: datetime) -> None:
    key = f"outbox:{row.key}"
    task = {"kind": kind, "conversation_id": row.conversation_id, "text": row.text, "created_at": now}
    if not insert_once(connection, tasks, {"key": key, **task}):  # it was tried again, and failed again
        connection.execute(update(tasks).where(tasks.c.key == key).values(**task, done=False))


def _mark_unreachable(connection: Connection, conversation_id: str) -> None:
    of_conversation = select(conversations.c.identity_id).where(conversations.c.id == conversation_id)
    connection.execute(
        update(identities).where(identities.c.id == of_conversation.scalar_subquery()).values(unreachable=True)
    )


def _mark(connection: Connection, row_id: int, **values: Any) -> None:
    connection.execute(update(outbox).where(outbox.c.id == row_id).values(**values))

"""What becomes of a message after its send: recorded once, by the worker that still holds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, select, update

from bot.connector import Connector
from bot.delivery import ledger
from bot.messages import Outbound, Purpose, Receipt, SendStatus
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import conversations, outbox, tasks

MAX_REPEATS = 5
LONGEST_PAUSE_S = 300.0
REPLY_PATIENCE = timedelta(hours=1)
MARKETING_PATIENCE = timedelta(days=1)
"""How long after it was written a message is tried again that has no `not_after` of its own."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that passed the gate and is marked `sending`, with the right it used.

    Attributes:
        attempts: how often it has been tried, this time included.
        lease_until: with `attempts` the fence: who no longer finds both in the row has lost it.
        cost: messages taken off the window `grant_id`, see `Connector.cost`.
    """

    row_id: int
    message: Outbound
    attempts: int
    lease_until: datetime
    grant_id: int | None
    cost: int


def record(connection: Connection, claimed: Claimed, receipt: Receipt, connector: Connector, now: datetime) -> bool:
    """Record what came of a send. Return False, changing nothing, if the lease ran out and the row was given up."""
    row = connection.execute(
        select(outbox)
        .where(
            outbox.c.id == claimed.row_id,
            outbox.c.status == "sending",
            outbox.c.attempts == claimed.attempts,
            outbox.c.lease_until == claimed.lease_until,
        )
        .with_for_update()
    ).one_or_none()
    if row is None:
        log.warning("receipt_too_late", channel=connector.channel, outbox_id=claimed.row_id, status=receipt.status)
        return False
    match receipt.status:
        case SendStatus.SENT:
            _sent(connection, row, receipt, now)
        case SendStatus.RATE_LIMITED:
            until = now + timedelta(seconds=receipt.retry_after_s)
            _again(connection, claimed, until, receipt.reason, attempts=claimed.attempts - 1)
        case SendStatus.TRANSIENT if (retry_at := _retry_at(row, receipt, now)) is not None:
            _again(connection, claimed, retry_at, receipt.reason, attempts=claimed.attempts)
        # A task locks its conversation: it comes first, as in the inbox, so that the two never wait in a circle.
        case SendStatus.WINDOW_CLOSED:
            stop(connection, row, "task", receipt.reason or "no_window", now)
            ledger.close(connection, row.conversation_id)
        case SendStatus.UNREACHABLE:
            stop(connection, row, "dropped" if _is_campaign(row) else "task", "unreachable", now)
            _mark_unreachable(connection, row.conversation_id)
        case SendStatus.UNSURE:
            _unsure(connection, row, connector, receipt.reason, now)
        case _:
            stop(connection, row, "failed", receipt.reason, now)
            _give_back(connection, claimed)
    if receipt.status is not SendStatus.SENT:
        log.warning("not_sent", channel=connector.channel, status=receipt.status, reason=receipt.reason)
    return True


def give_up_interrupted(connection: Connection, connector: Connector, now: datetime) -> None:
    """Take the rows whose worker did not report in time away from it: nobody knows what became of them."""
    interrupted = connection.execute(
        update(outbox)
        .where(outbox.c.status == "sending", outbox.c.channel == connector.channel, outbox.c.lease_until <= now)
        .values(status="unsure", lease_until=None)
        .returning(outbox)
    ).all()
    for row in interrupted:
        _unsure(connection, row, connector, "interrupted", now)


def stop(connection: Connection, row: AnyRow, status: str, reason: str, now: datetime) -> None:
    """End a row that was not sent. The reason stays, and a human gets a task unless the gate dropped it on purpose."""
    if status == "task" or (status in ("failed", "unsure") and not _is_campaign(row)):
        _make_task(connection, row, reason if status == "task" else status, now)
    mark(connection, row.id, status=status, reason=reason, lease_until=None)
    log.info("not_sent", outbox_id=row.id, status=status, reason=reason)


def mark(connection: Connection, row_id: int, **values: Any) -> None:
    """Change a row of the outbox."""
    connection.execute(update(outbox).where(outbox.c.id == row_id).values(**values))


def _is_campaign(row: AnyRow) -> bool:
    return bool(row.purpose == Purpose.MARKETING.value)


def _retry_at(row: AnyRow, receipt: Receipt, now: datetime) -> datetime | None:
    """Return when to try again what certainly did not arrive: later each time, None once it is too late."""
    pause_s = receipt.retry_after_s or min(2.0 ** min(row.attempts, 10), LONGEST_PAUSE_S)
    patience = MARKETING_PATIENCE if _is_campaign(row) else REPLY_PATIENCE
    until = now + timedelta(seconds=pause_s)
    return until if until <= (row.not_after or row.created_at + patience) else None


def _again(connection: Connection, claimed: Claimed, at: datetime, reason: str, attempts: int) -> None:
    _give_back(connection, claimed)
    values = {"status": "waiting", "not_before": at, "reason": reason, "attempts": attempts}
    mark(connection, claimed.row_id, **values, lease_until=None)


def _give_back(connection: Connection, claimed: Claimed) -> None:
    """Give back the right that a message took which was certainly not sent.

    All of it, also where the first pieces of a long text are out: the next try goes on behind them and takes all again.
    """
    if claimed.grant_id is not None:
        ledger.consume(connection, claimed.grant_id, by=-claimed.cost)


def _unsure(connection: Connection, row: AnyRow, connector: Connector, reason: str, now: datetime) -> None:
    """Repeat what nobody knows the fate of only where the platform drops repeats by itself, campaigns never."""
    if connector.limits.takes_key and not _is_campaign(row) and row.attempts < MAX_REPEATS:
        mark(connection, row.id, status="waiting", not_before=now, reason=reason, lease_until=None)
    else:
        stop(connection, row, "unsure", reason, now)


def _sent(connection: Connection, row: AnyRow, receipt: Receipt, now: datetime) -> None:
    shown = connection.execute(
        update(conversations)
        .where(conversations.c.id == row.conversation_id)
        .values(shown=conversations.c.shown + 1, updated_at=now)
        .returning(conversations.c.shown)
    ).scalar_one()
    values = {"status": "sent", "sent_at": now, "platform_id": receipt.platform_id, "shown": shown, "reason": ""}
    mark(connection, row.id, **values, lease_until=None)


def _make_task(connection: Connection, row: AnyRow, kind: str, now: datetime) -> None:
    key = f"outbox:{row.key}"
    task = {"kind": kind, "conversation_id": row.conversation_id, "text": row.text, "created_at": now}
    if not insert_once(connection, tasks, {"key": key, **task}):  # it was tried again, and failed again
        connection.execute(update(tasks).where(tasks.c.key == key).values(**task, done=False))


def _mark_unreachable(connection: Connection, conversation_id: str) -> None:
    of_chat = conversations.c.id == conversation_id
    connection.execute(update(conversations).where(of_chat).values(unreachable=True))

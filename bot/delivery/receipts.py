"""What becomes of messages after their send: recorded once, by the worker that still holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, select, update

from bot.connector import Connector
from bot.delivery import clocks, kept, ledger
from bot.delivery.moving import move
from bot.delivery.outgoing import Happened, tell
from bot.delivery.tasks import make_task
from bot.delivery.touches import settle
from bot.messages import EventName, Outbound, Purpose, Receipt, Report, Road, SendStatus
from bot.shop import price_watch
from bot.store.database import AnyRow
from bot.store.tables import conversations, outbox

MAX_REPEATS = 5
LONGEST_PAUSE_S = 300.0
REPLY_PATIENCE = timedelta(hours=1)
MARKETING_PATIENCE = timedelta(days=1)
"""How long after it was written a message is tried again that has no `not_after` of its own."""
UNREPORTED = frozenset({"open", "passive"})
"""Roads of which no platform tells anything later."""
_EARLY = "report:"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that passed the gate and is marked `sending`, with the right it used.

    Attributes:
        row_ids: of the outbox; several where waiting texts were merged into one message.
        attempts: how often it has been tried, this time included.
        lease_until: with `attempts` the fence: who no longer finds both in the rows has lost them.
    """

    row_ids: tuple[int, ...]
    conversation_id: str
    message: Outbound
    attempts: int
    lease_until: datetime
    road: Road

    @property
    def is_campaign(self) -> bool:
        return self.message.purpose is Purpose.MARKETING


Landed = tuple[Claimed, Receipt]


# Statements are made once: making one takes longer than running it.
_COLUMNS = (
    outbox.c.id,
    outbox.c.key,
    outbox.c.conversation_id,
    outbox.c.purpose,
    outbox.c.text,
    outbox.c.attempts,
    outbox.c.lease_until,
    outbox.c.not_after,
    outbox.c.created_at,
)
"""What recording asks for: the rest, JSON above all, is not read again."""
_HELD = (
    select(*_COLUMNS)
    .where(outbox.c.id.in_(bindparam("rows", expanding=True)), outbox.c.status == "sending")
    .order_by(outbox.c.id)
    .with_for_update()
)
_SHOWN = (
    select(conversations.c.id, conversations.c.shown)
    .where(conversations.c.id.in_(bindparam("talks", expanding=True)))
    .order_by(conversations.c.id)
    .with_for_update(key_share=True)
)
_SHOW = (
    update(conversations)
    .where(conversations.c.id == bindparam("talk"))
    .values(shown=bindparam("seen"), updated_at=bindparam("at"))
)
_SENT = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"))
    .values(
        status="sent",
        sent_at=bindparam("at"),
        lease_until=None,
        shown=bindparam("place"),
        platform_id=bindparam("theirs"),
    )
)
_INTERRUPTED = (
    update(outbox)
    .where(outbox.c.status == "sending", outbox.c.channel == bindparam("of"), outbox.c.lease_until <= bindparam("by"))
    .values(status="unsure", lease_until=None)
    .returning(*_COLUMNS)
)


def record_all(connection: Connection, landed: Sequence[Landed], connector: Connector, now: datetime) -> int:
    """Record what came of sends. Return for how many: one whose lease ran out meanwhile was given up, and stays so."""
    rows = _held(connection, landed)
    recorded = 0
    sent: list[tuple[AnyRow, Receipt]] = []
    for claimed, receipt in landed:
        of_message = [rows[row_id] for row_id in claimed.row_ids if row_id in rows]
        if not of_message or not _still_ours(of_message[0], claimed):
            log.warning("receipt_too_late", channel=connector.channel, outbox=claimed.row_ids, status=receipt.status)
            continue
        recorded += 1
        if receipt.status is SendStatus.SENT:
            sent += [(row, receipt) for row in of_message]
        else:
            log.warning("not_sent", channel=connector.channel, status=receipt.status, reason=receipt.reason)
            _record_failure(connection, claimed, of_message, receipt, connector, now)
    mark_sent(connection, sent, now)
    _apply_early(connection, landed, connector.channel, now)
    return recorded


def _held(connection: Connection, landed: Sequence[Landed]) -> dict[int, AnyRow]:
    ids = [row_id for claimed, _ in landed for row_id in claimed.row_ids]
    return {row.id: row for row in connection.execute(_HELD, {"rows": ids})}


def _still_ours(row: AnyRow, claimed: Claimed) -> bool:
    return bool(row.attempts == claimed.attempts and row.lease_until == claimed.lease_until)


def _record_failure(
    connection: Connection,
    claimed: Claimed,
    rows: Sequence[AnyRow],
    receipt: Receipt,
    connector: Connector,
    now: datetime,
) -> None:
    first = rows[0]
    match receipt.status:
        case SendStatus.CONFIRMING:
            values = {"status": "confirming", "platform_id": receipt.platform_id, "sent_at": now, "lease_until": None}
            mark_all(connection, rows, **values)
        case SendStatus.RATE_LIMITED:
            until = now + timedelta(seconds=receipt.retry_after_s)
            _again(connection, claimed, rows, until, receipt.reason, now, attempts=claimed.attempts - 1)
        case SendStatus.TRANSIENT if (retry_at := _retry_at(first, receipt, now)) is not None:
            _again(connection, claimed, rows, retry_at, receipt.reason, now, attempts=claimed.attempts)
        case SendStatus.NOT_ALLOWED if claimed.attempts < MAX_REPEATS:  # the gate looks for another road
            _again(connection, claimed, rows, now, receipt.reason, now, attempts=claimed.attempts)
        case SendStatus.MOVED if receipt.moved_to and claimed.attempts < MAX_REPEATS:
            move(connection, claimed.message.chat, receipt.moved_to)
            _again(connection, claimed, rows, now, receipt.reason, now, attempts=claimed.attempts)
        case SendStatus.WINDOW_CLOSED if claimed.road.needs:  # another road may be open
            ledger.close(connection, claimed.conversation_id, claimed.road.needs)
            again = {"status": "waiting", "not_before": now, "reason": receipt.reason, "lease_until": None, "cost": 0}
            mark_all(connection, rows, **again)
        case SendStatus.WINDOW_CLOSED:
            _stop_all(connection, rows, "task", receipt.reason or "no_window", now)
        case SendStatus.UNREACHABLE:
            _stop_all(connection, rows, "dropped" if _is_unmissed(first) else "task", "unreachable", now)
            of_chat = conversations.c.id == claimed.conversation_id
            connection.execute(update(conversations).where(of_chat).values(unreachable=True))
        case SendStatus.UNSURE:
            for row in rows:
                unsure(connection, row, connector, receipt.reason, now)
        case _:
            _stop_all(connection, rows, "failed", receipt.reason, now)
            _give_back(connection, claimed, now)


def apply_reports(connection: Connection, reports: Iterable[Report], now: datetime) -> None:
    """Record what a platform told later about messages that it had taken."""
    for report in reports:
        if not report.platform_id:  # it fits every message that the platform gave no id
            continue
        rows = connection.execute(
            select(*_COLUMNS, outbox.c.status)
            .where(
                outbox.c.platform_id == report.platform_id,
                outbox.c.channel == report.channel,
                outbox.c.status.in_(("confirming", "sent")),
            )
            .with_for_update()
        ).all()
        if not rows:  # quicker than the receipt, which will look for it
            told = json.dumps([report.status.value, report.reason])
            kept.keep(connection, report.channel, _EARLY + report.platform_id, told, now)
        elif report.status is SendStatus.SENT:
            mark_sent(connection, [(row, _receipt(report)) for row in rows if row.status == "confirming"], now)
        else:
            _stop_all(connection, rows, "failed", report.reason, now)
        if report.status is SendStatus.UNREACHABLE:
            talks = {row.conversation_id for row in rows}
            connection.execute(update(conversations).where(conversations.c.id.in_(talks)).values(unreachable=True))


def _apply_early(connection: Connection, landed: Sequence[Landed], channel: str, now: datetime) -> None:
    """Apply the reports that came before the receipts of their messages."""
    for claimed, receipt in landed:
        if claimed.road.name in UNREPORTED or not receipt.platform_id:
            continue
        if told := kept.recall(connection, channel, _EARLY + receipt.platform_id):
            status, reason = json.loads(told)
            kept.keep(connection, channel, _EARLY + receipt.platform_id, "", now)
            apply_reports(connection, [Report(channel, receipt.platform_id, SendStatus(status), reason)], now)


def _receipt(report: Report) -> Receipt:
    return Receipt(SendStatus.SENT, platform_id=report.platform_id)


def give_up_interrupted(connection: Connection, connector: Connector, by: datetime, now: datetime) -> None:
    """Take the rows whose worker did not report in time away from it: nobody knows what became of them.

    Args:
        by: whose leases end until then.
    """
    interrupted = connection.execute(_INTERRUPTED, {"of": connector.channel, "by": by}).all()
    for row in interrupted:
        unsure(connection, row, connector, "interrupted", now)


def stop(connection: Connection, row: AnyRow, status: str, reason: str, now: datetime) -> None:
    """End a row that was not sent. The reason stays, and a human gets a task unless the gate dropped it on purpose.

    Words of an agent that are lost for certain have answered nobody: the customer's clock goes on.
    """
    if status == "task" or (status in ("failed", "unsure") and not _is_unmissed(row)):
        make_task(connection, row, reason if status == "task" else status, now)
    when = {"not_before": now} if status == "unsure" else {}  # when it may have gone out
    mark_all(connection, [row], status=status, reason=reason, lease_until=None, **when)
    settle(connection, [row.key], status, reason, now)
    price_watch.settle(connection, [row.key], status, reason, now)
    if row.purpose == Purpose.HUMAN.value and status in clocks.NO_ANSWER:
        clocks.not_answered(connection, row.conversation_id, now)
    if status != "dropped" and row.purpose != Purpose.STAFF.value:
        tell(connection, [_event("message.failed", row, reason or status)], now)
    log.info("not_sent", outbox_id=row.id, status=status, reason=reason)


def mark_all(connection: Connection, rows: Iterable[AnyRow], **values: Any) -> None:
    """Change rows of the outbox."""
    connection.execute(update(outbox).where(outbox.c.id.in_([row.id for row in rows])).values(**values))


def mark_sent(connection: Connection, sent: Sequence[tuple[AnyRow, Receipt]], now: datetime) -> None:
    """Mark rows sent, each at its place in what both sides of its conversation have seen."""
    if not sent:
        return
    talks = sorted({row.conversation_id for row, _ in sent})
    shown = {row.id: row.shown for row in connection.execute(_SHOWN, {"talks": talks})}
    rows = []
    for row, receipt in sent:
        shown[row.conversation_id] += 1
        rows.append({"row": row.id, "at": now, "place": shown[row.conversation_id], "theirs": receipt.platform_id})
    connection.execute(_SHOW, [{"talk": talk, "seen": shown[talk], "at": now} for talk in talks])
    connection.execute(_SENT, rows)
    keys = [row.key for row, _ in sent]
    settle(connection, keys, "sent", "", now)
    price_watch.settle(connection, keys, "sent", "", now)
    to_customers = [row for row, _ in sent if row.purpose != Purpose.STAFF.value]
    tell(connection, (_event("message.sent", row, "") for row in to_customers), now)


def _event(name: EventName, row: AnyRow, reason: str) -> Happened:
    data = {"conversation_id": row.conversation_id, "key": row.key, "purpose": row.purpose, "text": row.text}
    # Tried again it can fail again, and be told again.
    return Happened(name, f"{row.key}:{row.attempts}", {**data, **({"reason": reason} if reason else {})})


def _is_campaign(row: AnyRow) -> bool:
    return bool(row.purpose == Purpose.MARKETING.value)


def _is_unmissed(row: AnyRow) -> bool:
    """Return whether nobody is called up where it was not sent."""
    return row.purpose in (Purpose.MARKETING.value, Purpose.STAFF.value)


def _retry_at(row: AnyRow, receipt: Receipt, now: datetime) -> datetime | None:
    """Return when to try again what certainly did not arrive: later each time, None once it is too late."""
    pause_s = receipt.retry_after_s or min(2.0 ** min(row.attempts, 10), LONGEST_PAUSE_S)
    patience = MARKETING_PATIENCE if _is_campaign(row) else REPLY_PATIENCE
    until = now + timedelta(seconds=pause_s)
    return until if until <= (row.not_after or row.created_at + patience) else None


def _again(
    connection: Connection,
    claimed: Claimed,
    rows: Sequence[AnyRow],
    at: datetime,
    reason: str,
    now: datetime,
    attempts: int,
) -> None:
    values = {"status": "waiting", "not_before": at, "reason": reason, "attempts": attempts, "cost": 0}
    mark_all(connection, rows, **values, lease_until=None)
    _give_back(connection, claimed, now)


def _give_back(connection: Connection, claimed: Claimed, now: datetime) -> None:
    """Give back the right that a message took which was certainly not sent.

    All of it, also where the first pieces of a long text are out: the next try goes on behind them and takes all again.
    """
    if claimed.road.needs:
        ledger.give_back(connection, claimed.conversation_id, claimed.road.needs, claimed.road.cost, now)


def _stop_all(connection: Connection, rows: Sequence[AnyRow], status: str, reason: str, now: datetime) -> None:
    for row in rows:
        stop(connection, row, status, reason, now)


def unsure(connection: Connection, row: AnyRow, connector: Connector, reason: str, now: datetime) -> None:
    """Repeat what nobody knows the fate of only where the platform drops repeats by itself, campaigns never."""
    if connector.limits.takes_key and not _is_campaign(row) and row.attempts < MAX_REPEATS:
        mark_all(connection, [row], status="waiting", not_before=now, reason=reason, lease_until=None)
    else:
        stop(connection, row, "unsure", reason, now)

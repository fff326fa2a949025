"""Chooses what may leave now: gate, right and mark in one transaction, for many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, bindparam, update

from bot.connector import Connector
from bot.delivery import facts, ledger
from bot.delivery.due import RANKS, due_rows, have_pictures, next_time, outbound, pictures_of, waiting_behind
from bot.delivery.elsewhere import send_elsewhere
from bot.delivery.gate import Answer, Rules, Verdict, judge
from bot.delivery.merging import merged
from bot.delivery.pacer import Pacer
from bot.delivery.receipts import Claimed, mark_all, stop
from bot.messages import Outbound, Road
from bot.store.database import AnyRow
from bot.store.tables import outbox

LEASE_S = 60.0
STOPPED_AS = {Answer.DROP: "dropped", Answer.TASK: "task"}


@dataclass(frozen=True, slots=True)
class Desk:
    """What is asked about every message of a channel.

    Attributes:
        open_channels: the channels that ask for no right, where a message may go that has no road here.
        lease_s: seconds after which a send that nobody reported counts as interrupted.
    """

    connector: Connector
    rules: Rules
    pacer: Pacer
    open_channels: AbstractSet[str] = frozenset()
    lease_s: float = LEASE_S


@dataclass(slots=True)
class Claims:
    """The result: what is to be sent, and whether anything was decided at all."""

    messages: list[Claimed] = field(default_factory=list)
    decided: int = 0
    held_back: bool = False
    """Whether campaigns may be waiting that may only leave a moment later."""
    next_at: datetime | None = None
    """When the next row comes due that waits for a time; told where nothing more is due now."""
    taken: list[dict[str, Any]] = field(default_factory=list)


_SENDING = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"))
    .values(
        status="sending",
        road=bindparam("by"),
        cost=bindparam("price"),
        attempts=bindparam("tried"),
        lease_until=bindparam("until"),
        reason=bindparam("why"),
    )
)


def claim(connection: Connection, desk: Desk, room: int, campaigns: int, now: datetime) -> Claims:
    """Decide about the rows that are due, as many as there is room for, and take at most `campaigns` of campaigns."""
    rows = due_rows(connection, desk.connector.channel, now, room, RANKS if campaigns else RANKS[:1])
    claims = Claims(held_back=not campaigns)
    if len(rows) < room:
        claims.next_at = next_time(connection, desk.connector.channel, now)
    if not rows:
        return claims
    pictures = pictures_of(connection, [row.id for row in rows])
    rights = _rights(connection, desk.connector, rows)
    after = dict(rights)
    for row in rows:
        if row.rank and campaigns <= sum(taken.is_campaign for taken in claims.messages):
            claims.held_back = True
            continue
        claims.decided += 1
        free_at = desk.pacer.chat_free_at(row.chat, now)
        if free_at > now:
            mark_all(connection, [row], not_before=free_at)
            continue
        message = outbound(row, pictures.get(row.id))
        roads = desk.connector.roads(message)
        of_talk = after.get(row.conversation_id, {})
        verdict = judge(facts.gather(connection, row, roads, of_talk, desk.connector.limits, now), desk.rules, now)
        if verdict.road is None:
            _put_off_or_stop(connection, row, verdict, desk, now, row.id in pictures)
            continue
        if verdict.road.needs:
            after[row.conversation_id] = ledger.used(of_talk, verdict.road.needs, verdict.road.cost, now)
        _take(connection, claims, row, message, verdict, desk, now)
    ledger.save(connection, rights, after)
    _mark_sending(connection, claims)
    return claims


def _rights(connection: Connection, connector: Connector, rows: Sequence[AnyRow]) -> dict[str, ledger.Rights]:
    if not connector.limits.counts_windows:
        return {}
    return dict(ledger.rights_of(connection, (row.conversation_id for row in rows)))


def _put_off_or_stop(
    connection: Connection, row: AnyRow, verdict: Verdict, desk: Desk, now: datetime, has_picture: bool
) -> None:
    if verdict.answer is Answer.WAIT:
        mark_all(connection, [row], not_before=verdict.until, reason=verdict.reason)
        return
    movable = verdict.answer is Answer.TASK and not has_picture
    if movable and (channel := send_elsewhere(connection, row, desk.open_channels, now)):
        mark_all(connection, [row], status="moved", reason=f"{verdict.reason} → {channel}")
        return
    stop(connection, row, STOPPED_AS[verdict.answer], verdict.reason, now)


def _take(
    connection: Connection,
    claims: Claims,
    row: AnyRow,
    message: Outbound,
    verdict: Verdict,
    desk: Desk,
    now: datetime,
) -> None:
    road = verdict.road or Road("open")
    behind = _mergeable(connection, row, road, desk.connector, now)
    message, more = merged(row, message, road, behind, desk.connector)
    lease_until, attempts = now + timedelta(seconds=desk.lease_s), row.attempts + 1
    ids = (row.id, *more)
    for row_id in ids:
        cost = road.cost if row_id == row.id and road.needs else 0
        mark = {"row": row_id, "by": road.name, "price": cost, "tried": attempts, "until": lease_until}
        claims.taken.append({**mark, "why": verdict.reason})
    claims.messages.append(
        Claimed(ids, row.conversation_id, replace(message, road=road.name), attempts, lease_until, road)
    )


def _mergeable(
    connection: Connection, row: AnyRow, road: Road, connector: Connector, now: datetime
) -> Sequence[AnyRow]:
    if not (road.needs and connector.limits.counts_windows) or row.rank:
        return ()
    behind = waiting_behind(connection, row, now)
    with_picture = have_pictures(connection, [other.id for other in behind]) if behind else set()
    return list(takewhile(lambda other: other.id not in with_picture, behind))


def _mark_sending(connection: Connection, claims: Claims) -> None:
    if claims.taken:
        connection.execute(_SENDING, claims.taken)

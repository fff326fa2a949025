"""Complaints: a task with two clocks, one for the first answer of a human and one for the end; warnings in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, select, update

from bot.delivery.outgoing import add_task
from bot.delivery.tasks import somebody
from bot.delivery.timers import set_timer
from bot.store.database import AnyRow
from bot.store.tables import outbox, tasks

KIND, TIMER = "complaint", "complaint_clock"
SOON, LATE = "complaint_soon", "complaint_late"
WARN_BEFORE_H = 4
"""Hours before a clock runs out in which the staff are warned."""
MOST_KEPT = 4000
"""Characters of all that was said of one complaint."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Hours from the complaint to the first answer, and to its end."""

    answer_h: int
    solve_h: int


def complain(
    connection: Connection, key: str, conversation_id: str | None, text: str, clocks: Clocks, now: datetime
) -> None:
    """Open a complaint, or add to the one that is open in this conversation: its clocks run on."""
    known = _open_one(connection, conversation_id)
    if known is not None:
        told = f"{known.text}\n{text}"[:MOST_KEPT]
        connection.execute(update(tasks).where(tasks.c.id == known.id).values(text=told))
        return
    due = {"answer": now + timedelta(hours=clocks.answer_h), "solve": now + timedelta(hours=clocks.solve_h)}
    row = {"key": key, "kind": KIND, "conversation_id": conversation_id, "text": text[:MOST_KEPT], "created_at": now}
    row |= {"agent_id": somebody(connection), "answer_by": due["answer"], "due_at": due["solve"]}
    if not add_task(connection, row, now):
        return
    for clock, at in due.items():
        warn_at = max(now, at - timedelta(hours=WARN_BEFORE_H))
        set_timer(connection, f"{key}:{clock}:soon", TIMER, {"key": key, "clock": clock, "kind": SOON}, warn_at)
        set_timer(connection, f"{key}:{clock}:late", TIMER, {"key": key, "clock": clock, "kind": LATE}, at)


def _open_one(connection: Connection, conversation_id: str | None) -> AnyRow | None:
    if conversation_id is None:
        return None
    mine = tasks.c.conversation_id == conversation_id, tasks.c.kind == KIND, tasks.c.done.is_(False)
    return connection.execute(select(tasks).where(*mine).order_by(tasks.c.id).limit(1)).one_or_none()


def warn(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
    """Handle the timer: make a task for the staff, unless the complaint is answered (or closed) by now."""
    row = connection.execute(select(tasks).where(tasks.c.key == payload["key"])).one_or_none()
    if row is None or row.done or (payload["clock"] == "answer" and _is_answered(connection, row)):
        return
    due = row.answer_by if payload["clock"] == "answer" else row.due_at
    text = f"{payload['clock']} by {due:%Y-%m-%d %H:%M} UTC: {row.text}"
    warning = {"key": f"{row.key}:{payload['clock']}:{payload['kind']}", "kind": payload["kind"], "text": text}
    whose = {"conversation_id": row.conversation_id, "agent_id": row.agent_id, "created_at": now, "due_at": due}
    add_task(connection, warning | whose, now)


def _is_answered(connection: Connection, row: AnyRow) -> bool:
    """Return whether a human has written to the customer since."""
    human = select(outbox.c.id).where(
        outbox.c.conversation_id == row.conversation_id,
        outbox.c.author.startswith("agent:", autoescape=True),
        outbox.c.created_at >= row.created_at,
    )
    return bool(connection.execute(select(exists(human))).scalar())

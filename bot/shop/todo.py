"""What the shop's people have to do because of a change: tasks in their console."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from bot.delivery.outgoing import add_task
from bot.delivery.tasks import somebody


def leave(
    connection: Connection,
    key: str,
    kind: str,
    conversation_id: str | None,
    text: str,
    now: datetime,
    due_at: datetime | None = None,
) -> None:
    """Leave a task once, to be done until `due_at`; the same `key` again changes nothing."""
    row = {"key": key, "kind": kind, "conversation_id": conversation_id, "text": text, "created_at": now}
    add_task(connection, {**row, "due_at": due_at, "agent_id": somebody(connection)}, now)

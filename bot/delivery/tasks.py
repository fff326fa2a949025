"""Tasks for people: what the shop wanted to say where no legal road was open, and what went wrong."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, case, select, update

from bot.delivery.outgoing import add_task
from bot.store.database import AnyRow
from bot.store.tables import agents, conversations, tasks


def make_task(connection: Connection, row: AnyRow, kind: str, now: datetime) -> None:
    """Make the task that a row of the outbox becomes; the same row again makes it undone again."""
    of_talk = select(conversations.c.agent_id).where(conversations.c.id == row.conversation_id)
    agent_id = connection.execute(of_talk).scalar() or somebody(connection)
    task = {
        "kind": kind,
        "conversation_id": row.conversation_id,
        "agent_id": agent_id,
        "text": row.text,
        "created_at": now,
    }
    key = f"outbox:{row.key}"
    if not add_task(connection, {"key": key, **task}, now):  # it was tried again, and failed again
        connection.execute(update(tasks).where(tasks.c.key == key).values(**task, done=False))


def alert(connection: Connection, key: str, text: str, now: datetime) -> None:
    """Make a task about the shop itself; `key` makes it once, until it is done and happens again."""
    row = {"key": key, "kind": "alert", "agent_id": somebody(connection), "text": text, "created_at": now}
    if not add_task(connection, row, now):
        connection.execute(update(tasks).where(tasks.c.key == key, tasks.c.done).values(**row, done=False))


def somebody(connection: Connection) -> str | None:
    """Return the agent who gets what is nobody's: the first lead or administrator, None if there is none yet."""
    leads_first = case({"lead": 0, "admin": 1}, value=agents.c.role)
    at_work = select(agents.c.id).where(agents.c.disabled.is_(False), agents.c.role.in_(("lead", "admin")))
    return connection.execute(at_work.order_by(leads_first, agents.c.created_at).limit(1)).scalar()

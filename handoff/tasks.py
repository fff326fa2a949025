"""Tasks: what the bot could not do by itself and a human has to, with or without a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, ScalarSelect, func, select, update

from bot.errors import Conflict, NotFound
from bot.store.tables import agents, conversations, identities, notes, persons, tasks
from handoff.customer import shown_name

LIST_LIMIT = 200
_NOTE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Task:
    """One open task.

    Attributes:
        kind: why it is a human's, e.g. `no_window`, `timer_failed`, or a platform's own words.
        text: the message that was not sent, or what happened.
        conversation_id: None where there is no conversation; `channel` and `customer` are empty then.
        created_at: since when it is open.
        agent_name: who has the conversation, or answered in it last; empty where nobody did.
    """

    id: int
    kind: str
    text: str
    conversation_id: str | None
    channel: str
    customer: str
    created_at: datetime
    agent_name: str


def open_tasks(connection: Connection, limit: int = LIST_LIMIT) -> tuple[Task, ...]:
    """Return the open tasks, newest first."""
    rows = connection.execute(
        select(
            tasks,
            func.coalesce(conversations.c.channel, "").label("channel"),
            shown_name().label("customer"),
            func.coalesce(agents.c.name, _last_agent(), "").label("agent_name"),
        )
        .outerjoin(conversations, conversations.c.id == tasks.c.conversation_id)
        .outerjoin(agents, agents.c.id == conversations.c.agent_id)
        .outerjoin(identities, identities.c.id == conversations.c.identity_id)
        .outerjoin(persons, persons.c.id == identities.c.person_id)
        .where(tasks.c.done.is_(False))
        .order_by(tasks.c.created_at.desc(), tasks.c.id.desc())
        .limit(limit)
    )
    columns = "id", "kind", "text", "conversation_id", "channel", "customer", "created_at", "agent_name"
    return tuple(Task(*(getattr(row, column) for column in columns)) for row in rows)


def _last_agent() -> ScalarSelect[str]:
    """The name of the agent at work who left the last mark or note in the task's conversation."""
    who = agents.alias()
    return (
        select(who.c.name)
        .join(notes, notes.c.author == "agent:" + who.c.id)
        .where(notes.c.conversation_id == tasks.c.conversation_id, who.c.disabled.is_(False))
        .order_by(notes.c.id.desc())
        .limit(1)
        .correlate(tasks)
        .scalar_subquery()
    )


def count_open(connection: Connection) -> int:
    """Return how many tasks are open."""
    return connection.execute(select(func.count()).select_from(tasks).where(tasks.c.done.is_(False))).scalar_one()


def finish(connection: Connection, task_id: int, agent_id: str, now: datetime) -> None:
    """Mark a task done, with a note in its conversation, where it has one.

    Raises:
        Conflict: it is done already.
        NotFound: there is no such task.
    """
    row = connection.execute(select(tasks).where(tasks.c.id == task_id)).first()
    if row is None:
        raise NotFound
    changed = connection.execute(update(tasks).where(tasks.c.id == task_id, tasks.c.done.is_(False)).values(done=True))
    if changed.rowcount != 1:
        raise Conflict("This task is done already.")
    if row.conversation_id is None:
        return
    said = f"{row.kind} · {' '.join(row.text.split())[:_NOTE_CHARACTERS]}"
    mark = {"conversation_id": row.conversation_id, "author": f"agent:{agent_id}", "kind": "task_done"}
    connection.execute(notes.insert().values(mark | {"text": said, "at": now}))


def finish_send(connection: Connection, outbox_key: str) -> None:
    """Mark the task of an outbound message done, if it has one: the message is on its way again."""
    connection.execute(update(tasks).where(tasks.c.key == f"outbox:{outbox_key}").values(done=True))

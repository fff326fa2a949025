"""Tasks: what the bot could not do by itself and a human has to, with or without a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, and_, func, select, update

from bot.errors import Conflict, NotFound
from bot.store.tables import agents, conversations, identities, notes, persons, tasks
from handoff.customer import shown_name

LIST_LIMIT = 200
_NOTE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Task:
    """One open task.

    Attributes:
        kind: why it is a human's, e.g. `no_window`, `timer_failed`, `alert`, or a platform's own words.
        text: the message that was not sent, or what happened.
        conversation_id: None where there is no conversation; `customer` is empty then.
        channel: of the conversation or alert, else empty.
        created_at: since when it is open.
        agent_id: whose task it is, None if anybody's.
        agent_name: that agent's name; for anybody's task who has the conversation, or answered in it last.
    """

    id: int
    kind: str
    text: str
    conversation_id: str | None
    channel: str
    customer: str
    created_at: datetime
    agent_id: str | None
    agent_name: str


def open_tasks(connection: Connection, agent_id: str | None = None, limit: int = LIST_LIMIT) -> tuple[Task, ...]:
    """Return the open tasks, newest first; with `agent_id` only that agent's."""
    whose = agents.alias()
    query = (
        select(
            tasks,
            func.coalesce(conversations.c.channel, "").label("channel"),
            shown_name().label("customer"),
            whose.c.id.label("whose_id"),
            func.coalesce(whose.c.name, agents.c.name, _last_agent(), "").label("agent_name"),
        )
        .outerjoin(whose, and_(whose.c.id == tasks.c.agent_id, whose.c.disabled.is_(False)))
        .outerjoin(conversations, conversations.c.id == tasks.c.conversation_id)
        .outerjoin(agents, agents.c.id == conversations.c.agent_id)
        .outerjoin(identities, identities.c.id == conversations.c.identity_id)
        .outerjoin(persons, persons.c.id == identities.c.person_id)
        .where(tasks.c.done.is_(False))
        .order_by(tasks.c.created_at.desc(), tasks.c.id.desc())
        .limit(limit)
    )
    if agent_id is not None:
        query = query.where(tasks.c.agent_id == agent_id)
    return tuple(_task(row) for row in connection.execute(query))


def _task(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        kind=row.kind,
        text=row.text,
        conversation_id=row.conversation_id,
        channel=_channel_of_alert(row.key) if row.kind == "alert" else row.channel,
        customer=row.customer,
        created_at=row.created_at,
        agent_id=row.whose_id,
        agent_name=row.agent_name,
    )


def _channel_of_alert(key: str) -> str:
    """Return the channel with which the key of an alert begins, see `bot.delivery.host.ChannelHost.alert`."""
    return ":".join(key.split(":")[:2])


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

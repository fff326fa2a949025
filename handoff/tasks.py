"""Tasks: what the bot could not do by itself and a human has to, with or without a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, and_, func, select, update

from bot.errors import Conflict, NotFound
from bot.store.tables import agents, conversations, identities, notes, persons, tasks
from handoff.access import access_task, task_scope
from handoff.customer import shown_name
from handoff.hiding import hidden
from handoff.people import Agent

LIST_LIMIT = 200
OPEN = select(func.count()).select_from(tasks).where(tasks.c.done.is_(False))
"""How many tasks are open."""
_NOTE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Task:
    """One open task.

    Attributes:
        kind: why it is a human's, e.g. `no_window`, `timer_failed`, `alert`, or a platform's own words.
        text: the message that was not sent, or what happened; `hidden`: something in it is masked.
        conversation_id: None where there is no conversation; `customer` is empty then.
        channel: of the conversation or alert, else empty.
        created_at: since when it is open.
        answer_by, due_at: of a complaint: when its first answer and its end are due; None where no clock runs.
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
    answer_by: datetime | None = None
    due_at: datetime | None = None
    hidden: bool = False


def open_tasks(
    connection: Connection, viewer: Agent, agent_id: str | None = None, limit: int = LIST_LIMIT
) -> tuple[Task, ...]:
    """Return the open tasks that the viewer may see, newest first; with `agent_id` only that agent's."""
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
        .where(tasks.c.done.is_(False), task_scope(viewer))
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
        text=(words := hidden(row.text)),
        hidden=words != row.text,
        conversation_id=row.conversation_id,
        channel=_channel_of_alert(row.key) if row.kind == "alert" else row.channel,
        customer=row.customer,
        created_at=row.created_at,
        agent_id=row.whose_id,
        agent_name=row.agent_name,
        answer_by=row.answer_by,
        due_at=row.due_at,
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


def count_open(connection: Connection, viewer: Agent | None = None) -> int:
    """Return how many tasks are open; with `viewer` of those that they may see."""
    return connection.execute(OPEN if viewer is None else OPEN.where(task_scope(viewer))).scalar_one()


def is_done(connection: Connection, task_id: int, agent: Agent) -> bool:
    """Return whether a task is done already.

    Raises:
        NotFound: there is no such task, or it is not for this agent.
    """
    access_task(connection, agent, task_id)
    return bool(connection.execute(select(tasks.c.done).where(tasks.c.id == task_id)).scalar())


def finish(connection: Connection, task_id: int, agent: Agent, now: datetime) -> None:
    """Mark a task done, with a note in its conversation, where it has one.

    Raises:
        Conflict: it is done already.
        NotFound: there is no such task, or it is not for this agent.
    """
    access_task(connection, agent, task_id)
    row = connection.execute(select(tasks).where(tasks.c.id == task_id)).first()
    if row is None:
        raise NotFound
    changed = connection.execute(update(tasks).where(tasks.c.id == task_id, tasks.c.done.is_(False)).values(done=True))
    if changed.rowcount != 1:
        raise Conflict("This task is done already.")
    if row.conversation_id is None:
        return
    said = f"{row.kind} · {' '.join(row.text.split())[:_NOTE_CHARACTERS]}"
    mark = {"conversation_id": row.conversation_id, "author": f"agent:{agent.id}", "kind": "task_done"}
    connection.execute(notes.insert().values(mark | {"text": said, "at": now}))


def finish_send(connection: Connection, outbox_key: str) -> None:
    """Mark the task of an outbound message done, if it has one: the message is on its way again."""
    connection.execute(update(tasks).where(tasks.c.key == f"outbox:{outbox_key}").values(done=True))

"""The lists of conversations that agents choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from bot.messages import Event, Purpose
from bot.store.tables import agents, conversations, identities, inbox, outbox, persons
from handoff.customer import shown_name
from handoff.ownership import Owner
from handoff.transcript import RETRYABLE, last_texts

LIST_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation in a list.

    Attributes:
        waiting_since: since when the customer waits for a human, None if nobody waits.
        unread: inbound messages that no agent has seen, 0 while the bot answers.
        last_text: what was said last; empty for a picture or an event, see `last_event`.
        last_event: what an inbound reports, `media` for a picture of either side.
        last_by: `customer`, `bot`, `agent` or `campaign`.
        failed: messages of agents that did not reach the customer.
    """

    id: str
    channel: str
    group: bool
    name: str
    owner: Owner
    agent_id: str | None
    agent_name: str
    priority: int
    waiting_since: datetime | None
    unread: int
    last_text: str
    last_event: str
    last_by: str
    last_at: datetime
    failed: int
    reason: str


def waiting(connection: Connection, limit: int = LIST_LIMIT) -> tuple[Talk, ...]:
    """Return what waits in the queue: higher priority first, then who has waited longest."""
    order = conversations.c.priority.desc(), conversations.c.queued_at
    return talks_where(connection, conversations.c.owner == Owner.QUEUE.value, order, limit)


def mine(connection: Connection, agent_id: str, limit: int = LIST_LIMIT) -> tuple[Talk, ...]:
    """Return an agent's conversations: those whose customer waits first, longest first."""
    where = and_(conversations.c.owner == Owner.AGENT.value, conversations.c.agent_id == agent_id)
    talks = talks_where(connection, where, (conversations.c.updated_at.desc(),), limit)
    asking = sorted((t for t in talks if t.waiting_since), key=lambda t: t.waiting_since or t.last_at)
    quiet = sorted((t for t in talks if not t.waiting_since), key=lambda t: t.last_at, reverse=True)
    return (*asking, *quiet)


def everything(connection: Connection, limit: int = LIST_LIMIT) -> tuple[Talk, ...]:
    """Return the newest conversations, whoever owns them."""
    return talks_where(connection, None, (conversations.c.updated_at.desc(),), limit)


def counts(connection: Connection, agent_id: str) -> tuple[int, int]:
    """Return how many conversations are this agent's and how many wait."""
    own = and_(conversations.c.owner == Owner.AGENT.value, conversations.c.agent_id == agent_id)
    queued = conversations.c.owner == Owner.QUEUE.value
    count = select(func.count()).select_from(conversations)
    return (
        connection.execute(count.where(own)).scalar_one(),
        connection.execute(count.where(queued)).scalar_one(),
    )


def talks_where(
    connection: Connection, where: ColumnElement[bool] | None, order: Sequence[Any], limit: int
) -> tuple[Talk, ...]:
    """Return the conversations that fit `where` (all, if None), in this order."""
    query = (
        select(
            conversations,
            shown_name().label("name"),
            agents.c.name.label("agent_name"),
            inbox.c.text.label("said"),
            inbox.c.choice.label("chosen"),
            inbox.c.event.label("event"),
            inbox.c.received_at.label("said_at"),
        )
        .outerjoin(identities, identities.c.id == conversations.c.identity_id)
        .outerjoin(persons, persons.c.id == identities.c.person_id)
        .outerjoin(agents, agents.c.id == conversations.c.agent_id)
        .outerjoin(inbox, and_(inbox.c.conversation_id == conversations.c.id, inbox.c.seq == conversations.c.last_seq))
        .order_by(*order, conversations.c.id)
        .limit(limit)
    )
    rows = connection.execute(query if where is None else query.where(where)).all()
    ids = [row.id for row in rows]
    answers = last_texts(connection, ids)
    unread = _count(connection, _unread(ids))
    failed = _count(connection, _failed(ids))
    return tuple(_talk(row, answers.get(row.id), unread.get(row.id, 0), failed.get(row.id, 0)) for row in rows)


def _talk(row: Row[Any], answer: Any | None, unread: int, failed: int) -> Talk:
    answered_last = answer is not None and (row.said_at is None or answer.created_at >= row.said_at)
    if answered_last and answer is not None:
        last_text, last_by, last_at = answer.text, answer.author.partition(":")[0], answer.created_at
        event = "" if last_text else Event.MEDIA.value
    else:
        last_text, last_by, last_at = row.said or row.chosen or "", "customer", row.said_at or row.created_at
        event = row.event or ""
    owner = Owner(row.owner)
    since = row.queued_at if owner is Owner.QUEUE else None
    if owner is Owner.AGENT and last_by == "customer":
        since = last_at
    return Talk(
        id=row.id,
        channel=row.channel,
        group=row.chat_kind == "group",
        name=row.name or row.chat,
        owner=owner,
        agent_id=row.agent_id,
        agent_name=row.agent_name or "",
        priority=row.priority,
        waiting_since=since,
        unread=unread if owner in (Owner.QUEUE, Owner.AGENT) else 0,
        last_text=last_text[:160],
        last_event=event,
        last_by=last_by,
        last_at=last_at,
        failed=failed,
        reason=row.reason,
    )


def _unread(ids: list[str]) -> Any:
    return (
        select(inbox.c.conversation_id, func.count())
        .join(conversations, conversations.c.id == inbox.c.conversation_id)
        .where(
            inbox.c.conversation_id.in_(ids),
            or_(conversations.c.seen_at.is_(None), inbox.c.received_at > conversations.c.seen_at),
        )
        .group_by(inbox.c.conversation_id)
    )


def _failed(ids: list[str]) -> Any:
    return (
        select(outbox.c.conversation_id, func.count())
        .where(
            outbox.c.conversation_id.in_(ids),
            outbox.c.purpose == Purpose.HUMAN.value,
            outbox.c.status.in_(sorted(RETRYABLE)),
        )
        .group_by(outbox.c.conversation_id)
    )


def _count(connection: Connection, query: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(query)}

"""An agent's desk: the lists, one conversation, and what an agent can say in it. Read models are frozen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update

from bot.delivery import outbox as door
from bot.errors import Conflict, NotFound
from bot.messages import Purpose
from bot.shop.port import Shop
from bot.store.tables import agents, conversations, identities, inbox, notes, outbox, persons
from bot.store.tables import tasks as tasks_table
from handoff import ownership, tasks
from handoff.customer import Customer, Rights, customer, rights, shown_name
from handoff.ownership import Owner
from handoff.people import Agent
from handoff.transcript import RETRYABLE, Line, last_texts, transcript

LIST_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation in a list.

    Attributes:
        waiting_since: since when the customer waits for a human, None if nobody waits.
        unread: inbound messages that no agent has seen, 0 while the bot answers.
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
    last_by: str
    last_at: datetime
    failed: int
    reason: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, whole."""

    talk: Talk
    epoch: int
    lines: tuple[Line, ...]
    customer: Customer
    rights: Rights | None


# --- what an agent sees --------------------------------------------------------------------------------------------
def waiting(connection: Connection, limit: int = LIST_LIMIT) -> tuple[Talk, ...]:
    """Return what waits in the queue: higher priority first, then who has waited longest."""
    order = conversations.c.priority.desc(), conversations.c.queued_at
    return _talks(connection, conversations.c.owner == Owner.QUEUE.value, order, limit)


def mine(connection: Connection, agent_id: str, limit: int = LIST_LIMIT) -> tuple[Talk, ...]:
    """Return an agent's conversations: those whose customer waits first, longest first."""
    where = and_(conversations.c.owner == Owner.AGENT.value, conversations.c.agent_id == agent_id)
    talks = _talks(connection, where, (conversations.c.updated_at.desc(),), limit)
    asking = sorted((t for t in talks if t.waiting_since), key=lambda t: t.waiting_since or t.last_at)
    quiet = sorted((t for t in talks if not t.waiting_since), key=lambda t: t.last_at, reverse=True)
    return (*asking, *quiet)


def everything(connection: Connection, limit: int = LIST_LIMIT) -> tuple[Talk, ...]:
    """Return the newest conversations, whoever owns them."""
    return _talks(connection, None, (conversations.c.updated_at.desc(),), limit)


def counts(connection: Connection, agent_id: str) -> tuple[int, int]:
    """Return how many conversations are this agent's and how many wait."""
    own = and_(conversations.c.owner == Owner.AGENT.value, conversations.c.agent_id == agent_id)
    queued = conversations.c.owner == Owner.QUEUE.value
    count = select(func.count()).select_from(conversations)
    return (
        connection.execute(count.where(own)).scalar_one(),
        connection.execute(count.where(queued)).scalar_one(),
    )


def conversation(
    connection: Connection,
    shop: Shop,
    conversation_id: str,
    viewer: Agent,
    now: datetime,
    counting: Collection[str],
    limit: int = 100,
) -> Conversation:
    """Return one conversation with its newest `limit` lines.

    Args:
        counting: the channels that count windows (`Limits.counts_windows`).

    Raises:
        NotFound: there is no such conversation.
    """
    talks = _talks(connection, conversations.c.id == conversation_id, (), 1)
    if not talks:
        raise NotFound
    return Conversation(
        talk=talks[0],
        epoch=ownership.current(connection, conversation_id).epoch,
        lines=transcript(connection, conversation_id, limit, errors=viewer.leads),
        customer=customer(connection, shop, conversation_id, viewer.leads),
        rights=rights(connection, conversation_id, talks[0].channel in counting, now),
    )


def pulse(connection: Connection, conversation_id: str | None) -> tuple[object, ...]:
    """Return something that differs after any change an agent could see. Cheap: a few look-ups by index.

    Every change of owner writes a note, so the newest ids cover all but tasks that are done, which are counted, and
    the fate of single sends and what the bot understood, which matter in the open conversation only.
    """
    tables = inbox, outbox, notes, tasks_table
    newest = (
        *(connection.execute(select(func.max(table.c.id))).scalar() for table in tables),
        tasks.count_open(connection),
    )
    if conversation_id is None:
        return newest
    sends = (
        select(outbox.c.id, outbox.c.status, outbox.c.reason)
        .where(outbox.c.conversation_id == conversation_id)
        .order_by(outbox.c.id.desc())
        .limit(30)
    )
    turns = (
        select(inbox.c.id, inbox.c.status)
        .where(inbox.c.conversation_id == conversation_id)
        .order_by(inbox.c.seq.desc())
        .limit(5)
    )
    seen = select(conversations.c.epoch, conversations.c.seen_at).where(conversations.c.id == conversation_id)
    return *newest, *(tuple(map(tuple, connection.execute(query).all())) for query in (sends, turns, seen))


# --- what an agent does --------------------------------------------------------------------------------------------
def reply(connection: Connection, conversation_id: str, agent_id: str, text: str, key: str, now: datetime) -> bool:
    """Put an agent's words into the outbox. Return False if `key` is there already.

    Args:
        key: unique for ever; the same key twice says it once.

    Raises:
        Conflict: the conversation is no longer this agent's, or there is nothing to say.
    """
    held = ownership.held_by(connection, conversation_id, agent_id)
    if not (text := text.strip()):
        raise Conflict("Write something first.")
    draft = door.Draft(
        key=key,
        conversation_id=conversation_id,
        purpose=Purpose.HUMAN,
        text=text,
        author=f"agent:{agent_id}",
        epoch=held.epoch,
    )
    stored = door.put(connection, draft, now)
    connection.execute(
        update(conversations).where(conversations.c.id == conversation_id).values(seen_at=now, updated_at=now)
    )
    return stored


def take(connection: Connection, conversation_id: str, agent: Agent, now: datetime) -> None:
    """Take a conversation; a lead may also take it from another agent.

    Raises:
        Conflict: another agent has it, or was faster.
    """
    held = ownership.current(connection, conversation_id)
    if held.agent_id and held.agent_id != agent.id and agent.leads:
        ownership.transfer(connection, conversation_id, held.agent_id, agent.id, "", now, by=agent.id)
    else:
        ownership.take(connection, conversation_id, agent.id, now)


def note(connection: Connection, conversation_id: str, agent_id: str, text: str, now: datetime) -> None:
    """Keep a private note, seen by agents only.

    Raises:
        Conflict: there is nothing to keep.
        NotFound: there is no such conversation.
    """
    ownership.current(connection, conversation_id)
    if not (text := text.strip()):
        raise Conflict("Write something first.")
    connection.execute(
        notes.insert().values(
            conversation_id=conversation_id, author=f"agent:{agent_id}", kind="note", text=text, at=now
        )
    )


def retry_send(connection: Connection, outbox_id: int, agent_id: str, now: datetime) -> None:
    """Send an agent's message again that did not arrive. It keeps its id, so a platform that knows it drops it.

    The task that was made of it is done with that.

    Raises:
        Conflict: it is on its way already, was not an agent's, or the conversation is no longer this agent's.
        NotFound: there is no such message.
    """
    row = connection.execute(select(outbox).where(outbox.c.id == outbox_id)).first()
    if row is None:
        raise NotFound
    held = ownership.held_by(connection, row.conversation_id, agent_id)
    again = {"status": "waiting", "reason": "", "attempts": 0, "lease_until": None, "not_before": now}
    changed = connection.execute(
        update(outbox)
        .where(
            outbox.c.id == outbox_id,
            outbox.c.purpose == Purpose.HUMAN.value,
            outbox.c.status.in_(sorted(RETRYABLE)),
        )
        .values({**again, "not_after": None, "epoch": held.epoch})
    )
    if changed.rowcount != 1:
        raise Conflict("This message is on its way already.")
    tasks.finish_send(connection, row.key)


def mark_seen(connection: Connection, conversation_id: str, agent_id: str, now: datetime) -> None:
    """Note that an agent has read everything. Reading over a colleague's shoulder does not count."""
    theirs = and_(conversations.c.owner == Owner.AGENT.value, conversations.c.agent_id != agent_id)
    connection.execute(update(conversations).where(conversations.c.id == conversation_id, ~theirs).values(seen_at=now))


# --- how it is read ------------------------------------------------------------------------------------------------
def _talks(
    connection: Connection, where: ColumnElement[bool] | None, order: Sequence[Any], limit: int
) -> tuple[Talk, ...]:
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
    else:
        said = row.said or row.chosen or (f"({row.event})" if row.event else "")
        last_text, last_by, last_at = said, "customer", row.said_at or row.created_at
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

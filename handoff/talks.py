"""The lists of conversations that agents choose from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Row, Select, and_, bindparam, func, or_, select

from bot.delivery.clocks import RESPONSES
from bot.messages import Event, Purpose
from bot.store.tables import agents, clocks, conversations, identities, inbox, outbox, persons
from handoff.access import conversation_scope
from handoff.customer import shown_name
from handoff.hiding import hidden
from handoff.owner import Owner
from handoff.people import Agent
from handoff.precedence import PRECEDENCE
from handoff.transcript import RETRYABLE

LIST_LIMIT = 200
LOOKED_THROUGH = 320
"""Characters of what was said last; behind those that are shown, so that no number is cut before it is seen."""


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation in a list.

    Attributes:
        waiting_since: since when the customer waits for a human, None if nobody waits: by the place in the queue, then
            by the clock of the answer, see `bot.delivery.clocks`.
        unread: inbound messages that no agent has seen, 0 while the bot answers.
        last_text: what was said last, see `handoff.hiding`; empty for a picture or an event, see `last_event`.
        last_event: what an inbound reports, `media` for a picture of either side.
        last_by: `customer`, `bot`, `agent` or `campaign`.
        failed: messages of agents that did not reach the customer.
        answer_by: until when its agent has to answer, or loses it.
        snoozed_until: until when it is put off.
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
    answer_by: datetime | None = None
    snoozed_until: datetime | None = None


def waiting(connection: Connection, limit: int = LIST_LIMIT) -> tuple[Talk, ...]:
    """Return what waits in the queue, the next one first."""
    return talks_where(connection, conversations.c.owner == Owner.QUEUE.value, (PRECEDENCE,), limit)


def mine(connection: Connection, agent_id: str, limit: int = LIST_LIMIT) -> tuple[Talk, ...]:
    """Return an agent's conversations: those whose customer waits first, longest first; those put off at the end."""
    return of_agents(connection, [agent_id], limit)[agent_id]


def of_agents(
    connection: Connection, agent_ids: Collection[str], limit: int = LIST_LIMIT
) -> dict[str, tuple[Talk, ...]]:
    """Return the conversations of several agents, each as `mine` does, by a fixed number of statements."""
    found: dict[str, list[Talk]] = {agent_id: [] for agent_id in agent_ids}
    asked = {"agents": sorted(found), "most": limit}
    for talk in map(_talk, connection.execute(_OF_AGENTS, asked) if found else ()):
        found[talk.agent_id or ""].append(talk)
    return {agent_id: in_order(talks) for agent_id, talks in found.items()}


def of_ids(connection: Connection, conversation_ids: Collection[str]) -> dict[str, Talk]:
    """Return these conversations by id, without those that are not there. Whose they are is the caller's to ask."""
    if not conversation_ids:
        return {}
    return {row.id: _talk(row) for row in connection.execute(_OF_IDS, {"ids": sorted(conversation_ids)})}


def in_order(talks: Collection[Talk]) -> tuple[Talk, ...]:
    """Return an agent's conversations in the order of `mine`."""
    by_id = sorted(talks, key=lambda t: t.id)
    asking = sorted((t for t in by_id if t.waiting_since), key=lambda t: t.waiting_since or t.last_at)
    quiet = sorted((t for t in by_id if not t.waiting_since), key=lambda t: t.last_at, reverse=True)
    quiet.sort(key=lambda t: t.snoozed_until is not None)
    return (*asking, *quiet)


def everything(connection: Connection, viewer: Agent, limit: int = LIST_LIMIT) -> tuple[Talk, ...]:
    """Return the newest conversations that the viewer may see, whoever owns them."""
    return talks_where(connection, conversation_scope(viewer), (conversations.c.updated_at.desc(),), limit)


def counts(connection: Connection, agent_ids: Collection[str]) -> dict[str, int]:
    """Return how many conversations each of these agents has."""
    found = connection.execute(_COUNTS, {"agents": sorted(agent_ids)})
    return dict.fromkeys(agent_ids, 0) | {agent_id: count for agent_id, count in found if agent_id is not None}


def talks_where(
    connection: Connection, where: ColumnElement[bool] | None, order: Sequence[Any], limit: int
) -> tuple[Talk, ...]:
    """Return the conversations that fit `where` (all, if None), in this order, by one statement."""
    order = *order, conversations.c.id
    chosen = select(conversations.c.id).order_by(*order).limit(limit)
    chosen = chosen if where is None else chosen.where(where)
    ids = chosen.subquery()  # first of all: what is looked up of each would else be looked up of all
    query = _SHOWN.where(conversations.c.id.in_(select(ids.c.id))).order_by(*order)
    return tuple(_talk(row) for row in connection.execute(query))


def _talk(row: Row[Any]) -> Talk:
    if row.answered_at is not None and (row.said_at is None or row.answered_at >= row.said_at):
        last_text, last_by, last_at = row.answer, row.author.partition(":")[0], row.answered_at
        event = "" if last_text else Event.MEDIA.value
    else:
        last_text, last_by, last_at = row.said or row.chosen or "", "customer", row.said_at or row.created_at
        event = row.event or ""
    owner = Owner(row.owner)
    since = row.queued_at if owner is Owner.QUEUE else None
    if owner is Owner.AGENT:  # no clock runs for words that the bot had heard before it was taken from it
        since = row.asked_at or (last_at if last_by == "customer" else None)
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
        unread=row.unread if owner in (Owner.QUEUE, Owner.AGENT) else 0,
        last_text=hidden(last_text[:LOOKED_THROUGH])[:160],
        last_event=event,
        last_by=last_by,
        last_at=last_at,
        failed=row.failed,
        reason=row.reason,
        answer_by=row.answer_by,
        snoozed_until=row.snoozed_until,
    )


def _shown() -> Select[Any]:
    """Return what a `Talk` is made of. Only those columns are asked for: others are long, or cost time to read."""
    of_talk = conversations.c
    own = of_talk.id, of_talk.channel, of_talk.chat, of_talk.chat_kind, of_talk.owner, of_talk.agent_id
    times = of_talk.queued_at, of_talk.created_at, of_talk.answer_by, of_talk.snoozed_until
    theirs, ours, answer = inbox.alias(), outbox.alias(), outbox.alias()
    unseen = or_(of_talk.seen_at.is_(None), theirs.c.received_at > of_talk.seen_at)
    unread = select(func.count()).select_from(theirs).where(theirs.c.conversation_id == of_talk.id, unseen)
    broken = ours.c.purpose == Purpose.HUMAN.value, ours.c.status.in_(sorted(RETRYABLE))
    failed = select(func.count()).select_from(ours).where(ours.c.conversation_id == of_talk.id, *broken)
    newest = select(func.max(ours.c.id)).where(
        ours.c.conversation_id == of_talk.id, ours.c.status.not_in(("dropped", "moved"))
    )
    runs = clocks.c.conversation_id == of_talk.id, clocks.c.ended_at.is_(None), clocks.c.kind.in_(RESPONSES)
    asked_at = select(func.min(clocks.c.started_at)).where(*runs)
    return (
        select(
            *own,
            *times,
            of_talk.priority,
            of_talk.reason,
            shown_name().label("name"),
            agents.c.name.label("agent_name"),
            inbox.c.text.label("said"),
            inbox.c.choice.label("chosen"),
            inbox.c.event.label("event"),
            inbox.c.received_at.label("said_at"),
            answer.c.text.label("answer"),
            answer.c.author,
            answer.c.created_at.label("answered_at"),
            unread.correlate(conversations).scalar_subquery().label("unread"),
            failed.correlate(conversations).scalar_subquery().label("failed"),
            asked_at.correlate(conversations).scalar_subquery().label("asked_at"),
        )
        .select_from(conversations)
        .outerjoin(identities, identities.c.id == conversations.c.identity_id)
        .outerjoin(persons, persons.c.id == identities.c.person_id)
        .outerjoin(agents, agents.c.id == conversations.c.agent_id)
        .outerjoin(inbox, and_(inbox.c.conversation_id == conversations.c.id, inbox.c.seq == conversations.c.last_seq))
        .outerjoin(answer, answer.c.id == newest.correlate(conversations).scalar_subquery())
    )


def _held() -> Select[Any]:
    """Return the newest `most` conversations of each of `agents`."""
    newest = conversations.c.updated_at.desc(), conversations.c.id
    place = func.row_number().over(partition_by=conversations.c.agent_id, order_by=newest).label("place")
    held = select(conversations.c.id, place).where(_HELD_BY).subquery()
    return select(held.c.id).where(held.c.place <= bindparam("most", type_=Integer))


# Made once: the console asks these after every message, and making them takes longer than asking.
_SHOWN = _shown()
_OF_IDS = _SHOWN.where(conversations.c.id.in_(bindparam("ids", expanding=True)))
_HELD_BY = and_(
    # So written that SQLite finds them by their agent: by their owner, it would go through those of all agents.
    func.coalesce(conversations.c.owner, "") == Owner.AGENT.value,
    conversations.c.agent_id.in_(bindparam("agents", expanding=True)),
)
_OF_AGENTS = _SHOWN.where(conversations.c.id.in_(_held()))
_COUNTS = select(conversations.c.agent_id, func.count()).where(_HELD_BY).group_by(conversations.c.agent_id)

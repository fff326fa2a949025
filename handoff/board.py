"""What leads see of the whole team at once, and what they do about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Subquery, and_, bindparam, case, false, func, select, update

from bot import audit
from bot.audit import What
from bot.errors import Conflict
from bot.store.tables import agents, clocks, conversations, notes
from handoff import ownership, presence, talks, typed
from handoff.access import access_conversation
from handoff.crew import ANSWERS
from handoff.desk import NothingSaid
from handoff.ends import End, Terms, ends_of
from handoff.owner import Owner
from handoff.people import Agent
from handoff.presence import NoSuchAgent, NotThere
from handoff.seats import Seat, seats
from handoff.talks import Talk
from handoff.transcript import WHISPER

MOST = 100
"""Conversations in each list of the board; the numbers count all."""


class NobodyHasIt(Conflict):
    """No agent has this conversation now. Look at the board and try again."""

    code = "nobody_has_it"


class HasItAlready(Conflict):
    """This agent has the conversation already. Choose another one."""

    code = "has_it_already"


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that runs. `late`: its time is over; `soon`: two thirds of it are; `due_at` is None for a moment only."""

    kind: str
    started_at: datetime
    due_at: datetime | None
    soon: bool
    late: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation in human hands, with the clock that ends first; `ends`: as agents see them, the nearest first."""

    talk: Talk
    clock: Clock | None
    ends: tuple[End, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """The whole team now. `longest_since`: since when the one who has waited longest waits; None: nobody does."""

    waiting: int
    longest_since: datetime | None
    held: int
    soon: int
    late: int
    queue: tuple[Row, ...]
    talks: tuple[Row, ...]
    seats: tuple[Seat, ...]


def board(connection: Connection, now: datetime, terms: Terms) -> Board:
    """Return how the team stands. Conversations that are late come first, then those that soon will be.

    What is counted is counted by the database: clocks and rows are read only of the conversations that are listed.
    """
    held = conversations.c.owner == Owner.AGENT.value
    of_owners = select(conversations.c.owner, func.count().label("count"), func.min(conversations.c.queued_at))
    of_owners = of_owners.where(conversations.c.owner.in_((Owner.QUEUE.value, Owner.AGENT.value)))
    owners = {owner: rest for owner, *rest in connection.execute(of_owners.group_by(conversations.c.owner))}
    waiting, longest = owners.get(Owner.QUEUE.value, (0, None))
    pressing = connection.execute(_PRESSING, {"now": now}).all()
    ids = [row.conversation_id for row in pressing if row.owner == Owner.AGENT.value]
    urgent = talks.talks_where(connection, and_(held, conversations.c.id.in_(ids)), (), MOST) if ids else ()
    calm = and_(held, conversations.c.id.not_in(ids))
    others = talks.talks_where(connection, calm, (conversations.c.updated_at.desc(),), MOST - len(urgent))
    queue = talks.waiting(connection, MOST)
    listed = {talk.id for talk in (*urgent, *others, *queue)}
    found = _clocks(connection, listed, now)
    until = ends_of(connection, listed, terms, now)

    def row(talk: Talk) -> Row:
        return Row(talk, found.get(talk.id), until.get(talk.id, ()))

    rows = [row(talk) for talk in (*urgent, *others)]
    return Board(
        waiting=waiting,
        longest_since=longest,
        held=owners.get(Owner.AGENT.value, (0, None))[0],
        soon=pressing[0].all_soon if pressing else 0,
        late=pressing[0].all_late if pressing else 0,
        queue=tuple(map(row, queue)),
        talks=tuple(sorted(rows, key=_urgency)),
        seats=seats(connection),
    )


def _firsts() -> Subquery:
    """Return of each conversation in human hands the running clock that is due first."""
    in_line = func.row_number().over(
        partition_by=clocks.c.conversation_id, order_by=(clocks.c.due_at.nulls_last(), clocks.c.id)
    )
    columns = clocks.c.conversation_id, clocks.c.due_at, clocks.c.warned_at, in_line.label("place")
    running = select(*columns).where(clocks.c.ended_at.is_(None)).subquery()
    return select(running).where(running.c.place == 1).subquery()


def _pressing() -> Select[Any]:
    """Return whose clock has run out or soon will, those that agents have first, the most urgent in front.

    Each row tells as well how many there are in all. Made once, and one look at the open clocks: it is asked each
    second by every board.
    """
    first, now = _firsts(), bindparam("now", type_=clocks.c.due_at.type)
    late = func.coalesce(first.c.due_at <= now, false())
    soon = ~late & first.c.warned_at.is_not(None)
    totals = (func.sum(case((which, 1), else_=0)).over() for which in (soon, late))
    all_soon, all_late = (total.label(name) for total, name in zip(totals, ("all_soon", "all_late"), strict=True))
    found = select(first.c.conversation_id, conversations.c.owner, all_soon, all_late)
    found = found.join(conversations, conversations.c.id == first.c.conversation_id).where(soon | late)
    of_agents_first = case((conversations.c.owner == Owner.AGENT.value, 0), else_=1)
    return found.order_by(of_agents_first, first.c.due_at.nulls_last(), first.c.conversation_id).limit(MOST)


_PRESSING = _pressing()


def _urgency(row: Row) -> tuple[bool, bool, float]:
    clock, since = row.clock, row.talk.waiting_since or row.talk.last_at
    return not (clock and clock.late), not (clock and clock.soon), since.timestamp()


def _clocks(connection: Connection, conversation_ids: Collection[str], now: datetime) -> dict[str, Clock]:
    """Return of each of these conversations the running clock that is due first."""
    of_talks = clocks.c.conversation_id.in_(sorted(conversation_ids)), clocks.c.ended_at.is_(None)
    columns = (clocks.c[name] for name in ("conversation_id", "kind", "started_at", "due_at", "warned_at"))
    running = select(*columns).where(*of_talks).order_by(clocks.c.due_at.nulls_last(), clocks.c.id)
    found: dict[str, Clock] = {}
    for row in connection.execute(running):
        late = row.due_at is not None and row.due_at <= now
        soon = not late and row.warned_at is not None
        if row.conversation_id not in found:
            found[row.conversation_id] = Clock(row.kind, row.started_at, row.due_at, soon, late)
    return found


# --- what a lead does ------------------------------------------------------------------------------------------------
def whisper(connection: Connection, lead: Agent, conversation_id: str, text: str, now: datetime) -> None:
    """Leave a word that only the conversation's agent and leads read.

    Raises:
        Conflict: there is nothing to say, or no agent has the conversation.
        NotFound: there is no such conversation.
    """
    held = access_conversation(connection, lead, conversation_id)
    if not (text := typed.message(text)):
        raise NothingSaid
    if held.owner is not Owner.AGENT:
        raise NobodyHasIt
    row = {"conversation_id": conversation_id, "author": f"agent:{lead.id}", "kind": WHISPER, "text": text, "at": now}
    connection.execute(notes.insert().values(row))


def reassign(
    connection: Connection, lead: Agent, conversation_id: str, to_agent_id: str, reason: str, now: datetime
) -> None:
    """Give a conversation, which an agent has or which waits, to an agent; to nobody (empty): back to its place
    in the queue.

    Raises:
        Conflict: that agent has it already, or the bot has it, or it is closed.
        NotFound: there is no such conversation, or no such agent at work who answers.
    """
    held = access_conversation(connection, lead, conversation_id)
    if held.owner is Owner.QUEUE and to_agent_id:
        _answers(connection, to_agent_id)
        ownership.take(connection, conversation_id, to_agent_id, now)
        _record(connection, lead, conversation_id, "", to_agent_id, reason, now)
    elif held.agent_id is None:
        raise NobodyHasIt
    elif not to_agent_id:
        ownership.lose(connection, conversation_id, held.agent_id, now)
        # Else the one who had it last would be the first to get it again.
        mine = conversations.c.id == conversation_id
        connection.execute(update(conversations).where(mine).values(last_agent_id=None))
        _record(connection, lead, conversation_id, held.agent_id, "", reason, now)
    elif to_agent_id == held.agent_id:
        raise HasItAlready
    else:
        _answers(connection, to_agent_id)
        ownership.transfer(connection, conversation_id, held.agent_id, to_agent_id, reason, now, by=lead.id)


def reassign_all(
    connection: Connection, lead: Agent, agent_id: str, to_agent_id: str, reason: str, now: datetime
) -> int:
    """Give everything that an agent has to another one, or back to the queue (empty). Return how many.

    Raises:
        Conflict: both are the same.
        NotFound: there is no such agent at work who answers.
    """
    if agent_id == to_agent_id:
        raise HasItAlready
    held = select(conversations.c.id).where(conversations.c.agent_id == agent_id).order_by(conversations.c.id)
    ids: Sequence[str] = connection.execute(held.with_for_update(key_share=True)).scalars().all()
    for conversation_id in ids:
        reassign(connection, lead, conversation_id, to_agent_id, reason, now)
    return len(ids)


def set_agent(
    connection: Connection,
    lead: Agent,
    agent_id: str,
    now: datetime,
    *,
    status: str,
    capacity: int | None,
    languages: Sequence[str],
    topics: Sequence[str],
) -> None:
    """Change what an agent gets; a status that stays the same is not set anew, None leaves the capacity as it is.

    Raises:
        NotAllowed: there is no such status or language, the capacity is below 0, or nobody is there to be on.
        NotFound: there is no such agent at work who answers.
    """
    before = _answers(connection, agent_id)
    presence.set_abilities(connection, agent_id, now, capacity, languages, topics)
    if status == "on" and before.status != "on" and not presence.is_there(before.seen_at, now):
        raise NotThere
    if status and status != before.status:
        presence.set_status(connection, agent_id, status, now)
    old = {"status": before.status, "capacity": before.capacity, "languages": before.languages, "topics": before.topics}
    new = {"status": status or before.status, "capacity": before.capacity if capacity is None else capacity}
    new |= {"languages": list(languages), "topics": list(topics)}
    if old != new:
        who = audit.by(lead.id)
        audit.record(connection, who, What.AGENT_CHANGED, f"agent:{agent_id}", now, before=old, after=new)


def _record(
    connection: Connection, lead: Agent, conversation_id: str, old: str, new: str, reason: str, now: datetime
) -> None:
    subject, before, after = f"conversation:{conversation_id}", {"agent": old}, {"agent": new}
    who = audit.by(lead.id)
    audit.record(connection, who, What.REASSIGN, subject, now, before=before, after=after, why=reason)


def _answers(connection: Connection, agent_id: str) -> Any:
    known = select(agents).where(agents.c.id == agent_id, *ANSWERS)
    row = None if "\0" in agent_id else connection.execute(known).first()
    if row is None:
        raise NoSuchAgent
    return row

"""What must hold in a queue after whatever happened. Read off the tables, in ways of its own.

Nothing here calls `handoff.routing` or `handoff.assigning`: a mistake there must not hide itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from bot.hours import Hours
from bot.store.database import AnyRow
from bot.store.tables import agents, clocks, conversations, identities, notes, persons, timers

MOVES = frozenset({"handoff", "lost", "assigned", "taken", "transferred", "reopened", "closed"})
"""The marks that a change of owner leaves, one each."""
AGES_IN, ANYBODY_AFTER = timedelta(minutes=10), timedelta(minutes=3)
"""A wait so long counts as one priority; after so long a wait anybody's skills will do."""


class Broken(AssertionError):
    """Something happened that must never happen."""


@dataclass(frozen=True, slots=True)
class View:
    """The queue at one moment."""

    now: datetime
    talks: Mapping[str, AnyRow]
    agents: Mapping[str, AnyRow]
    timers: frozenset[str]
    moves: Mapping[str, int]

    @property
    def waiting(self) -> list[AnyRow]:
        return [row for row in self.talks.values() if row.owner == "queue"]

    def load(self, agent_id: str) -> int:
        mine = (row for row in self.talks.values() if row.owner == "agent" and row.agent_id == agent_id)
        return sum(row.snoozed_until is None or row.answer_by is not None for row in mine)


_TALKS = (
    select(conversations, persons.c.language)
    .outerjoin(identities, identities.c.id == conversations.c.identity_id)
    .outerjoin(persons, persons.c.id == identities.c.person_id)
)


def view(connection: Connection, now: datetime, since_note: int = 0) -> View:
    """Look. Moves are counted from the note after `since_note` on."""
    count = select(notes.c.conversation_id, func.count().label("moves"))
    counted = count.where(notes.c.id > since_note, notes.c.kind.in_(MOVES)).group_by(notes.c.conversation_id)
    return View(
        now,
        {row.id: row for row in connection.execute(_TALKS)},
        {row.id: row for row in connection.execute(select(agents))},
        frozenset(connection.execute(select(timers.c.key)).scalars()),
        {row.conversation_id: row.moves for row in connection.execute(counted)},
    )


def newest_note(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(notes.c.id), 0))).scalar_one())


def check(before: View, after: View, hours: Hours, overdue: Iterable[str]) -> None:
    """Look whether everything holds between two moments in which nothing was left to do.

    Args:
        overdue: conversations with an agent whose customer waits for an answer, see `unanswered`.

    Raises:
        Broken: with what does not.
    """
    _one_owner(before, after)
    _nobody_is_forgotten(after, overdue)
    if hours.is_open(after.now):
        _nobody_waits_beside_a_free_slot(after)
    else:
        for row in after.waiting:
            _must(False, f"{row.id}: waits while nobody answers, and is told nothing")


def _one_owner(before: View, after: View) -> None:
    for id_, row in after.talks.items():
        was = before.talks.get(id_)
        risen = row.epoch - (was.epoch if was else 0)
        _must(risen == after.moves.get(id_, 0), f"{id_}: {risen} epochs, but {after.moves.get(id_, 0)} moves")
        _must(row.owner in ("bot", "queue", "agent", "closed"), f"{id_}: owned by {row.owner}")
        _must((row.owner == "agent") == (row.agent_id is not None), f"{id_}: {row.owner} with agent {row.agent_id}")
        _must(row.agent_id is None or row.agent_id in after.agents, f"{id_}: with an agent who does not exist")
        holder = after.agents.get(row.agent_id)
        _must(holder is None or _answers(holder), f"{id_}: with {row.agent_id}, who may not answer")
    for id_, row in before.talks.items():
        _must(id_ in after.talks, f"{id_}: gone")
        _must(after.talks[id_].epoch >= row.epoch, f"{id_}: the epoch fell")


def _nobody_is_forgotten(after: View, overdue: Iterable[str]) -> None:
    """Whoever waits for something has a timer that ends the wait, whatever people do."""
    for id_, row in after.talks.items():
        if row.owner == "queue":
            _must(row.queued_at is not None, f"{id_}: waits without a place")
            _must(f"patience:{id_}:{row.epoch}" in after.timers, f"{id_}: waits for ever")
        if row.answer_by is not None:
            _must(row.owner == "agent", f"{id_}: {row.owner} owes an answer")
            _must(row.answer_by > after.now, f"{id_}: an answer is overdue and nothing happens")
            _must(_any(after, f"answer:{id_}:{row.epoch}"), f"{id_}: nobody looks whether it is answered")
        if row.snoozed_until is not None:
            _must(_any(after, f"snooze:{id_}:{row.epoch}"), f"{id_}: put off for ever")
        if row.owner in ("bot", "closed") and row.place_at is not None:
            _must(_any(after, f"return:{id_}:"), f"{id_}: noted down for the morning, which never comes")
    for id_ in overdue:
        _must(after.talks[id_].answer_by is not None, f"{id_}: the customer waits and the agent owes nothing")


def _nobody_waits_beside_a_free_slot(after: View) -> None:
    free = [row for row in after.agents.values() if _is_free(after, row)]
    for talk in after.waiting:
        for agent in free:
            _must(not _suits(talk, agent, after.now), f"{talk.id}: waits while {agent.id} has room")


def check_given(before: View, after: View) -> None:
    """Look whether nobody was overtaken when conversations were given out between two moments.

    Raises:
        Broken: somebody whom an agent's skills suited had to wait behind somebody who came after them.
    """
    now = after.now
    left = [row for row in before.waiting if after.talks[row.id].owner == "queue"]
    for row in before.waiting:
        now_with = after.talks[row.id]
        if now_with.owner != "agent":
            continue
        agent = after.agents[now_with.agent_id]
        _must(agent.status == "on" and _answers(agent), f"{row.id}: given to {agent.id}, who is {agent.status}")
        _must(after.load(agent.id) <= agent.capacity, f"{agent.id}: has {after.load(agent.id)} of {agent.capacity}")
        _must(_suits(row, agent, now), f"{row.id}: given to {agent.id}, who does not know {row.topic}")
        for other in left:
            if not _suits(other, agent, now):
                continue
            _must(_turn(row) < _turn(other), f"{row.id}: overtook {other.id}")
            late = row.queued_at - other.queued_at
            _must(late <= AGES_IN * (row.priority - other.priority), f"{other.id}: starves behind {row.id}")


def unanswered(connection: Connection) -> set[str]:
    """Return the conversations with an agent whose customer waits for an answer."""
    waits = clocks.c.ended_at.is_(None), clocks.c.kind.in_(("first", "next"))
    query = select(clocks.c.conversation_id).join(conversations, conversations.c.id == clocks.c.conversation_id)
    return set(connection.execute(query.where(*waits, conversations.c.owner == "agent")).scalars())


def _turn(row: AnyRow) -> tuple[Any, ...]:
    return row.queued_at - row.priority * AGES_IN, row.id


def _is_free(view: View, agent: AnyRow) -> bool:
    return agent.status == "on" and _answers(agent) and view.load(agent.id) < agent.capacity


def _answers(agent: AnyRow) -> bool:
    return not agent.disabled and agent.role != "editor"


def _suits(talk: AnyRow, agent: AnyRow, now: datetime) -> bool:
    knows = not agent.topics or not talk.topic or talk.topic in agent.topics
    speaks = not agent.languages or not talk.language or talk.language in agent.languages
    return (knows and speaks) or now - talk.queued_at >= ANYBODY_AFTER


def _any(view: View, prefix: str) -> bool:
    return any(key.startswith(prefix) for key in view.timers)


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)

"""Gives the conversations that wait to the agents who have room, whenever something changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, ScalarSelect, func, or_, select

from bot.delivery.timers import set_timer
from bot.hours import Hours
from bot.store.insert import insert_once
from bot.store.tables import agents, clocks, conversations, identities, leases, persons
from handoff import ownership
from handoff.crew import ANSWERS
from handoff.owner import Owner
from handoff.ownership import ANSWER, ASSIGN
from handoff.precedence import BY_PRECEDENCE
from handoff.routing import SKILLS_FOR, Seat, Waiter, pairs

LOOKED_THROUGH = "queue"
"""The row of `leases` that is locked while somebody gives out conversations: one at a time, over all processes."""
MOST = 500
"""Conversations of the queue that are looked at together; behind them comes the next look."""
_WAITS = conversations.c.owner == Owner.QUEUE.value
_ON_DUTY = agents.c.status == "on", *ANSWERS
PLACES = "places"
"""The timer that tells those who wait their places."""


@dataclass(frozen=True, slots=True)
class Assigning:
    """Handles the timer `assign`.

    Attributes:
        auto: whether conversations are given out; else agents take them by hand.
        answer_s: seconds in which an agent has to answer what was given to them.
        hours: when people answer.
        close: what becomes of those who wait when people answer no more, see `handoff.arrivals.Arrivals.close`.
    """

    auto: bool
    answer_s: int
    hours: Hours
    close: Callable[[Connection, datetime], None]

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        """Look through the queue. In a transaction of its own, see `handoff.ownership.look_through`."""
        _lock(connection)
        if not self.hours.is_open(now):
            self.close(connection, now)
            return
        if self.auto:
            self._give_out(connection, payload, now)
            _look_again_when_skills_no_longer_count(connection, now)
        closing = self.hours.next_closing(now)
        if closing and connection.execute(select(conversations.c.id).where(_WAITS).limit(1)).first():
            set_timer(connection, f"assign:closing:{closing.isoformat()}", ASSIGN, {}, closing)
        set_timer(connection, f"places:{now.isoformat()}", PLACES, {}, now)

    def _give_out(self, connection: Connection, given_up: Mapping[str, Any], now: datetime) -> None:
        given_up_by = {str(given_up.get("id", "")): str(given_up.get("agent", ""))}
        waiting = [replace(one, given_up_by=given_up_by.get(one.id, "")) for one in waiters(connection)]
        found = pairs(waiting, seats(connection), now)
        for waiter, seat in _still_waiting(connection, _still_on_duty(connection, found)):
            answer_by = now + timedelta(seconds=self.answer_s)
            given = ownership.assign(connection, waiter.id, seat.agent_id, answer_by, now)
            payload = {"id": waiter.id, "epoch": given.epoch}
            set_timer(connection, f"answer:{waiter.id}:{given.epoch}", ANSWER, payload, answer_by)


def _lock(connection: Connection) -> None:
    """Wait until nobody else gives out conversations."""
    row = {"name": LOOKED_THROUGH, "holder": "", "until": datetime.fromisoformat("2000-01-01T00:00:00+00:00")}
    insert_once(connection, leases, row)
    connection.execute(select(leases.c.name).where(leases.c.name == LOOKED_THROUGH).with_for_update())


def waiters(connection: Connection) -> list[Waiter]:
    """Return who waits, the first `MOST`."""
    language = func.coalesce(conversations.c.state["language"].as_string(), persons.c.language, "")
    rows = connection.execute(
        select(conversations, language.label("language"), _ended_at().label("ended_at"))
        .outerjoin(identities, conversations.c.identity_id == identities.c.id)
        .outerjoin(persons, identities.c.person_id == persons.c.id)
        .where(_WAITS)
        .order_by(*BY_PRECEDENCE)
        .limit(MOST)
    )
    return [
        Waiter(row.id, row.queued_at, row.priority, row.language, row.topic, row.last_agent_id or "", row.ended_at)
        for row in rows
    ]


def _ended_at() -> ScalarSelect[datetime]:
    """Return when the last human talk of a conversation ended, if the agent who had it last ended it."""
    own = clocks.c.conversation_id == conversations.c.id, clocks.c.kind == "resolution"
    ended = select(clocks.c.ended_at).where(*own, clocks.c.agent_id == conversations.c.last_agent_id)
    return ended.order_by(clocks.c.ended_at.desc()).limit(1).scalar_subquery()


def seats(connection: Connection) -> list[Seat]:
    """Return the agents on duty with what they have; what an agent has put off takes no room."""
    busy = or_(conversations.c.snoozed_until.is_(None), conversations.c.answer_by.is_not(None))
    load = (
        select(conversations.c.agent_id, func.count().label("load"), func.max(conversations.c.assigned_at).label("at"))
        .where(conversations.c.owner == Owner.AGENT.value, busy)
        .group_by(conversations.c.agent_id)
        .subquery()
    )
    rows = connection.execute(
        select(agents, func.coalesce(load.c.load, 0).label("load"), load.c.at)
        .outerjoin(load, load.c.agent_id == agents.c.id)
        .where(*_ON_DUTY, agents.c.capacity > 0)
        .order_by(agents.c.id)
    )
    return [
        Seat(row.id, row.capacity, row.load, frozenset(row.languages), frozenset(row.topics), row.at, row.missed)
        for row in rows
    ]


def _still_on_duty(connection: Connection, found: Sequence[tuple[Waiter, Seat]]) -> list[tuple[Waiter, Seat]]:
    """Lock the agents, before the conversations like everybody who locks both, and leave out who has left.

    Who leaves from now on waits for this transaction, and gives back what it gave them.
    """
    ids = sorted({seat.agent_id for _, seat in found})
    query = select(agents.c.id).where(agents.c.id.in_(ids), *_ON_DUTY).order_by(agents.c.id)
    there = set(connection.execute(query.with_for_update(read=True)).scalars())
    return [(waiter, seat) for waiter, seat in found if seat.agent_id in there]


def _still_waiting(connection: Connection, found: Sequence[tuple[Waiter, Seat]]) -> list[tuple[Waiter, Seat]]:
    """Lock the conversations, in the order of their ids like everybody who locks several, and leave out what moved."""
    ids = sorted(waiter.id for waiter, _ in found)
    locked = select(conversations.c.id, conversations.c.owner).where(conversations.c.id.in_(ids))
    rows = connection.execute(locked.order_by(conversations.c.id).with_for_update(key_share=True))
    waiting = {row.id for row in rows if row.owner == Owner.QUEUE.value}
    return [(waiter, seat) for waiter, seat in found if waiter.id in waiting]


def _look_again_when_skills_no_longer_count(connection: Connection, now: datetime) -> None:
    """See to it that who waits for the right agent gets any, once the wait for the right one is over."""
    young = conversations.c.owner == Owner.QUEUE.value, conversations.c.queued_at > now - SKILLS_FOR
    first = connection.execute(select(func.min(conversations.c.queued_at)).where(*young)).scalar()
    if first is not None:
        set_timer(connection, f"assign:skills:{first.isoformat()}", ASSIGN, {}, first + SKILLS_FOR)

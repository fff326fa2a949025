"""Who gets whom: a pure function from those who wait and the agents who have room to the pairs that follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

AGEING = timedelta(minutes=10)
"""A priority counts as so long a wait: nobody starves behind the important ones, and the order never changes by itself.

`handoff.precedence` says the same to the database."""
SAME_AGENT_FOR = timedelta(hours=24)
"""Who comes back within this time after an agent ended their conversation gets that agent, if there is room."""
SKILLS_FOR = timedelta(minutes=3)
"""How long someone waits for an agent with the right topic and language; then anybody is better than nobody."""


@dataclass(frozen=True, slots=True)
class Waiter:
    """A conversation in the queue.

    Attributes:
        place_at: since when it has its place.
        priority: higher comes first.
        language, topic: what its agent should be able to; empty asks for nothing.
        last_agent_id: who had it before, empty if nobody.
        ended_at: when that agent ended the last talk; None if it was not ended, or by somebody else.
        given_up_by: who had it until a moment ago, and gets it again only if nobody else can.
    """

    id: str
    place_at: datetime
    priority: int = 0
    language: str = ""
    topic: str = ""
    last_agent_id: str = ""
    ended_at: datetime | None = None
    given_up_by: str = ""


@dataclass(frozen=True, slots=True)
class Seat:
    """An agent on duty.

    Attributes:
        load: conversations the agent has now, without those put off; `capacity` is how many there may be.
        languages, topics: what the agent does; empty is everything.
        given_at: when the agent got one last, None for never.
        missed: how many in a row the agent lost by not answering.
    """

    agent_id: str
    capacity: int
    load: int = 0
    languages: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    given_at: datetime | None = None
    missed: int = 0

    @property
    def is_free(self) -> bool:
        return self.load < self.capacity


def order(waiting: Iterable[Waiter]) -> list[Waiter]:
    """Return those who wait, the next one first."""
    return sorted(waiting, key=lambda waiter: (waiter.place_at - waiter.priority * AGEING, waiter.id))


def suits(waiter: Waiter, seat: Seat, now: datetime) -> bool:
    """Return whether this agent may get this conversation: by skills, or because it has waited long enough."""
    if now - waiter.place_at >= SKILLS_FOR:
        return True
    speaks = not (seat.languages and waiter.language) or waiter.language in seat.languages
    knows = not (seat.topics and waiter.topic) or waiter.topic in seat.topics
    return speaks and knows


def pairs(waiting: Iterable[Waiter], seats: Sequence[Seat], now: datetime) -> list[tuple[Waiter, Seat]]:
    """Return who gets whom now: nobody who suits stays waiting beside a free seat.

    In the order of the queue each gets an agent who did not just give them up, of these the one who ended their talk
    lately, else one who answers, of these the one who had it last, else the one with the least to do for what they can
    do, else the one who got none for longest.
    """
    free = {seat.agent_id: seat for seat in seats if seat.is_free}
    found: list[tuple[Waiter, Seat]] = []
    for waiter in order(waiting):
        if not free:
            break
        suited = [seat for seat in free.values() if suits(waiter, seat, now)]
        if not suited:
            continue
        seat = min(suited, key=lambda seat: _preference(waiter, seat, now))
        found.append((waiter, seat))
        taken = replace(seat, load=seat.load + 1, given_at=now)
        free[seat.agent_id] = taken
        if not taken.is_free:
            del free[seat.agent_id]
    return found


def _preference(waiter: Waiter, seat: Seat, now: datetime) -> tuple[bool, bool, int, bool, float, float, str]:
    given = seat.given_at.timestamp() if seat.given_at else 0.0
    gave_it_up = seat.agent_id == waiter.given_up_by
    lately = waiter.ended_at is not None and now - waiter.ended_at <= SAME_AGENT_FOR
    had_it = seat.agent_id == waiter.last_agent_id and (lately or waiter.ended_at is None)
    return gave_it_up, not (lately and had_it), seat.missed, not had_it, seat.load / seat.capacity, given, seat.agent_id

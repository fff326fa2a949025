"""Where a conversation can be passed on to, best first, and what will happen there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handoff.seats import Seat


@dataclass(frozen=True, slots=True)
class Colleague:
    """An agent. `fate` is what happens to the customer there, a label: `has_room`, `full`, `away` or `gone`."""

    agent_id: str
    name: str
    fate: str
    load: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Back:
    """The queue; with a topic for an agent who does that, None: for whoever has room."""

    topic: str | None


Place = Colleague | Back


def places(seats: Sequence[Seat]) -> tuple[Place, ...]:
    """Return colleagues who have room, then the queue, then colleagues of whom the agent is warned."""
    free = [one for one in seats if one.has_room]
    others = [one for one in seats if not one.has_room]
    topics = sorted({topic for one in seats if one.status == "on" for topic in one.topics})
    queue = (Back(None), *(Back(topic) for topic in topics))
    return (*map(_colleague, free), *queue, *map(_colleague, others))


def _colleague(seat: Seat) -> Colleague:
    fates = {"on": "has_room" if seat.has_room else "full", "away": "away"}
    return Colleague(seat.id, seat.name, fates.get(seat.status, "gone"), seat.load, seat.capacity)

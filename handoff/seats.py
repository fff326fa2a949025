"""The agents as others see them: whether they are there, and how much they have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, or_, select

from bot.delivery.clocks import RESPONSES
from bot.store.tables import agents, clocks, conversations
from handoff.crew import ANSWERS
from handoff.owner import Owner

NOTHING = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Seat:
    """An agent as the board shows them.

    Attributes:
        status: on, away, off, or gone: no page is open.
        load: conversations that take room now; `put_off` take none.
        waiting: of their conversations, those whose customer waits for an answer.
        languages, topics: empty is all.
    """

    id: str
    name: str
    role: str
    status: str
    load: int
    put_off: int
    waiting: int
    capacity: int
    languages: tuple[str, ...]
    topics: tuple[str, ...]
    seen_at: datetime | None

    @property
    def has_room(self) -> bool:
        """Whether the queue would give them one more."""
        return self.status == "on" and self.load < self.capacity


def seats(connection: Connection) -> tuple[Seat, ...]:
    """Return the agents who answer customers: who is on first, then away, off, and who is not there."""
    busy = or_(conversations.c.snoozed_until.is_(None), conversations.c.answer_by.is_not(None))
    open_clock = select(clocks.c.id).where(
        clocks.c.conversation_id == conversations.c.id, clocks.c.kind.in_(RESPONSES), clocks.c.ended_at.is_(None)
    )
    sums = (func.sum(case((which, 1), else_=0)) for which in (busy, ~busy, open_clock.exists()))
    held = select(conversations.c.agent_id, *sums).where(conversations.c.owner == Owner.AGENT.value)
    counts = {agent_id: found for agent_id, *found in connection.execute(held.group_by(conversations.c.agent_id))}
    order = {"on": 0, "away": 1, "off": 2}
    rows = connection.execute(select(agents).where(*ANSWERS).order_by(agents.c.name, agents.c.id)).all()
    return tuple(
        Seat(
            row.id,
            row.name,
            row.role,
            row.status,
            load=counts.get(row.id, NOTHING)[0],
            put_off=counts.get(row.id, NOTHING)[1],
            waiting=counts.get(row.id, NOTHING)[2],
            capacity=row.capacity,
            languages=tuple(row.languages),
            topics=tuple(row.topics),
            seen_at=row.seen_at,
        )
        for row in sorted(rows, key=lambda row: order.get(row.status, 3))
    )

"""Who can be given conversations at all: agents who are not disabled, in a role that answers."""

from __future__ import annotations

from sqlalchemy import Connection, select

from bot.store.tables import agents
from handoff.roles import ROLES_WITH, Right

ANSWERS = agents.c.disabled.is_(False), agents.c.role.in_(sorted(ROLES_WITH[Right.ANSWER]))
"""The condition on `agents`. Asked again under a lock by whoever gives a conversation to one."""
_TWO = select(agents.c.id).where(*ANSWERS).limit(2)


def two_of(connection: Connection) -> frozenset[str]:
    """Return the ids of two of them, or of all if there are fewer: enough to know whether one has a colleague."""
    return frozenset(connection.execute(_TWO).scalars())

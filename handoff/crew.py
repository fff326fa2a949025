"""Who can be given conversations at all: agents who are not disabled, in a role that answers."""

from __future__ import annotations

from bot.store.tables import agents
from handoff.roles import ROLES_WITH, Right

ANSWERS = agents.c.disabled.is_(False), agents.c.role.in_(sorted(ROLES_WITH[Right.ANSWER]))
"""The condition on `agents`. Asked again under a lock by whoever gives a conversation to one."""

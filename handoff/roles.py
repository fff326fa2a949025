"""The roles of the people behind the console, and what each may.

Agents answer customers. Leads also act on their colleagues' conversations and read boards and reports. Editors work
on the knowledge and see no customer. Admins may all of it, look after the agents and read the audit.
"""

from __future__ import annotations

from enum import StrEnum

ROLES = ("agent", "lead", "editor", "admin")


class Right(StrEnum):
    """What a role allows, whichever conversation it is about."""

    ANSWER = "answer"
    """To see customers and answer them."""
    LEAD = "lead"
    """To watch, to act on colleagues' conversations, to see boards, reports and messages that broke the bot."""
    EDIT = "edit"
    """To change what the bot knows."""
    ADMIN = "admin"
    """To look after agents and read the audit."""


ROLES_WITH: dict[Right, frozenset[str]] = {
    Right.ANSWER: frozenset({"agent", "lead", "admin"}),
    Right.LEAD: frozenset({"lead", "admin"}),
    Right.EDIT: frozenset({"editor", "admin"}),
    Right.ADMIN: frozenset({"admin"}),
}
"""Which roles have which right."""

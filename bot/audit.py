"""Who did what, to what, when and why: rows that are added and never changed.

Nothing in here may tell who a customer is: subjects are ids, and `before` and `after` hold roles, owners, versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from bot.storable import storable
from bot.store.tables import audit

COMMAND = "command"
"""Who acts in a terminal on the shop's own machine."""
SYSTEM = "system"
NOBODY = "nobody"
"""Who is not known, e.g. at a login that failed."""
MOST = 200
MAX_WHY = 500


class What(StrEnum):
    """What is written down."""

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"
    SESSION_ENDED = "session_ended"
    """By hand, one's own or another's; `subject` tells whose."""
    PASSWORD = "password"  # noqa: S105 (the name of an act)
    SECOND_FACTOR = "second_factor"
    """Switched on or off, or its recovery codes made anew."""
    LINK = "link"
    """A one-time login link was made."""
    KEY = "key"
    """A key by which a program acts as an agent was made, or ended."""
    REVEAL = "reveal"
    """A masked field of a customer was shown; `why` is what the agent gave as reason."""
    EXPORT = "export"
    AGENT_ADDED = "agent_added"
    AGENT_CHANGED = "agent_changed"
    AGENT_DISABLED = "agent_disabled"
    ROLE = "role"
    REASSIGN = "reassign"
    """A conversation was given to another agent by somebody who did not have it."""
    KNOWLEDGE = "knowledge"
    """A new set of knowledge answers; `after` names its version."""
    ROLLBACK = "rollback"
    CAMPAIGN_PLAN = "campaign_plan"
    """A campaign was planned, or approved by somebody else."""
    CAMPAIGN_START = "campaign_start"
    CAMPAIGN_STOP = "campaign_stop"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the audit. `who` is `agent:ID`, `command`, `system` or `nobody`; `subject` is like `agent:ID`."""

    id: int
    at: datetime
    who: str
    what: str
    subject: str
    before: Any
    after: Any
    why: str
    address: str


def by(agent_id: str) -> str:
    """Return how an agent is named as the one who acts."""
    return f"agent:{agent_id}"


def record(
    connection: Connection,
    who: str,
    what: What,
    subject: str,
    now: datetime,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    why: str = "",
    address: str = "",
) -> None:
    """Write down an act, in the transaction of the act itself."""
    row = {"at": now, "who": who[:100], "what": what.value, "subject": subject[:300], "address": address[:64]}
    row |= {"why": storable(why).strip()[:MAX_WHY]}
    values = {"before": None if before is None else dict(before), "after": None if after is None else dict(after)}
    connection.execute(audit.insert().values(**row, **values))


def entries(
    connection: Connection, *, what: What | None = None, before_id: int | None = None, limit: int = MOST
) -> tuple[Entry, ...]:
    """Return what was written down, newest first.

    Args:
        what: only acts of this kind.
        before_id: only what is older than this row: the last one of the page before.
    """
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if what is not None:
        query = query.where(audit.c.what == what.value)
    if before_id is not None:
        query = query.where(audit.c.id < before_id)
    return tuple(Entry(**row) for row in connection.execute(query).mappings())

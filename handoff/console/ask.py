"""What one page wants to see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ask:
    """What the agent wants to see.

    Attributes:
        tab, filter: a tab, and in the tab of tasks which of them.
        selected: a conversation, `limit` how many of its lines.
        beside: another conversation of the same person, None for none.
    """

    tab: str
    filter: str
    selected: str | None
    limit: int
    beside: str | None = None

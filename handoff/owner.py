"""Who can own a conversation, and how that changes. Pure: `handoff.ownership` does it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.errors import Conflict


class Owner(StrEnum):
    BOT = "bot"
    QUEUE = "queue"
    AGENT = "agent"
    CLOSED = "closed"


class Move(StrEnum):
    """What can happen to an owner."""

    TO_QUEUE = "to_queue"
    RELEASE = "release"
    LOSE = "lose"
    ASSIGN = "assign"
    TAKE = "take"
    GIVE_BACK = "give_back"
    TRANSFER = "transfer"
    CLOSE = "close"
    REOPEN = "reopen"


RULES: dict[Move, tuple[frozenset[Owner], Owner]] = {
    Move.TO_QUEUE: (frozenset({Owner.BOT, Owner.CLOSED}), Owner.QUEUE),
    Move.RELEASE: (frozenset({Owner.AGENT}), Owner.QUEUE),
    Move.LOSE: (frozenset({Owner.AGENT}), Owner.QUEUE),
    Move.ASSIGN: (frozenset({Owner.QUEUE}), Owner.AGENT),
    Move.TAKE: (frozenset({Owner.BOT, Owner.QUEUE, Owner.CLOSED}), Owner.AGENT),
    Move.GIVE_BACK: (frozenset({Owner.AGENT}), Owner.BOT),
    Move.TRANSFER: (frozenset({Owner.AGENT}), Owner.AGENT),
    Move.CLOSE: (frozenset({Owner.AGENT}), Owner.CLOSED),
    Move.REOPEN: (frozenset({Owner.CLOSED, Owner.QUEUE}), Owner.BOT),
}
"""From which owners a move is allowed, and to which it leads."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns a conversation. `agent_id` is set exactly while `owner` is `agent`."""

    conversation_id: str
    owner: Owner
    epoch: int
    agent_id: str | None


def after(now: Ownership, move: Move, agent_id: str | None = None) -> Ownership:
    """Return the ownership that `move` leads to.

    Args:
        agent_id: the agent who gets it, for `take` and `transfer`.

    Raises:
        Conflict: the move is not allowed from here.
    """
    allowed, owner = RULES[move]
    if now.owner not in allowed:
        raise Conflict(f"The conversation is now with: {now.owner.value}. Look at its new state and try again.")
    if (owner is Owner.AGENT) != (agent_id is not None):
        raise ValueError("an agent is named exactly when the move leads to one")
    return Ownership(now.conversation_id, owner, now.epoch + 1, agent_id)

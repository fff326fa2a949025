"""Who speaks for the shop in a conversation: bot, queue, agent or nobody until the customer writes again (closed).

Every move is a function of the caller's transaction. It raises the conversation's epoch by one with a compare-and-set
on the old epoch, so whatever was written under the old owner is refused at send time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select, update

from bot.errors import Conflict, NotFound
from bot.store.tables import agents, conversations, notes


class Owner(StrEnum):
    BOT = "bot"
    QUEUE = "queue"
    AGENT = "agent"
    CLOSED = "closed"


class Move(StrEnum):
    """What can happen to an owner."""

    TO_QUEUE = "to_queue"
    RELEASE = "release"
    TAKE = "take"
    GIVE_BACK = "give_back"
    TRANSFER = "transfer"
    CLOSE = "close"
    REOPEN = "reopen"


RULES: dict[Move, tuple[frozenset[Owner], Owner]] = {
    Move.TO_QUEUE: (frozenset({Owner.BOT, Owner.CLOSED}), Owner.QUEUE),
    Move.RELEASE: (frozenset({Owner.AGENT}), Owner.QUEUE),
    Move.TAKE: (frozenset({Owner.BOT, Owner.QUEUE, Owner.CLOSED}), Owner.AGENT),
    Move.GIVE_BACK: (frozenset({Owner.AGENT}), Owner.BOT),
    Move.TRANSFER: (frozenset({Owner.AGENT}), Owner.AGENT),
    Move.CLOSE: (frozenset({Owner.AGENT}), Owner.CLOSED),
    Move.REOPEN: (frozenset({Owner.CLOSED, Owner.QUEUE}), Owner.BOT),
}
"""From which owners a move is allowed, and to which it leads."""

_NOTES = {
    Move.TO_QUEUE: "handoff",
    Move.RELEASE: "handoff",
    Move.TAKE: "taken",
    Move.GIVE_BACK: "transferred",
    Move.TRANSFER: "transferred",
    Move.CLOSE: "closed",
    Move.REOPEN: "transferred",
}


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


def current(connection: Connection, conversation_id: str) -> Ownership:
    """Return the present ownership.

    Raises:
        NotFound: there is no such conversation.
    """
    columns = conversations.c.owner, conversations.c.epoch, conversations.c.agent_id
    row = connection.execute(select(*columns).where(conversations.c.id == conversation_id)).first()
    if row is None:
        raise NotFound
    return Ownership(conversation_id, Owner(row.owner), row.epoch, row.agent_id)


def held_by(connection: Connection, conversation_id: str, agent_id: str) -> Ownership:
    """Return the ownership if it is this agent's.

    Raises:
        Conflict: it is somebody else's.
    """
    held = current(connection, conversation_id)
    if held.owner is not Owner.AGENT or held.agent_id != agent_id:
        raise Conflict("The conversation is no longer yours. Take it again before you act on it.")
    return held


def to_queue(
    connection: Connection, conversation_id: str, reason: str, priority: int, now: datetime, author: str = "bot"
) -> Ownership:
    """Put the conversation into the queue, where an agent takes it.

    Args:
        reason: why, as the agent reads it.
        priority: higher is taken first.

    Raises:
        Conflict: it waits already, an agent has it, or someone moved it meanwhile.
    """
    before = current(connection, conversation_id)
    columns = {"reason": reason, "priority": priority, "queued_at": now}
    return _move(connection, before, after(before, Move.TO_QUEUE), Move.TO_QUEUE, now, author, reason, columns)


def release(connection: Connection, conversation_id: str, agent_id: str, now: datetime) -> Ownership:
    """Put an agent's conversation back into the queue, with its reason and priority, for another agent.

    Raises:
        Conflict: it is not this agent's.
    """
    before = held_by(connection, conversation_id, agent_id)
    new = after(before, Move.RELEASE)
    return _move(connection, before, new, Move.RELEASE, now, f"agent:{agent_id}", "", {"queued_at": now})


def take(connection: Connection, conversation_id: str, agent_id: str, now: datetime) -> Ownership:
    """Give the conversation to the agent who asks for it, from the queue, the bot or closed.

    Raises:
        Conflict: another agent has it, or was faster.
        NotFound: there is no such agent at work.
    """
    before = current(connection, conversation_id)
    _name_of(connection, agent_id)
    return _move(connection, before, after(before, Move.TAKE, agent_id), Move.TAKE, now, f"agent:{agent_id}", "", {})


def give_back(connection: Connection, conversation_id: str, agent_id: str, reason: str, now: datetime) -> Ownership:
    """Hand the conversation back to the bot.

    Raises:
        Conflict: it is not this agent's.
    """
    before = held_by(connection, conversation_id, agent_id)
    text = _to("bot", reason)
    return _move(
        connection, before, after(before, Move.GIVE_BACK), Move.GIVE_BACK, now, f"agent:{agent_id}", text, _DONE
    )


def transfer(
    connection: Connection,
    conversation_id: str,
    agent_id: str,
    to_agent_id: str,
    reason: str,
    now: datetime,
    by: str | None = None,
) -> Ownership:
    """Pass the conversation from one agent to another.

    Args:
        by: who decides it, if that is not `agent_id` (a lead). The caller checks the right to.

    Raises:
        Conflict: it is not `agent_id`'s.
        NotFound: there is no such agent at work.
    """
    before = held_by(connection, conversation_id, agent_id)
    text = _to(_name_of(connection, to_agent_id), reason)
    new = after(before, Move.TRANSFER, to_agent_id)
    return _move(connection, before, new, Move.TRANSFER, now, f"agent:{by or agent_id}", text, {})


def close(connection: Connection, conversation_id: str, agent_id: str, reason: str, now: datetime) -> Ownership:
    """End the talk. The next inbound reopens it to the bot.

    Raises:
        Conflict: it is not this agent's.
    """
    before = held_by(connection, conversation_id, agent_id)
    return _move(connection, before, after(before, Move.CLOSE), Move.CLOSE, now, f"agent:{agent_id}", reason, _DONE)


def reopen(connection: Connection, conversation_id: str, now: datetime) -> Ownership:
    """Give the bot a closed conversation whose customer wrote again, or one whose customer no longer wants to wait.

    Raises:
        Conflict: an agent or the bot has it.
    """
    before = current(connection, conversation_id)
    return _move(connection, before, after(before, Move.REOPEN), Move.REOPEN, now, "bot", _to("bot", ""), {})


_DONE: dict[str, Any] = {"reason": "", "priority": 0}


def _move(
    connection: Connection,
    old: Ownership,
    new: Ownership,
    move: Move,
    now: datetime,
    author: str,
    text: str,
    columns: dict[str, Any],
) -> Ownership:
    changed = connection.execute(
        update(conversations)
        .where(conversations.c.id == old.conversation_id, conversations.c.epoch == old.epoch)
        .values(
            {
                "owner": new.owner.value,
                "epoch": new.epoch,
                "agent_id": new.agent_id,
                "queued_at": None,
                "updated_at": now,
                **columns,
            }
        )
    )
    if changed.rowcount != 1:
        raise Conflict
    connection.execute(
        notes.insert().values(conversation_id=old.conversation_id, author=author, kind=_NOTES[move], text=text, at=now)
    )
    return new


def _name_of(connection: Connection, agent_id: str) -> str:
    # Locked: who is disabled at this moment either gives back this conversation too, or does not get it.
    at_work = select(agents.c.name).where(agents.c.id == agent_id, agents.c.disabled.is_(False))
    row = connection.execute(at_work.with_for_update(read=True)).first()
    if row is None:
        raise NotFound("There is no such agent at work. Choose another one.")
    return str(row.name)


def _to(name: str, reason: str) -> str:
    return f"→ {name} · {reason}" if reason else f"→ {name}"

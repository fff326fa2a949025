"""Who speaks for the shop in a conversation: bot, queue, agent or nobody until the customer writes again (closed).

Every move is a function of the caller's transaction. It raises the conversation's epoch by one with a compare-and-set
on the old epoch, so whatever was written under the old owner is refused at send time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from bot import audit
from bot.audit import What
from bot.delivery import clocks
from bot.delivery.outgoing import Happened, tell
from bot.delivery.timers import set_timer
from bot.errors import Conflict, NotFound
from bot.messages import EventName
from bot.store.tables import agents, conversations, notes
from handoff import typed, waits
from handoff.crew import ANSWERS
from handoff.owner import Move, Owner, Ownership, after

ASSIGN = "assign"
"""The timer that looks through the queue."""
ANSWER = "answer"
"""The timer that takes a conversation from an agent who does not answer."""
PATIENCE = "patience"
"""The timer that ends a wait that is too long; it knows how long that is."""
CSAT_AFTER = timedelta(minutes=1)
"""How long after the close the customer is asked how it was, unless they write again."""


_EVENTS: dict[Owner, EventName] = {
    Owner.QUEUE: "conversation.queued",
    Owner.AGENT: "conversation.assigned",
    Owner.CLOSED: "conversation.closed",
}
_NOTES = {
    Move.TO_QUEUE: "handoff",
    Move.RELEASE: "handoff",
    Move.LOSE: "lost",
    Move.ASSIGN: "assigned",
    Move.TAKE: "taken",
    Move.GIVE_BACK: "transferred",
    Move.TRANSFER: "transferred",
    Move.CLOSE: "closed",
    Move.REOPEN: "reopened",
}


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
    """Return the ownership if it is this agent's. It stays so until the caller's transaction ends.

    Raises:
        Conflict: it is somebody else's.
        NotFound: there is no such conversation.
    """
    # Locked: an answer must not erase what another agent, who got the conversation meanwhile, owes the customer.
    of_talk = select(conversations.c.id).where(conversations.c.id == conversation_id)
    connection.execute(of_talk.with_for_update(key_share=True))
    held = current(connection, conversation_id)
    if held.owner is not Owner.AGENT or held.agent_id != agent_id:
        raise Conflict("The conversation is no longer yours. Take it again before you act on it.")
    return held


def to_queue(
    connection: Connection,
    conversation_id: str,
    reason: str,
    priority: int,
    now: datetime,
    author: str = "bot",
    place_at: datetime | None = None,
) -> Ownership:
    """Put the conversation into the queue, where an agent takes it.

    Args:
        reason: why, as the agent reads it.
        priority: higher is taken first.
        place_at: since when it counts as waiting, if that is not now.

    Raises:
        Conflict: it waits already, an agent has it, or someone moved it meanwhile.
    """
    before = current(connection, conversation_id)
    place = place_at or now
    columns = {"reason": reason, "priority": priority, "queued_at": place, "place_at": place, **_UNTOLD}
    return _move(connection, before, after(before, Move.TO_QUEUE), Move.TO_QUEUE, now, author, reason, columns)


def release(
    connection: Connection,
    conversation_id: str,
    agent_id: str,
    now: datetime,
    reason: str = "",
    topic: str | None = None,
) -> Ownership:
    """Put an agent's conversation back into the queue, with its reason and priority, for another agent.

    A customer who waits for an answer keeps their place.

    Args:
        reason: why, as the next agent reads it.
        topic: what it is about, for an agent who does that; None: as it was.

    Raises:
        Conflict: it is not this agent's.
    """
    before = held_by(connection, conversation_id, agent_id)
    new = after(before, Move.RELEASE)
    place = _kept_place(connection, conversation_id)["place_at"] or now
    # Forgotten: else the one who had it last would be the first to get it again.
    columns = {"queued_at": place, "place_at": place, "last_agent_id": None, **_UNTOLD}
    if topic is not None:
        columns["topic"] = topic
    return _move(connection, before, new, Move.RELEASE, now, f"agent:{agent_id}", reason, columns)


def lose(connection: Connection, conversation_id: str, agent_id: str, now: datetime) -> Ownership:
    """Put the conversation of an agent who does not answer back into the queue, where it has its old place.

    If its customer waited for nothing it gets a new place.

    Raises:
        Conflict: it is not this agent's.
    """
    before = held_by(connection, conversation_id, agent_id)
    place = select(conversations.c.place_at).where(conversations.c.id == conversation_id)
    since = connection.execute(place).scalar()
    columns = {"queued_at": since or now, "place_at": since or now, **({} if since else _UNTOLD)}
    new = after(before, Move.LOSE)
    return _move(connection, before, new, Move.LOSE, now, f"agent:{agent_id}", "", columns)


def assign(
    connection: Connection, conversation_id: str, agent_id: str, answer_by: datetime, now: datetime
) -> Ownership:
    """Give a conversation of the queue to an agent on duty, who has until `answer_by` to answer.

    Raises:
        Conflict: it does not wait any more.
    """
    before = current(connection, conversation_id)
    new = after(before, Move.ASSIGN, agent_id)
    columns = {"answer_by": answer_by, **_kept_place(connection, conversation_id)}
    return _move(connection, before, new, Move.ASSIGN, now, f"agent:{agent_id}", "", columns)


def take(connection: Connection, conversation_id: str, agent_id: str, now: datetime) -> Ownership:
    """Give the conversation to the agent who asks for it, from the queue, the bot or closed.

    Raises:
        Conflict: another agent has it, or was faster.
        NotFound: there is no such agent at work who answers.
    """
    before = current(connection, conversation_id)
    _name_of(connection, agent_id)
    columns = _kept_place(connection, conversation_id) if before.owner is Owner.QUEUE else {}
    new = _move(
        connection, before, after(before, Move.TAKE, agent_id), Move.TAKE, now, f"agent:{agent_id}", "", columns
    )
    if before.owner is Owner.QUEUE:
        _let_answer(connection, new, now)
    return new


def give_back(connection: Connection, conversation_id: str, agent_id: str, reason: str, now: datetime) -> Ownership:
    """Hand the conversation back to the bot.

    Raises:
        Conflict: it is not this agent's.
    """
    before = held_by(connection, conversation_id, agent_id)
    text = _to("→", "bot", reason)
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
        Conflict: it is not `agent_id`'s, or it is to go where it is.
        NotFound: there is no such agent at work who answers.
    """
    before = held_by(connection, conversation_id, agent_id)
    if to_agent_id == agent_id:  # which would only begin the time to answer anew
        raise Conflict("This agent has the conversation already. Choose another one.")
    text = _to("→", _name_of(connection, to_agent_id), reason)
    new = after(before, Move.TRANSFER, to_agent_id)
    if by not in (None, agent_id):
        old, now_with = {"agent": agent_id}, {"agent": to_agent_id}
        subject = f"conversation:{conversation_id}"
        audit.record(connection, audit.by(str(by)), What.REASSIGN, subject, now, before=old, after=now_with, why=reason)
    kept = _kept_place(connection, conversation_id)
    told = Move.TRANSFER
    if by == to_agent_id:  # who takes over passes nothing on
        told, text = Move.TAKE, _to("←", _known_name(connection, agent_id), reason)
    _move(connection, before, new, told, now, f"agent:{by or agent_id}", text, kept)
    if kept["place_at"] is not None:  # the customer waits for an answer, now for this agent's
        _let_answer(connection, new, now)
    return new


def close(connection: Connection, conversation_id: str, agent_id: str, reason: str, now: datetime) -> Ownership:
    """End the talk. The next inbound reopens it to the bot.

    Raises:
        Conflict: it is not this agent's.
    """
    before = held_by(connection, conversation_id, agent_id)
    new = _move(connection, before, after(before, Move.CLOSE), Move.CLOSE, now, f"agent:{agent_id}", reason, _DONE)
    asked_about = {"conversation_id": conversation_id, "epoch": new.epoch}
    set_timer(connection, f"csat:{conversation_id}:{new.epoch}", "csat", asked_about, now + CSAT_AFTER)
    return new


def reopen(connection: Connection, conversation_id: str, now: datetime) -> Ownership:
    """Give the bot a closed conversation whose customer wrote again, or one whose customer no longer wants to wait.

    Raises:
        Conflict: an agent or the bot has it.
    """
    before = current(connection, conversation_id)
    return _move(connection, before, after(before, Move.REOPEN), Move.REOPEN, now, "bot", "", {})


_DONE: dict[str, Any] = {"reason": "", "priority": 0}
_UNTOLD: dict[str, Any] = {"told_place": None, "told_at": None}
_AFRESH: dict[str, Any] = {
    "queued_at": None,
    "place_at": None,
    "assigned_at": None,
    "answer_by": None,
    "snoozed_until": None,
}
"""What is forgotten at every move, unless the move says otherwise."""


def _kept_place(connection: Connection, conversation_id: str) -> dict[str, Any]:
    place = select(conversations.c.place_at).where(conversations.c.id == conversation_id)
    return {"place_at": connection.execute(place).scalar()}


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
    text = typed.reason(text)
    changed = connection.execute(
        update(conversations)
        .where(conversations.c.id == old.conversation_id, conversations.c.epoch == old.epoch)
        .values(
            {
                "owner": new.owner.value,
                "epoch": new.epoch,
                "agent_id": new.agent_id,
                "updated_at": now,
                **_AFRESH,
                **({"assigned_at": now, "last_agent_id": new.agent_id} if new.agent_id else {}),
                **columns,
            }
        )
    )
    if changed.rowcount != 1:
        raise Conflict
    who = new.agent_id or old.agent_id
    clocks.moved(connection, old.conversation_id, old.owner.value, new.owner.value, who, now)
    _tell_the_queue(connection, old, new, now)
    connection.execute(
        notes.insert().values(conversation_id=old.conversation_id, author=author, kind=_NOTES[move], text=text, at=now)
    )
    _tell(connection, new, now)
    return new


def _tell(connection: Connection, new: Ownership, now: datetime) -> None:
    name = _EVENTS.get(new.owner)
    if name is not None:
        data = {"conversation_id": new.conversation_id, "epoch": new.epoch, "agent_id": new.agent_id}
        tell(connection, [Happened(name, f"{new.conversation_id}:{new.epoch}", data)], now)


def _tell_the_queue(connection: Connection, old: Ownership, new: Ownership, now: datetime) -> None:
    """End the wait that is over, give a new one its end, and let the queue be looked through after this transaction."""
    if old.owner is Owner.QUEUE:
        result = waits.TAKEN if new.owner is Owner.AGENT else new.owner.value
        waits.end(connection, old.conversation_id, old.epoch, result, now)
    if new.owner is Owner.QUEUE:  # whoever put it there: nobody waits for ever
        waits.enter(connection, old.conversation_id, new.epoch, now)
        payload = {"id": old.conversation_id, "epoch": new.epoch, "since": now.isoformat()}
        set_timer(connection, f"patience:{old.conversation_id}:{new.epoch}", PATIENCE, payload, now)
    if old.owner in (Owner.QUEUE, Owner.AGENT) or new.owner is Owner.QUEUE:
        gave_up = new.owner is Owner.QUEUE and old.agent_id
        given_up = {"id": old.conversation_id, "agent": old.agent_id} if gave_up else None
        look_through(connection, f"{old.conversation_id}:{new.epoch}", now, given_up)


def _let_answer(connection: Connection, held: Ownership, now: datetime) -> None:
    """Have the agent owe an answer; the timer knows how long that may take."""
    payload = {"id": held.conversation_id, "epoch": held.epoch}
    set_timer(connection, f"answer:{held.conversation_id}:{held.epoch}", ANSWER, payload, now)


def look_through(
    connection: Connection, cause: str, now: datetime, given_up: dict[str, str | None] | None = None
) -> None:
    """Have the queue looked through once this transaction is over.

    A timer, because that survives whatever happens to this process, and because giving out conversations locks those
    of others: in a transaction of its own it can wait for everybody and nobody waits for it.

    Args:
        cause: what changed, and never the same twice: whoever changes a timer that fires waits for what it does.
        given_up: id of a conversation and the agent who gave it up just now: others get it first.
    """
    set_timer(connection, f"assign:{cause}", ASSIGN, given_up or {}, now)


def _name_of(connection: Connection, agent_id: str) -> str:
    # Locked: who leaves the crew at this moment either gives back this conversation too, or does not get it.
    known = select(agents.c.name).where(agents.c.id == agent_id, *ANSWERS)
    row = connection.execute(known.with_for_update(read=True)).first()
    if row is None:
        raise NotFound("There is no such agent at work. Choose another one.")
    return str(row.name)


def _known_name(connection: Connection, agent_id: str) -> str:
    return str(connection.execute(select(agents.c.name).where(agents.c.id == agent_id)).scalar() or "")


def _to(arrow: str, name: str, reason: str) -> str:
    return f"{arrow} {name} · {reason}" if reason else f"{arrow} {name}"

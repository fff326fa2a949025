"""An agent's desk: one conversation, and what an agent can do in it. Read models are frozen."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, select, update

from bot.delivery import outbox as door
from bot.errors import Conflict, NotFound
from bot.messages import CUSTOMER_TYPES_FOR, File, Purpose
from bot.shop.port import Shop
from bot.store.insert import insert_once
from bot.store.tables import conversations, inbox, notes, outbox
from handoff import ownership, tasks, typed
from handoff.access import access_conversation
from handoff.answering import answered
from handoff.customer import Customer, customer
from handoff.owner import Owner
from handoff.people import Agent
from handoff.rights import Rights, rights
from handoff.talks import Talk, of_ids
from handoff.transcript import RETRYABLE, Line, transcript

TYPES_FOR = timedelta(seconds=6)
"""How long an agent counts as writing after a key was pressed."""
MOST_AGAIN = 50
"""How often a message that did not arrive can be sent again: so many keys are looked for when its first one comes."""


class NothingSaid(Conflict):
    """Write something first."""

    code = "nothing_said"


class TriedOften(Conflict):
    """This message was sent again too often. Write it anew."""

    code = "tried_often"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, whole."""

    talk: Talk
    epoch: int
    lines: tuple[Line, ...]
    customer: Customer
    rights: Rights | None
    language: str = ""
    """That the bot spoke in it last; empty if it has not spoken."""


def conversation(
    connection: Connection,
    shop: Shop,
    conversation_id: str,
    viewer: Agent,
    now: datetime,
    counting: Collection[str],
    limit: int = 100,
) -> Conversation:
    """Return one conversation with its newest `limit` lines.

    Args:
        counting: the channels that count windows (`Limits.counts_windows`).

    Raises:
        NotFound: there is no such conversation, or it is not for this viewer.
    """
    held = access_conversation(connection, viewer, conversation_id)
    talk = of_ids(connection, [conversation_id]).get(conversation_id)
    if talk is None:
        raise NotFound
    return Conversation(
        talk=talk,
        epoch=held.epoch,
        lines=transcript(
            connection, conversation_id, now, limit, viewer.leads, viewer.leads or held.agent_id == viewer.id
        ),
        customer=customer(connection, shop, conversation_id),
        rights=rights(connection, conversation_id, talk.channel in counting, now),
        language=_language(connection, conversation_id),
    )


def _language(connection: Connection, conversation_id: str) -> str:
    state = connection.execute(_STATE, {"talk": conversation_id}).scalar()
    return str(state.get("language") or "") if isinstance(state, dict) else ""


def is_customer_typing(connection: Connection, conversation_id: str, now: datetime) -> bool:
    """Return whether the customer is writing now; False where the channel does not tell."""
    row = connection.execute(_TYPES, {"talk": conversation_id}).first()
    if row is None or row.customer_typing_until is None or row.customer_typing_until <= now:
        return False
    return row.said_at is None or row.said_at <= row.customer_typing_until - CUSTOMER_TYPES_FOR


_STATE = select(conversations.c.state).where(conversations.c.id == bindparam("talk"))
_SAID_LAST = select(func.max(inbox.c.received_at)).where(inbox.c.conversation_id == bindparam("talk")).scalar_subquery()
_TYPES = select(conversations.c.customer_typing_until, _SAID_LAST.label("said_at")).where(
    conversations.c.id == bindparam("talk")
)


# --- what an agent does --------------------------------------------------------------------------------------------
def reply(
    connection: Connection,
    conversation_id: str,
    agent_id: str,
    text: str,
    key: str,
    now: datetime,
    picture: File | None = None,
) -> bool:
    """Put an agent's words, a picture or both into the outbox. Return False if they came with `key` before.

    Args:
        key: unique for ever; the same key twice says it once, also after it was sent again.

    Raises:
        Conflict: the conversation is no longer this agent's.
        NothingSaid: there is nothing to say.
        TooLong: there is too much to say at once.
    """
    held = ownership.held_by(connection, conversation_id, agent_id)
    if not (text := typed.message(text)) and picture is None:
        raise NothingSaid
    if came_before(connection, key) is not None:
        return False
    draft = door.Draft(
        key=key,
        conversation_id=conversation_id,
        purpose=Purpose.HUMAN,
        text=text,
        author=f"agent:{agent_id}",
        epoch=held.epoch,
        picture=picture,
    )
    if not door.put(connection, draft, now):
        return False
    answered(connection, conversation_id, agent_id, now)
    of_talk = conversations.c.id == conversation_id
    connection.execute(update(conversations).where(of_talk).values(seen_at=now, updated_at=now, typing_until=None))
    return True


def take(connection: Connection, conversation_id: str, agent: Agent, now: datetime) -> None:
    """Take a conversation; a lead may also take it from another agent.

    Raises:
        Conflict: another agent has it, or was faster.
        NotFound: there is no such conversation, or it is not for this agent.
    """
    held = access_conversation(connection, agent, conversation_id)
    if held.agent_id and held.agent_id != agent.id and agent.leads:
        ownership.transfer(connection, conversation_id, held.agent_id, agent.id, "", now, by=agent.id)
    else:
        ownership.take(connection, conversation_id, agent.id, now)


def note(connection: Connection, conversation_id: str, agent: Agent, text: str, key: str, now: datetime) -> bool:
    """Keep a private note, seen by agents only. Return False if `key` is there already.

    Args:
        key: unique for ever; the same key twice keeps it once.

    Raises:
        NothingSaid: there is nothing to keep.
        TooLong: there is too much of it.
        NotFound: there is no such conversation, or it is not for this agent.
    """
    access_conversation(connection, agent, conversation_id)
    if not (text := typed.message(text)):
        raise NothingSaid
    row = {"conversation_id": conversation_id, "author": f"agent:{agent.id}", "kind": "note", "text": text, "at": now}
    return insert_once(connection, notes, row | {"key": key})


def came_before(connection: Connection, key: str) -> Row[Any] | None:
    """Return the reply that came with this key, also if it was sent again since under another one."""
    # All by their whole keys: for what a key begins with, PostgreSQL would read the outbox from end to end.
    keys = [key, *(f"{key}~{number}" for number in range(1, MOST_AGAIN + 1))]
    return connection.execute(select(outbox).where(outbox.c.key.in_(keys))).first()


def was_said(connection: Connection, key: str) -> bool:
    """Return whether a reply or a note came with this key."""
    noted = select(notes.c.id).where(notes.c.key == key)
    return came_before(connection, key) is not None or connection.execute(noted).first() is not None


def retry_send(connection: Connection, outbox_id: int, agent_id: str, now: datetime) -> None:
    """Send an agent's message again that did not arrive.

    One whose fate nobody knows keeps its id, so that a platform that has it drops the repeat; one that certainly did
    not arrive gets a new id, or the platform would drop it as well.

    The task that was made of it is done with that, and the customer counts as answered, unless it fails again.

    Raises:
        Conflict: it is on its way already, was not an agent's, or the conversation is no longer this agent's.
        NotFound: there is no such message.
        TriedOften: it was sent again too often.
    """
    row = connection.execute(select(outbox).where(outbox.c.id == outbox_id)).first()
    if row is None:
        raise NotFound
    held = ownership.held_by(connection, row.conversation_id, agent_id)
    again = {"status": "waiting", "reason": "", "attempts": 0, "lease_until": None, "not_before": now}
    changed = connection.execute(
        update(outbox)
        .where(
            outbox.c.id == outbox_id,
            outbox.c.purpose == Purpose.HUMAN.value,
            outbox.c.status.in_(sorted(RETRYABLE)),
        )
        .values({**again, "not_after": None, "epoch": held.epoch, "key": _key_again(row.key, row.status)})
    )
    if changed.rowcount != 1:
        raise Conflict("This message is on its way already.")
    tasks.finish_send(connection, row.key)
    answered(connection, row.conversation_id, agent_id, now)


def _key_again(key: str, status: str) -> str:
    if status == "unsure":
        return key
    first, _, number = key.partition("~")
    if int(number or 0) >= MOST_AGAIN:
        raise TriedOften
    return f"{first}~{int(number or 0) + 1}"


def mark_seen(connection: Connection, conversation_id: str, agent_id: str, now: datetime) -> None:
    """Note that an agent has read everything. Reading over a colleague's shoulder does not count."""
    theirs = and_(conversations.c.owner == Owner.AGENT.value, conversations.c.agent_id != agent_id)
    connection.execute(update(conversations).where(conversations.c.id == conversation_id, ~theirs).values(seen_at=now))


def types(connection: Connection, conversation_id: str, agent_id: str, now: datetime) -> None:
    """Note that the agent who has a conversation is writing; for others nothing is noted."""
    of_agent = conversations.c.owner == Owner.AGENT.value, conversations.c.agent_id == agent_id
    writing = update(conversations).where(conversations.c.id == conversation_id, *of_agent)
    connection.execute(writing.values(typing_until=now + TYPES_FOR))

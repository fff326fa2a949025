"""An agent's desk: one conversation, and what an agent can do in it. Read models are frozen."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, select, update

from bot.delivery import outbox as door
from bot.errors import Conflict, NotFound
from bot.messages import File, Purpose
from bot.shop.port import Shop
from bot.store.tables import conversations, notes, outbox
from handoff import ownership, tasks
from handoff.customer import Customer, customer
from handoff.ownership import Owner
from handoff.people import Agent
from handoff.rights import Rights, rights
from handoff.talks import Talk, talks_where
from handoff.transcript import RETRYABLE, Line, transcript

TYPES_FOR = timedelta(seconds=6)
"""How long an agent counts as writing after a key was pressed."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, whole."""

    talk: Talk
    epoch: int
    lines: tuple[Line, ...]
    customer: Customer
    rights: Rights | None


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
        NotFound: there is no such conversation.
    """
    found = talks_where(connection, conversations.c.id == conversation_id, (), 1)
    if not found:
        raise NotFound
    return Conversation(
        talk=found[0],
        epoch=ownership.current(connection, conversation_id).epoch,
        lines=transcript(connection, conversation_id, now, limit, errors=viewer.leads),
        customer=customer(connection, shop, conversation_id, viewer.leads),
        rights=rights(connection, conversation_id, found[0].channel in counting, now),
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
    """Put an agent's words, a picture or both into the outbox. Return False if `key` is there already.

    Args:
        key: unique for ever; the same key twice says it once.

    Raises:
        Conflict: the conversation is no longer this agent's, or there is nothing to say.
    """
    held = ownership.held_by(connection, conversation_id, agent_id)
    if not (text := text.strip()) and picture is None:
        raise Conflict("Write something first.")
    draft = door.Draft(
        key=key,
        conversation_id=conversation_id,
        purpose=Purpose.HUMAN,
        text=text,
        author=f"agent:{agent_id}",
        epoch=held.epoch,
        picture=picture,
    )
    stored = door.put(connection, draft, now)
    of_talk = conversations.c.id == conversation_id
    connection.execute(update(conversations).where(of_talk).values(seen_at=now, updated_at=now, typing_until=None))
    return stored


def take(connection: Connection, conversation_id: str, agent: Agent, now: datetime) -> None:
    """Take a conversation; a lead may also take it from another agent.

    Raises:
        Conflict: another agent has it, or was faster.
    """
    held = ownership.current(connection, conversation_id)
    if held.agent_id and held.agent_id != agent.id and agent.leads:
        ownership.transfer(connection, conversation_id, held.agent_id, agent.id, "", now, by=agent.id)
    else:
        ownership.take(connection, conversation_id, agent.id, now)


def note(connection: Connection, conversation_id: str, agent_id: str, text: str, now: datetime) -> None:
    """Keep a private note, seen by agents only.

    Raises:
        Conflict: there is nothing to keep.
        NotFound: there is no such conversation.
    """
    ownership.current(connection, conversation_id)
    if not (text := text.strip()):
        raise Conflict("Write something first.")
    connection.execute(
        notes.insert().values(
            conversation_id=conversation_id, author=f"agent:{agent_id}", kind="note", text=text, at=now
        )
    )


def retry_send(connection: Connection, outbox_id: int, agent_id: str, now: datetime) -> None:
    """Send an agent's message again that did not arrive.

    One whose fate nobody knows keeps its id, so that a platform that has it drops the repeat; one that certainly did
    not arrive gets a new id, or the platform would drop it as well.

    The task that was made of it is done with that.

    Raises:
        Conflict: it is on its way already, was not an agent's, or the conversation is no longer this agent's.
        NotFound: there is no such message.
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


def _key_again(key: str, status: str) -> str:
    if status == "unsure":
        return key
    first, _, number = key.partition("~")
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

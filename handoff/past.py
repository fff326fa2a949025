"""What a person has talked about before, on this channel and on others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, select

from bot.store.tables import agents, conversations, identities, notes, proofs
from handoff.access import conversation_scope
from handoff.hiding import hidden
from handoff.people import Agent
from handoff.talks import Talk, talks_where

MOST = 5


@dataclass(frozen=True, slots=True)
class Closed:
    """A conversation that was brought to an end. `reason` is as the agent gave it, `agent` that agent's name."""

    conversation_id: str
    channel: str
    at: datetime
    agent: str
    reason: str


@dataclass(frozen=True, slots=True)
class Past:
    """Past ends, the newest first, and other conversations.

    Attributes:
        elsewhere: the same person's, on other channels.
        maybe: of who proved the same order, and so is perhaps the same person.
    """

    closed: tuple[Closed, ...] = ()
    elsewhere: tuple[Talk, ...] = ()
    maybe: tuple[Talk, ...] = ()


def past(connection: Connection, viewer: Agent, conversation_id: str) -> Past:
    """Return a person's other and earlier conversations that the viewer may see; nothing for groups."""
    person_id = connection.execute(
        select(identities.c.person_id)
        .join(conversations, conversations.c.identity_id == identities.c.id)
        .where(conversations.c.id == conversation_id)
    ).scalar()
    if person_id is None:
        return Past()
    of_person = select(conversations.c.id).join(identities, identities.c.id == conversations.c.identity_id)
    of_person = of_person.where(identities.c.person_id == person_id, conversation_scope(viewer))
    others = conversations.c.id.in_(of_person) & (conversations.c.id != conversation_id)
    newest = (conversations.c.updated_at.desc(),)
    maybe = conversations.c.id.in_(_same_orders(viewer, person_id))
    return Past(
        closed=_closed(connection, of_person),
        elsewhere=talks_where(connection, others, newest, MOST),
        maybe=talks_where(connection, maybe, newest, MOST),
    )


def _same_orders(viewer: Agent, person_id: str) -> Select[tuple[str]]:
    """Select what the viewer may see of others who proved an order that this person proved, too.

    Two people of one household may: so they are shown and never merged.
    """
    own = identities.alias("own")
    proven = select(proofs.c.order_number).join(own, own.c.id == proofs.c.identity_id)
    proven = proven.where(own.c.person_id == person_id)
    return (
        select(conversations.c.id)
        .join(identities, identities.c.id == conversations.c.identity_id)
        .join(proofs, proofs.c.identity_id == identities.c.id)
        .where(proofs.c.order_number.in_(proven), identities.c.person_id != person_id, conversation_scope(viewer))
    )


def _closed(connection: Connection, of_person: Select[tuple[str]]) -> tuple[Closed, ...]:
    query = (
        select(notes, conversations.c.channel, agents.c.name.label("agent"))
        .join(conversations, conversations.c.id == notes.c.conversation_id)
        .outerjoin(agents, notes.c.author == "agent:" + agents.c.id)
        .where(notes.c.conversation_id.in_(of_person), notes.c.kind == "closed")
        .order_by(notes.c.id.desc())
        .limit(MOST)
    )
    return tuple(
        Closed(row.conversation_id, row.channel, row.at, row.agent or "", hidden(row.text))
        for row in connection.execute(query)
    )

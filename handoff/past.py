"""What a person has talked about before, on this channel and on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, select

from bot.store.tables import agents, conversations, identities, notes, proofs
from handoff.access import conversation_scope
from handoff.hiding import hidden
from handoff.people import Agent
from handoff.talks import Talk, of_ids

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
    person_id = connection.execute(_PERSON, {"talk": conversation_id}).scalar()
    if person_id is None:
        return Past()
    own = _newest(connection, viewer, identities.c.person_id == person_id)
    return Past(
        closed=_closed(connection, own),
        elsewhere=_talks(connection, [one for one in own if one != conversation_id]),
        maybe=_talks(connection, _same_orders(connection, viewer, person_id)),
    )


_PERSON = (
    select(identities.c.person_id)
    .join(conversations, conversations.c.identity_id == identities.c.id)
    .where(conversations.c.id == bindparam("talk"))
)
_PROVEN = (
    select(proofs.c.order_number)
    .join(identities, identities.c.id == proofs.c.identity_id)
    .where(identities.c.person_id == bindparam("person"))
)


def _newest(connection: Connection, viewer: Agent, whose: ColumnElement[bool]) -> list[str]:
    """Return the conversations that the viewer may see of some of the accounts, the newest first."""
    of_accounts = select(conversations.c.id).join(identities, identities.c.id == conversations.c.identity_id)
    newest = of_accounts.order_by(conversations.c.updated_at.desc(), conversations.c.id)
    return list(connection.execute(newest.where(whose, conversation_scope(viewer))).scalars())


def _talks(connection: Connection, ids: Sequence[str]) -> tuple[Talk, ...]:
    found = of_ids(connection, ids[:MOST])
    return tuple(found[one] for one in ids[:MOST])


def _same_orders(connection: Connection, viewer: Agent, person_id: str) -> list[str]:
    """Return what the viewer may see of others who proved an order that this person proved, too.

    Two people of one household may: so they are shown and never merged.
    """
    numbers = connection.execute(_PROVEN, {"person": person_id}).scalars().all()
    if not numbers:
        return []
    proven = select(proofs.c.identity_id).where(proofs.c.order_number.in_(numbers))
    return _newest(connection, viewer, and_(identities.c.id.in_(proven), identities.c.person_id != person_id))


_CLOSED = (
    select(notes, conversations.c.channel, agents.c.name.label("agent"))
    .join(conversations, conversations.c.id == notes.c.conversation_id)
    .outerjoin(agents, notes.c.author == "agent:" + agents.c.id)
    .where(notes.c.conversation_id.in_(bindparam("talks", expanding=True)), notes.c.kind == "closed")
    .order_by(notes.c.at.desc(), notes.c.id.desc())  # by the id alone, SQLite would go through all notes for it
    .limit(MOST)
)


def _closed(connection: Connection, ids: Sequence[str]) -> tuple[Closed, ...]:
    found = connection.execute(_CLOSED, {"talks": ids}) if ids else ()
    return tuple(Closed(row.conversation_id, row.channel, row.at, row.agent or "", hidden(row.text)) for row in found)

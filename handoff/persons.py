"""Finding customers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, or_, select

from bot.store.tables import conversations, identities, persons, proofs
from handoff.access import conversation_scope, person_scope
from handoff.people import Agent

MOST_FOUND = 50


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A customer with their conversations, by channel: `{"web:shop": "id of the conversation"}`."""

    id: str
    name: str
    language: str
    conversations: dict[str, str]


def search_persons(connection: Connection, viewer: Agent, words: str, limit: int = MOST_FOUND) -> list[FoundPerson]:
    """Return customers that the viewer may see.

    Args:
        words: a part of a name, or all of an id on a platform or of the number of an order that was proven.
    """
    of_order = select(proofs.c.identity_id).where(proofs.c.order_number == words.strip().upper())
    wanted = or_(
        persons.c.name.icontains(words.strip(), autoescape=True),
        identities.c.name.icontains(words.strip(), autoescape=True),
        identities.c.user == words.strip(),
        identities.c.id.in_(of_order),
    )
    ids = select(persons.c.id).join(identities, identities.c.person_id == persons.c.id)
    ids = ids.where(wanted, person_scope(viewer)).distinct()
    found = connection.execute(ids.order_by(persons.c.id).limit(limit)).scalars().all()
    rows = connection.execute(
        select(
            persons.c.id,
            persons.c.name,
            persons.c.language,
            identities.c.name.label("account"),
            identities.c.channel,
            conversations.c.id.label("talk"),
        )
        .join(identities, identities.c.person_id == persons.c.id)
        .outerjoin(conversations, and_(conversations.c.identity_id == identities.c.id, conversation_scope(viewer)))
        .where(persons.c.id.in_(found))
        .order_by(persons.c.id, identities.c.created_at, identities.c.id)
    )
    people: dict[str, FoundPerson] = {}
    for row in rows:
        one = people.setdefault(row.id, FoundPerson(row.id, row.name or row.account, row.language, {}))
        if row.talk is not None:
            one.conversations[row.channel] = row.talk
    return list(people.values())

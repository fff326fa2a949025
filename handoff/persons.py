"""Finding customers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, or_, select

from bot.store.tables import conversations, identities, persons, proofs
from handoff.access import conversation_scope, identity_scope, person_scope
from handoff.hiding import hidden, may_find
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
    """Return customers that the viewer may see, found by what they may see of them.

    Args:
        words: a part of a name as it is shown, or all of an id on a platform or of the number of an order that was
            proven.
    """
    found = _found(connection, viewer, words.strip(), limit)
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
        one = people.setdefault(row.id, FoundPerson(row.id, hidden(row.name or row.account), row.language, {}))
        if row.talk is not None:
            one.conversations[row.channel] = row.talk
    return list(people.values())


def _found(connection: Connection, viewer: Agent, words: str, limit: int) -> list[str]:
    """Return the ids of who is found. A name is looked at once more: what of it is hidden finds nobody."""
    of_order = select(proofs.c.identity_id).where(proofs.c.order_number == words.upper())
    surely = or_(identities.c.user == words, identities.c.id.in_(of_order))
    named = [column.icontains(words, autoescape=True) for column in (persons.c.name, identities.c.name)]
    query = (
        select(persons.c.id, persons.c.name, identities.c.name.label("account"), surely.label("surely"))
        .join(identities, identities.c.person_id == persons.c.id)
        .where(or_(surely, *named), person_scope(viewer), identity_scope(viewer))
        .order_by(persons.c.id)
    )
    found: dict[str, None] = {}
    for row in connection.execute(query.execution_options(yield_per=10 * limit)):
        if row.surely or may_find(row.name, words) or may_find(row.account, words):
            found[row.id] = None
        if len(found) == limit:
            break
    return list(found)

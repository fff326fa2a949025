"""The only doors to what the shop knows of customers: for one thing by its id, and as filters for lists.

Every read and every action of the console, the API and the streams goes through one of these, in its own
transaction. What an agent may not see looks exactly like what is not there: `NotFound`.

Agents see every conversation, or with `[agents] see = "own"` all but those that a colleague has. Leads and admins see
every conversation, editors none.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, exists, false, or_, select, true

from bot.errors import NotAllowed, NotFound
from bot.messages import ChatKind, File
from bot.store.tables import conversations, identities, inbox, media, notes, orders, outbox, persons, proofs, tasks
from handoff.files import file_of
from handoff.owner import Owner, Ownership
from handoff.ownership import current
from handoff.people import Agent
from handoff.roles import ROLES_WITH, Right
from handoff.transcript import WHISPER


def may(actor: Agent, right: Right) -> bool:
    """Return whether the actor has a right."""
    return not actor.disabled and actor.role in ROLES_WITH[right]


def require(actor: Agent, right: Right) -> None:
    """Let only those through who have a right.

    Raises:
        NotAllowed: the actor's role does not have it.
    """
    if not may(actor, right):
        raise NotAllowed


def sees_all(actor: Agent) -> bool:
    """Return whether the actor may see every conversation: all who do see the same lists."""
    return may(actor, Right.LEAD) or (may(actor, Right.ANSWER) and actor.see == "all")


# --- filters for lists, counts, search, exports and streams --------------------------------------------------------
def conversation_scope(actor: Agent) -> ColumnElement[bool]:
    """Return the condition on `conversations` that keeps what the actor may see."""
    no_staff = conversations.c.chat_kind != ChatKind.STAFF.value  # their own group is nobody's conversation
    if (plain := _plain(actor)) is not None:
        return and_(plain, no_staff)
    return no_staff & or_(conversations.c.owner != Owner.AGENT.value, conversations.c.agent_id == actor.id)


def person_scope(actor: Agent) -> ColumnElement[bool]:
    """Return the condition on `persons` that keeps those with a conversation that the actor may see."""
    if (plain := _plain(actor)) is not None:
        return plain
    scope = conversation_scope(actor)
    talks = select(conversations.c.id).join(identities, identities.c.id == conversations.c.identity_id)
    return exists(talks.where(identities.c.person_id == persons.c.id, scope).correlate(persons))


def identity_scope(actor: Agent) -> ColumnElement[bool]:
    """Return the condition on `identities` that keeps those with a conversation that the actor may see."""
    if (plain := _plain(actor)) is not None:
        return plain
    talks = select(conversations.c.id).where(conversations.c.identity_id == identities.c.id)
    return exists(talks.where(conversation_scope(actor)).correlate(identities))


def order_scope(actor: Agent) -> ColumnElement[bool]:
    """Return the condition on `orders` that keeps those of persons in scope, and those proven in such a talk."""
    if (plain := _plain(actor)) is not None:
        return plain
    scope = conversation_scope(actor)
    theirs = select(persons.c.id).where(persons.c.customer_id == orders.c.customer_id, person_scope(actor))
    shown = (
        select(proofs.c.order_number)
        .join(conversations, conversations.c.identity_id == proofs.c.identity_id)
        .where(proofs.c.order_number == orders.c.number, scope)
    )
    return or_(exists(theirs.correlate(orders)), exists(shown.correlate(orders)))


def task_scope(actor: Agent) -> ColumnElement[bool]:
    """Return the condition on `tasks` that keeps those without a conversation and those of one in scope."""
    if (plain := _plain(actor)) is not None:
        return plain
    scope = conversation_scope(actor)
    seen = select(conversations.c.id).where(conversations.c.id == tasks.c.conversation_id, scope)
    return or_(tasks.c.conversation_id.is_(None), tasks.c.agent_id == actor.id, exists(seen.correlate(tasks)))


def _plain(actor: Agent) -> ColumnElement[bool] | None:
    """Return everything for who sees all, nothing for who sees no customer, None for who sees a part."""
    if not may(actor, Right.ANSWER):
        return false()
    return true() if sees_all(actor) else None


# --- doors to one thing --------------------------------------------------------------------------------------------
def access_conversation(connection: Connection, actor: Agent, conversation_id: str) -> Ownership:
    """Return who owns a conversation, if the actor may see it.

    Raises:
        NotFound: there is none, or it is not for this actor.
    """
    _open(connection, conversations.c.id, conversation_id, conversation_scope(actor))
    return current(connection, conversation_id)


def access_person(connection: Connection, actor: Agent, person_id: str) -> str:
    """Return the id of a person, if the actor may see them.

    Raises:
        NotFound: there is none, or they are not for this actor.
    """
    _open(connection, persons.c.id, person_id, person_scope(actor))
    return person_id


def access_order(connection: Connection, actor: Agent, number: str) -> str:
    """Return the number of an order, if the actor may see it.

    Raises:
        NotFound: there is none, or it is not for this actor.
    """
    _open(connection, orders.c.number, number, order_scope(actor))
    return number


def access_task(connection: Connection, actor: Agent, task_id: int) -> int:
    """Return the id of a task, if the actor may see it.

    Raises:
        NotFound: there is none, or it is not for this actor.
    """
    _open(connection, tasks.c.id, task_id, task_scope(actor))
    return task_id


def access_outbound(connection: Connection, actor: Agent, outbox_id: int) -> Ownership:
    """Return who owns the conversation of a message out, if the actor may see it.

    Raises:
        NotFound: there is none, or it is not for this actor.
    """
    found = select(outbox.c.conversation_id).where(outbox.c.id == outbox_id)
    return access_conversation(connection, actor, connection.execute(found).scalar() or "")


def access_inbound(connection: Connection, actor: Agent, inbox_id: int) -> Ownership:
    """Return who owns the conversation of a message in, if the actor may see it.

    Raises:
        NotFound: there is none, or it is not for this actor.
    """
    found = select(inbox.c.conversation_id).where(inbox.c.id == inbox_id)
    return access_conversation(connection, actor, connection.execute(found).scalar() or "")


def access_note(connection: Connection, actor: Agent, note_id: int) -> Ownership:
    """Return who owns the conversation of a note, if the actor may see it. A whisper is its agent's and leads' only.

    Raises:
        NotFound: there is none, or it is not for this actor.
    """
    row = connection.execute(select(notes.c.conversation_id, notes.c.kind).where(notes.c.id == note_id)).first()
    held = access_conversation(connection, actor, row.conversation_id if row else "")
    if row is not None and row.kind == WHISPER and held.agent_id != actor.id and not may(actor, Right.LEAD):
        raise NotFound
    return held


def access_file(connection: Connection, actor: Agent, media_id: str) -> File:
    """Return a picture, voice or file with its bytes, if the actor may see its conversation.

    Raises:
        NotFound: there is none, it is not here yet or no more, or it is not for this actor.
    """
    if "\0" in media_id:  # PostgreSQL takes none
        raise NotFound
    found = select(media.c.conversation_id).where(media.c.id == media_id)
    access_conversation(connection, actor, connection.execute(found).scalar() or "")
    return file_of(connection, media_id)


def _open(connection: Connection, key: Column[Any], value: str | int, scope: ColumnElement[bool]) -> None:
    asked = isinstance(value, int) or "\0" not in value  # no id has a NUL, and PostgreSQL takes none
    if not asked or connection.execute(select(key).where(key == value, scope)).first() is None:
        raise NotFound

"""Stores what came in: once, in the order of its conversation, before the platform is acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from bot.clock import IdMaker
from bot.delivery.ledger import open_grants
from bot.knowledge.entries import LANGUAGES
from bot.messages import ChatKind, Event, Inbound
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import conversations, identities, inbox, persons


def store(connection: Connection, messages: Sequence[Inbound], now: datetime, new_id: IdMaker) -> int:
    """Store `messages`, skipping those whose key is known. Return how many were new."""
    # Sorted, so that two processes that store the same conversations lock them in the same order.
    ordered = sorted(messages, key=lambda message: (message.chat.channel, message.chat.id))
    return sum(_store_one(connection, message, now, new_id) for message in ordered)


def _store_one(connection: Connection, message: Inbound, now: datetime, new_id: IdMaker) -> bool:
    identity_id = identity_of(connection, message, now, new_id)
    conversation = lock_conversation(connection, message, identity_id, now, new_id)
    row = {
        "key": message.key,
        "conversation_id": conversation.id,
        "seq": conversation.last_seq + 1,
        "identity_id": identity_id,
        "text": message.text,
        "event": message.event.value if message.event else None,
        "payload": message.payload,
        "choice": message.choice,
        "sent_at": message.sent_at,
        "received_at": now,
        "shown": conversation.shown + 1,
    }
    if not insert_once(connection, inbox, row):
        return False
    left = message.event is Event.LEFT
    connection.execute(
        update(conversations)
        .where(conversations.c.id == conversation.id)
        .values(last_seq=conversation.last_seq + 1, shown=conversation.shown + 1, unreachable=left, updated_at=now)
    )
    open_grants(connection, conversation.id, message.grants, message.sent_at)
    return True


def identity_of(connection: Connection, message: Inbound, now: datetime, new_id: IdMaker) -> str:
    """Return the id of the sender's identity, made with a new person at the first message."""
    of_sender = select(identities.c.id).where(
        identities.c.channel == message.chat.channel, identities.c.user == message.user
    )
    found = connection.execute(of_sender).scalar()
    if found is not None:
        return str(found)
    person_id, identity_id = new_id(), new_id()
    language = language_of(message.language)
    connection.execute(persons.insert().values(id=person_id, name=message.name, language=language, created_at=now))
    row = {
        "id": identity_id,
        "person_id": person_id,
        "channel": message.chat.channel,
        "user": message.user,
        "name": message.name,
        "created_at": now,
    }
    if insert_once(connection, identities, row):
        return identity_id
    connection.execute(delete(persons).where(persons.c.id == person_id))  # another worker was first
    return str(connection.execute(of_sender).scalar_one())


def language_of(tag: str | None) -> str:
    """Return the language of a platform's tag (`zh-hans`, `en-US`) as the bot knows it: `zh`, `en`, or empty."""
    start = (tag or "")[:2].lower()
    return start if start in LANGUAGES else ""


def lock_conversation(
    connection: Connection, message: Inbound, identity_id: str, now: datetime, new_id: IdMaker
) -> AnyRow:
    """Return (id, last_seq, shown) of the chat's conversation, locked until the transaction ends."""
    of_chat = (
        select(conversations.c.id, conversations.c.last_seq, conversations.c.shown)
        .where(conversations.c.channel == message.chat.channel, conversations.c.chat == message.chat.id)
        .with_for_update()
    )
    found = connection.execute(of_chat).one_or_none()
    if found is None:
        insert_once(
            connection,
            conversations,
            {
                "id": new_id(),
                "channel": message.chat.channel,
                "chat": message.chat.id,
                "chat_kind": message.chat.kind.value,
                "identity_id": identity_id if message.chat.kind is ChatKind.PRIVATE else None,
                "created_at": now,
                "updated_at": now,
            },
        )
        found = connection.execute(of_chat).one()
    return found

"""Stores what came in: once, in the order of its conversation, before the platform is acknowledged.

Many messages are stored in one transaction with a fixed number of statements.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select, update

from bot.clock import IdMaker
from bot.delivery import newcomers
from bot.delivery.ledger import close, open_grants
from bot.delivery.moving import move
from bot.delivery.outgoing import Happened, tell
from bot.knowledge.entries import LANGUAGES
from bot.messages import WINDOW, ChatKind, Event, Grant, Inbound
from bot.store.insert import insert_once
from bot.store.tables import conversations, identities, inbox, media, outbox, persons

IdentityKey = tuple[str, str]
ChatKey = tuple[str, str]
A_SECOND = timedelta(seconds=1)
FLYING = datetime.max.replace(tzinfo=UTC)
"""When a message arrives at the platform that is on its way: later than whatever we know of."""


@dataclass(slots=True)
class _Talk:
    """A conversation, locked, with its counters as they become while messages are added."""

    id: str
    last_seq: int
    shown: int
    unreachable: bool = False


# Statements are made once: making one takes longer than running it.
_KNOWN = select(inbox.c.key).where(inbox.c.key.in_(bindparam("keys", expanding=True)))
_GROWN = (
    update(conversations)
    .where(conversations.c.id == bindparam("talk"))
    .values(
        last_seq=bindparam("last"), shown=bindparam("seen"), unreachable=bindparam("gone"), updated_at=bindparam("at")
    )
)
_SENDERS = select(identities.c.id, identities.c.channel, identities.c.user).where(
    identities.c.channel == bindparam("of"), identities.c.user.in_(bindparam("users", expanding=True))
)
_TALKS = (
    select(conversations.c.id, conversations.c.chat, conversations.c.last_seq, conversations.c.shown)
    .where(conversations.c.channel == bindparam("of"), conversations.c.chat.in_(bindparam("chats", expanding=True)))
    .order_by(conversations.c.id)  # like everybody who locks several: two processes never wait in a circle
    .with_for_update(
        key_share=True
    )  # nor with a row of the outbox, whose changes ask whether its conversation is there
)
_ADD = inbox.insert()


def store(connection: Connection, messages: Sequence[Inbound], now: datetime, new_id: IdMaker) -> int:
    """Store `messages`, skipping those whose key is known. Return how many were new."""
    messages = [_moved(connection, message) for message in messages]
    people = _identities(connection, messages, now, new_id)
    talks = _locked(connection, messages, people, now, new_id)
    # Looked up only now: whoever stored one of them a moment ago held its conversation until it was visible.
    known = _known(connection, [message.key for message in messages])
    new = list({message.key: message for message in messages if message.key not in known}.values())
    if not new:
        return 0
    connection.execute(_ADD, [_row(message, _talk(talks, message), people, now) for message in new])
    _save_talks(connection, {_talk(talks, message).id: _talk(talks, message) for message in new}, now)
    _open_grants(connection, new, talks, now)
    _keep_media(connection, [message for message in new if message.media is not None], talks, now, new_id)
    for message in new:
        if message.event in (Event.ARRIVED, Event.DEPARTED):
            newcomers.note(connection, message, _talk(talks, message).id, now)
    of_customers = [message for message in new if message.chat.kind is not ChatKind.STAFF]
    tell(connection, (_event(message, _talk(talks, message)) for message in of_customers), now)
    return len(new)


def _event(message: Inbound, talk: _Talk) -> Happened:
    what = message.event.value if message.event else "said"
    data = {"conversation_id": talk.id, "key": message.key, "text": message.text, "choice": message.choice}
    return Happened("message.received", message.key, {**data, "event": what})


def _moved(connection: Connection, message: Inbound) -> Inbound:
    """Give a chat that has another id from now on its new id, if it has not got it yet."""
    if message.event is not Event.MOVED:
        return message
    move(connection, message.chat, message.payload)
    return replace(message, chat=replace(message.chat, id=message.payload))


def _known(connection: Connection, keys: Sequence[str]) -> set[str]:
    return set(connection.execute(_KNOWN, {"keys": keys}).scalars())


def _talk(talks: dict[ChatKey, _Talk], message: Inbound) -> _Talk:
    return talks[message.chat.channel, message.chat.id]


def _row(message: Inbound, talk: _Talk, people: dict[IdentityKey, str], now: datetime) -> dict[str, Any]:
    talk.last_seq += 1
    talk.shown += 1
    talk.unreachable = message.event is Event.LEFT
    return {
        "key": message.key,
        "conversation_id": talk.id,
        "seq": talk.last_seq,
        "identity_id": people[message.chat.channel, message.user],
        "text": message.text,
        "event": message.event.value if message.event else None,
        "payload": message.payload,
        "choice": message.choice,
        "sent_at": message.sent_at,
        "received_at": now,
        "shown": talk.shown,
        "topic": None if message.topic is None else asdict(message.topic),
        "addressed": message.addressed,
    }


def _save_talks(connection: Connection, talks: dict[str, _Talk], now: datetime) -> None:
    connection.execute(
        _GROWN,
        [
            {"talk": talk.id, "last": talk.last_seq, "seen": talk.shown, "gone": talk.unreachable, "at": now}
            for talk in talks.values()
        ],
    )


# --- who -------------------------------------------------------------------------------------------------------------
def _identities(
    connection: Connection, messages: Sequence[Inbound], now: datetime, new_id: IdMaker
) -> dict[IdentityKey, str]:
    """Return the senders' identities by (channel, user); a new sender gets one, with a new person."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for message in messages:
        wanted[message.chat.channel].add(message.user)
    found = {
        (row.channel, row.user): row.id
        for channel, users in wanted.items()
        for row in connection.execute(_SENDERS, {"of": channel, "users": sorted(users)})
    }
    # In one order, like everybody who makes several: two processes never wait in a circle.
    for message in sorted(messages, key=lambda message: (message.chat.channel, message.user)):
        key = (message.chat.channel, message.user)
        if key not in found:
            found[key] = identity_of(connection, message, now, new_id)
    return found


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


# --- where -----------------------------------------------------------------------------------------------------------
def _locked(
    connection: Connection,
    messages: Sequence[Inbound],
    people: dict[IdentityKey, str],
    now: datetime,
    new_id: IdMaker,
) -> dict[ChatKey, _Talk]:
    """Return the conversations of `messages` by (channel, chat), locked until the transaction ends."""
    chats = {(message.chat.channel, message.chat.id): message for message in messages}
    talks = _lock(connection, chats)
    for key in sorted(chats.keys() - talks.keys()):
        _begin(connection, chats[key], people, now, new_id)
    return talks if len(talks) == len(chats) else _lock(connection, chats)


def _lock(connection: Connection, chats: dict[ChatKey, Inbound]) -> dict[ChatKey, _Talk]:
    by_channel: defaultdict[str, list[str]] = defaultdict(list)
    for channel, chat in sorted(chats):
        by_channel[channel].append(chat)
    return {
        (channel, row.chat): _Talk(row.id, row.last_seq, row.shown)
        for channel, ids in by_channel.items()
        for row in connection.execute(_TALKS, {"of": channel, "chats": ids})
    }


def _begin(
    connection: Connection, message: Inbound, people: dict[IdentityKey, str], now: datetime, new_id: IdMaker
) -> None:
    private = message.chat.kind is ChatKind.PRIVATE
    row = {
        "id": new_id(),
        "channel": message.chat.channel,
        "chat": message.chat.id,
        "chat_kind": message.chat.kind.value,
        "identity_id": people[message.chat.channel, message.user] if private else None,
        "created_at": now,
        "updated_at": now,
    }
    insert_once(connection, conversations, row)


# --- what comes with a message ---------------------------------------------------------------------------------------
def _open_grants(
    connection: Connection, messages: Sequence[Inbound], talks: dict[ChatKey, _Talk], now: datetime
) -> None:
    opened: list[tuple[str, Grant, datetime]] = []
    for message in messages:
        talk_id = _talk(talks, message).id
        if message.event is Event.LEFT:  # WeChat: 45015, unfollowed; a new follow does not bring the window back
            close(connection, talk_id, WINDOW, message.sent_at)
            opened = [one for one in opened if one[0] != talk_id or one[1].right != WINDOW]
        # Platforms tell whole seconds: the end of that second, if we do not know better by having it already. Else
        # every answer within a burst would count in the window of the message that came a moment after it.
        at = max(message.sent_at, min(now, message.sent_at + A_SECOND))
        opened += [(talk_id, grant, at) for grant in message.grants]
    if not opened:
        return
    since: dict[str, datetime] = {}
    for talk_id, _, at in opened:
        since[talk_id] = min(at, since.get(talk_id, at))
    costs = _costs_since(connection, since)
    open_grants(
        connection,
        [
            (talk_id, grant, at, sum(cost for went_out_at, cost in costs[talk_id] if went_out_at >= at))
            for talk_id, grant, at in opened
        ],
    )


def _costs_since(connection: Connection, since: dict[str, datetime]) -> defaultdict[str, list[tuple[datetime, int]]]:
    """Return when messages left each conversation since the customer's action, and what they took; some still fly.

    The action was stored a little after the platform saw it: what left in between counts in the new window.
    """
    went_out_at = func.coalesce(outbox.c.sent_at, outbox.c.not_before)  # an unsure one: when it was given up
    rows = connection.execute(
        select(outbox.c.conversation_id, outbox.c.status, outbox.c.cost, went_out_at.label("at")).where(
            outbox.c.conversation_id.in_(sorted(since)),
            outbox.c.cost > 0,
            or_(
                outbox.c.status == "sending",
                and_(outbox.c.status.in_(("sent", "unsure")), went_out_at >= min(since.values())),
            ),
        )
    )
    costs: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for row in rows:
        costs[row.conversation_id].append((FLYING if row.status == "sending" else row.at, row.cost))
    return costs


def _keep_media(
    connection: Connection, messages: Sequence[Inbound], talks: dict[ChatKey, _Talk], now: datetime, new_id: IdMaker
) -> None:
    if not messages:
        return
    of_key = select(inbox.c.key, inbox.c.id).where(inbox.c.key.in_([message.key for message in messages]))
    inbox_ids = {row.key: row.id for row in connection.execute(of_key)}
    for message in messages:
        if (sent := message.media) is None:
            continue
        file = sent.file
        row = {
            "id": new_id(),
            "conversation_id": _talk(talks, message).id,
            "inbox_id": inbox_ids[message.key],
            "channel": message.chat.channel,
            "kind": sent.kind,
            "ref": sent.ref,
            "mime": file.mime if file else "",
            "name": file.name if file else "",
            "body": file.body if file else None,
            "status": "kept" if file else "new",
            "not_before": now,
            "created_at": now,
        }
        connection.execute(media.insert().values(row))


def unfinished(connection: Connection) -> int:
    """Return how many messages wait for their turn."""
    behind = select(func.coalesce(func.sum(conversations.c.last_seq - conversations.c.done_seq), 0))
    return int(connection.execute(behind.where(conversations.c.last_seq > conversations.c.done_seq)).scalar_one())

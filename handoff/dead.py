"""Dead letters: messages of customers that broke the bot, kept until a human has looked at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from bot.errors import Conflict, NotFound
from bot.store.database import AnyRow
from bot.store.tables import conversations, identities, inbox, notes, persons
from handoff import ownership
from handoff.customer import shown_name
from handoff.hiding import hidden
from handoff.owner import Owner

LIST_LIMIT = 200
LEFT = select(func.count()).select_from(inbox).where(inbox.c.status == "dead")
"""How many dead letters there are."""
AGAIN = "retry:"
"""How the key of a message begins that was made of a dead letter."""


class HumanHasIt(Conflict):
    """A human has this conversation or is about to. Hand it back to the bot first."""

    code = "human_has_it"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that nobody has looked at yet. `error` is the first line of what went wrong."""

    id: int
    key: str
    at: datetime
    conversation_id: str
    channel: str
    customer: str
    text: str
    error: str


def dead_letters(connection: Connection, limit: int = LIST_LIMIT) -> tuple[DeadLetter, ...]:
    """Return the dead letters, newest first."""
    rows = connection.execute(
        select(inbox, conversations.c.channel, shown_name().label("customer"))
        .join(conversations, conversations.c.id == inbox.c.conversation_id)
        .outerjoin(identities, identities.c.id == conversations.c.identity_id)
        .outerjoin(persons, persons.c.id == identities.c.person_id)
        .where(inbox.c.status == "dead")
        .order_by(inbox.c.received_at.desc(), inbox.c.id.desc())
        .limit(limit)
    )
    return tuple(
        DeadLetter(
            id=row.id,
            key=row.key,
            at=row.received_at,
            conversation_id=row.conversation_id,
            channel=row.channel,
            customer=row.customer,
            text=hidden(row.text or row.choice or (f"({row.event})" if row.event else "")),
            error=row.error.strip().partition("\n")[0],
        )
        for row in rows
    )


def count(connection: Connection) -> int:
    """Return how many dead letters there are."""
    return connection.execute(LEFT).scalar_one()


def handle(connection: Connection, inbox_id: int, agent_id: str, now: datetime) -> None:
    """Note that a human took care of a dead letter, with a mark in its conversation.

    Raises:
        Conflict: somebody did so already.
        NotFound: there is no such message.
    """
    row = connection.execute(select(inbox).where(inbox.c.id == inbox_id)).first()
    if row is None:
        raise NotFound
    _end(connection, row)
    mark = {"conversation_id": row.conversation_id, "author": f"agent:{agent_id}", "kind": "dead_handled"}
    connection.execute(notes.insert().values(mark | {"text": "", "at": now}))


def retry(connection: Connection, key: str, now: datetime) -> str:
    """Put a dead letter behind what its conversation has to say, as a new message, and return the new key.

    A conversation that waits for a human only because of it goes back to the bot. The new message opens no window,
    and the customer does not see it twice.

    Raises:
        Conflict: it is no dead letter any more.
        HumanHasIt: the bot would be silent.
        NotFound: there is no such message.
    """
    row = connection.execute(select(inbox).where(inbox.c.key == key)).first()
    if row is None:
        raise NotFound(f"There is no message with the key {key!r}. `zhanggui dead list` shows the dead letters.")
    of_talk = conversations.c.id == row.conversation_id
    talk = connection.execute(select(conversations).where(of_talk).with_for_update()).one()
    _end(connection, row)
    if talk.owner == Owner.QUEUE.value and talk.reason == "dead_letter":
        ownership.reopen(connection, talk.id, now)
    elif talk.owner in (Owner.QUEUE.value, Owner.AGENT.value):
        raise HumanHasIt
    seq = talk.last_seq + 1
    new_key = _next_key(connection, row)
    said = "identity_id", "text", "event", "payload", "choice", "sent_at", "topic", "addressed"
    copied = {name: getattr(row, name) for name in said}
    place = {"key": new_key, "conversation_id": talk.id, "seq": seq, "received_at": now, "shown": 0}
    connection.execute(inbox.insert().values(copied | place))
    connection.execute(update(conversations).where(of_talk).values(last_seq=seq, updated_at=now))
    return new_key


def _end(connection: Connection, row: AnyRow) -> None:
    """Take a message out of the dead letters; its error stays on record."""
    still = inbox.c.id == row.id, inbox.c.status == "dead"
    if connection.execute(update(inbox).where(*still).values(status="done")).rowcount != 1:
        raise Conflict("This message is no dead letter any more.")


def _next_key(connection: Connection, row: AnyRow) -> str:
    first = row.key.removeprefix(AGAIN).rpartition(":")[0] if row.key.startswith(AGAIN) else row.key
    tries = select(func.count()).select_from(inbox).where(inbox.c.key.startswith(f"{AGAIN}{first}:", autoescape=True))
    tried = connection.execute(tries.where(inbox.c.conversation_id == row.conversation_id)).scalar_one()
    return f"{AGAIN}{first}:{tried + 1}"

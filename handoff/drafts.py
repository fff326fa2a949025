"""What agents have begun to write and not sent: kept per agent and conversation, and shown to others as a notice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update

from bot.storable import storable
from bot.store.insert import insert_once
from bot.store.tables import agents, drafts
from handoff.typed import MOST_CHARACTERS

WRITES_FOR = timedelta(seconds=8)
"""How long an agent counts as writing after a key was pressed; pages keep a draft every second."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Words that wait to be sent. `mode` is `reply` or `note`."""

    mode: str
    text: str


EMPTY = Draft("reply", "")


def keep(connection: Connection, conversation_id: str, agent_id: str, draft: Draft, now: datetime) -> None:
    """Keep an agent's draft in the place of the one before; an empty one is forgotten."""
    text = storable(draft.text)[:MOST_CHARACTERS]
    if not text.strip():
        drop(connection, conversation_id, agent_id)
        return
    values = {"mode": draft.mode, "text": text, "at": now}
    row = {"conversation_id": conversation_id, "agent_id": agent_id}
    if not insert_once(connection, drafts, row | values):
        connection.execute(update(drafts).where(*_of(conversation_id, agent_id)).values(values))


def drop(connection: Connection, conversation_id: str, agent_id: str) -> None:
    """Forget an agent's draft: it was sent or thrown away."""
    connection.execute(delete(drafts).where(*_of(conversation_id, agent_id)))


def draft_of(connection: Connection, conversation_id: str, agent_id: str) -> Draft:
    """Return an agent's draft, an empty one if there is none."""
    row = connection.execute(_DRAFT, {"talk": conversation_id, "agent": agent_id}).first()
    return Draft(row.mode, row.text) if row else EMPTY


def writers(connection: Connection, conversation_id: str, viewer_id: str, now: datetime) -> tuple[str, ...]:
    """Return the names of the other agents who are writing in a conversation now, by name."""
    asked = {"talk": conversation_id, "viewer": viewer_id, "since": now - WRITES_FOR}
    return tuple(connection.execute(_WRITERS, asked).scalars())


# Made once: the console asks them whenever something moves in the open conversation.
_DRAFT = select(drafts).where(drafts.c.conversation_id == bindparam("talk"), drafts.c.agent_id == bindparam("agent"))
_WRITERS = (
    select(agents.c.name)
    .join(drafts, drafts.c.agent_id == agents.c.id)
    .where(
        drafts.c.conversation_id == bindparam("talk"),
        drafts.c.agent_id != bindparam("viewer"),
        drafts.c.mode == "reply",
        drafts.c.at > bindparam("since"),
    )
    .order_by(agents.c.name)
)


def _of(conversation_id: str, agent_id: str) -> tuple[ColumnElement[bool], ...]:
    return drafts.c.conversation_id == conversation_id, drafts.c.agent_id == agent_id

"""Whether anything changed that an agent could see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, func, select

from bot.store.tables import conversations, drafts, inbox, media, notes, outbox, tasks
from handoff import dead
from handoff.owner import Owner
from handoff.tasks import OPEN

_WAITING = select(func.count()).select_from(conversations).where(conversations.c.owner == Owner.QUEUE.value)
_NEWEST_TASK = select(func.coalesce(func.max(tasks.c.id), 0))
_TOTALS = select(*(one.scalar_subquery() for one in (_WAITING, OPEN, _NEWEST_TASK, dead.LEFT)))

State = tuple[object, ...]
"""Of one conversation: equal as long as nothing in it changed that an agent could see."""


@dataclass(frozen=True, slots=True)
class Totals:
    """How many there are of what every agent sees a number of. `newest_task` is an id, 0 if there never was one."""

    waiting: int
    tasks: int
    newest_task: int
    dead: int


def totals(connection: Connection) -> Totals:
    """Return the numbers that all agents share, by one statement."""
    return Totals(*connection.execute(_TOTALS).one())


def states(connection: Connection, conversation_ids: Collection[str]) -> dict[str, State]:
    """Return the state of each conversation, by a fixed number of statements."""
    of_ids = {"ids": sorted(conversation_ids)}
    found: defaultdict[str, list[object]] = defaultdict(list)
    for query in _STATES:
        for conversation_id, *rest in connection.execute(query, of_ids):
            found[conversation_id].append(tuple(rest))
    return {conversation_id: tuple(parts) for conversation_id, parts in found.items()}


def _states() -> tuple[Select[Any], ...]:
    ids: BindParameter[Any] = bindparam("ids", expanding=True)
    # The version rises with every turn, the epoch with every owner; the rest of what is said has ids.
    moving = conversations.c.epoch, conversations.c.version, conversations.c.done_seq, conversations.c.last_seq
    seen = conversations.c.seen_at, conversations.c.updated_at, conversations.c.customer_typing_until
    talks = select(conversations.c.id, *moving, *seen).where(conversations.c.id.in_(ids))
    fates = func.count(), func.max(outbox.c.id), func.max(outbox.c.not_before), func.max(outbox.c.reason)
    sends = select(outbox.c.conversation_id, outbox.c.status, *fates).where(outbox.c.conversation_id.in_(ids))
    sends = sends.group_by(outbox.c.conversation_id, outbox.c.status).order_by(outbox.c.status)
    files = select(media.c.conversation_id, media.c.status, func.count()).where(media.c.conversation_id.in_(ids))
    files = files.group_by(media.c.conversation_id, media.c.status).order_by(media.c.status)
    turns = select(inbox.c.conversation_id, inbox.c.status, func.max(inbox.c.id))
    turns = turns.where(inbox.c.conversation_id.in_(ids)).group_by(inbox.c.conversation_id, inbox.c.status)
    kept = select(notes.c.conversation_id, func.max(notes.c.id)).where(notes.c.conversation_id.in_(ids))
    kept = kept.group_by(notes.c.conversation_id)
    written = select(drafts.c.conversation_id, func.max(drafts.c.at), func.count())
    written = written.where(drafts.c.conversation_id.in_(ids)).group_by(drafts.c.conversation_id)
    return talks, sends, files, turns.order_by(inbox.c.status), kept, written


_STATES = _states()

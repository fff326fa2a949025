"""Whether anything changed that an agent could see."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from bot.store.tables import conversations, inbox, media, notes, outbox, tasks
from handoff import dead
from handoff.tasks import count_open


def pulse(connection: Connection, conversation_id: str | None) -> tuple[object, ...]:
    """Return something that differs after any change an agent could see. Cheap: a few look-ups by index.

    Every change of owner writes a note, so the newest ids cover all but tasks that are done and dead letters, which
    are counted, and the fate of single sends and files and what the bot understood, which matter in the open
    conversation only.
    """
    tables = inbox, outbox, notes, tasks
    newest = (
        *(connection.execute(select(func.max(table.c.id))).scalar() for table in tables),
        count_open(connection),
        dead.count(connection),
    )
    if conversation_id is None:
        return newest
    sends = (
        select(outbox.c.id, outbox.c.status, outbox.c.reason, outbox.c.not_before)
        .where(outbox.c.conversation_id == conversation_id)
        .order_by(outbox.c.id.desc())
        .limit(30)
    )
    turns = (
        select(inbox.c.id, inbox.c.status)
        .where(inbox.c.conversation_id == conversation_id)
        .order_by(inbox.c.seq.desc())
        .limit(5)
    )
    files = select(media.c.status, func.count()).where(media.c.conversation_id == conversation_id)
    files = files.group_by(media.c.status).order_by(media.c.status)
    seen = select(conversations.c.epoch, conversations.c.seen_at).where(conversations.c.id == conversation_id)
    return *newest, *(tuple(map(tuple, connection.execute(query).all())) for query in (sends, turns, files, seen))

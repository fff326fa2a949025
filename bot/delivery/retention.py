"""Deletes what is too old to be needed, every night, a little at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Connection, Table, delete, exists, func, or_, select

from bot.clock import Clock
from bot.store.database import Database
from bot.store.tables import (
    ballots,
    channel_facts,
    clocks,
    conversations,
    deliveries,
    drafts,
    errands,
    grants,
    inbox,
    label_counts,
    login_tries,
    logins,
    media,
    members,
    notes,
    outbox,
    outgoing,
    proof_codes,
    proof_failures,
    ratings,
    tasks,
    votes,
    waits,
)

BATCH = 500
LOOK_EVERY_S = 3600.0
PAUSE_S = 0.02
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long things are kept, in days."""

    messages_days: int
    media_days: int


def rules(keep: Keep, now: datetime) -> Mapping[Table, ColumnElement[bool]]:
    """Return which rows of which table are too old, children first."""
    old = now - timedelta(days=keep.messages_days)
    with_media = exists().where(media.c.inbox_id == inbox.c.id)
    with_picture = exists().where(media.c.outbox_id == outbox.c.id)
    unsent = exists().where(outbox.c.id == media.c.outbox_id, outbox.c.status.in_(("waiting", "sending")))
    over = outbox.c.status.not_in(("waiting", "sending", "confirming"))
    finished = exists().where(conversations.c.id == inbox.c.conversation_id, conversations.c.done_seq >= inbox.c.seq)
    votes_over = select(votes.c.id).where(votes.c.status.in_(("closed", "drawn", "cancelled")), votes.c.ends_at < old)
    return {
        media: or_(media.c.created_at < now - timedelta(days=keep.media_days), media.c.created_at < old) & ~unsent,
        inbox: (inbox.c.received_at < old) & finished & ~with_media,
        outbox: (outbox.c.created_at < old) & over & ~with_picture,
        ballots: ballots.c.vote_id.in_(votes_over),
        members: members.c.left_at < old,
        notes: notes.c.at < old,
        ratings: ratings.c.at < old,
        clocks: clocks.c.started_at < old,
        waits: waits.c.began_at < old,
        tasks: tasks.c.done & (tasks.c.created_at < old),
        grants: grants.c.expires_at < now - timedelta(days=7),
        proof_codes: proof_codes.c.asked_at < now - timedelta(days=30),
        proof_failures: proof_failures.c.at < now - timedelta(days=30),
        logins: logins.c.expires_at < now,
        drafts: drafts.c.at < now - timedelta(days=30),
        # Where somebody logged in is known for 30 days (`handoff.guessing`).
        login_tries: (func.coalesce(login_tries.c.succeeded_at, login_tries.c.at) < now - timedelta(days=30))
        & (login_tries.c.at < now - timedelta(days=30)),
        deliveries: deliveries.c.at < now - timedelta(days=30),
        outgoing: (outgoing.c.status != "waiting") & (outgoing.c.created_at < now - timedelta(days=30)),
        errands: errands.c.done_at < old,
        label_counts: label_counts.c.day < (now - timedelta(days=90)).date(),
        # Facts about one message, poll or file have its id behind a colon; tokens and cursors have none.
        channel_facts: channel_facts.c.name.like("%:%") & (channel_facts.c.kept_at < now - timedelta(days=30)),
    }


def delete_some(connection: Connection, table: Table, too_old: ColumnElement[bool]) -> int:
    """Delete at most `BATCH` rows. Return how many."""
    keys = list(table.primary_key)
    found = connection.execute(select(*keys).where(too_old).limit(BATCH)).all()
    for row in found:
        connection.execute(delete(table).where(*(key == value for key, value in zip(keys, row, strict=True))))
    return len(found)


async def clean_up(database: Database, keep: Keep, now: datetime) -> dict[str, int]:
    """Delete everything that is too old, in short transactions. Return the number of rows by table."""
    deleted: dict[str, int] = {}
    for table, too_old in rules(keep, now).items():
        while some := await database.write(lambda c, t=table, w=too_old: delete_some(c, t, w)):  # type: ignore[misc]
            deleted[table.name] = deleted.get(table.name, 0) + some
            await asyncio.sleep(PAUSE_S)  # let the chats through
    return deleted


async def clean_up_nightly(database: Database, clock: Clock, keep: Keep) -> None:
    """Clean up once a day, for ever; tell how much every table holds."""
    last: datetime | None = None
    while True:
        now = clock.now()
        if last is None or now - last >= timedelta(days=1):
            last = now
            try:
                deleted = await clean_up(database, keep, now)
                log.info("cleaned_up", deleted=deleted, rows=await database.read(sizes))
            except Exception:  # the database is away; tomorrow is another night
                log.exception("clean_up_interrupted")
        await asyncio.sleep(LOOK_EVERY_S)


def sizes(connection: Connection) -> dict[str, int]:
    """Return the number of rows of the tables that grow."""
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (conversations, inbox, outbox, media)
    }

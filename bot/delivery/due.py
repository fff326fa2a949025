"""Which rows of the outbox may be looked at now, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, exists, func, or_, select

from bot.messages import Chat, ChatKind, Choice, File, Notice, Outbound, Purpose, Source, Topic
from bot.store.database import AnyRow
from bot.store.tables import conversations, identities, media, outbox

RANKS = (0, 1)
"""Campaigns are behind everything else, see `bot.delivery.outbox.RANK`."""


def due_rows(connection: Connection, channel: str, now: datetime, limit: int, ranks: Sequence[int]) -> list[AnyRow]:
    """Return at most `limit` rows of `ranks` that may go now, locked, with what is known of their conversations.

    Of one conversation only one is on its way at a time, the oldest first; a campaign waits for no other campaign.
    """
    rows: list[AnyRow] = []
    for rank in ranks:
        if len(rows) < limit:
            place = {"at": channel, "of_rank": rank, "by": now, "most": limit - len(rows)}
            rows += connection.execute(_DUE, place).all()
    seen: set[str] = set()
    firsts = []
    for row in rows:  # a reply and a campaign, or two campaigns, of one conversation in one batch
        if row.conversation_id not in seen:
            firsts.append(row)
            seen.add(row.conversation_id)
    return firsts


def _due() -> Select[Any]:
    other = outbox.alias("other")
    blocked = exists().where(
        other.c.conversation_id == outbox.c.conversation_id,
        other.c.status.in_(("waiting", "sending")),
        or_(
            other.c.status == "sending",
            and_(other.c.id < outbox.c.id, other.c.rank == 0),
        ),
    )
    return (
        select(
            outbox,
            conversations.c.chat,
            conversations.c.chat_kind,
            conversations.c.owner,
            conversations.c.epoch.label("current_epoch"),
            conversations.c.unreachable,
            conversations.c.agent_id,
            conversations.c.place_at,
            conversations.c.assigned_at,
            identities.c.person_id,
        )
        .join(conversations, outbox.c.conversation_id == conversations.c.id)
        .outerjoin(identities, conversations.c.identity_id == identities.c.id)
        .where(
            outbox.c.status == "waiting",
            outbox.c.channel == bindparam("at"),
            outbox.c.rank == bindparam("of_rank"),
            outbox.c.not_before <= bindparam("by"),
            ~blocked,
        )
        .order_by(outbox.c.not_before, outbox.c.id)
        .limit(bindparam("most"))
        .with_for_update(of=outbox, skip_locked=True)
    )


_DUE = _due()
"""Made once: making a statement takes longer than running it."""
_PICTURES = select(media.c.outbox_id, media.c.body, media.c.mime, media.c.name).where(
    media.c.outbox_id.in_(bindparam("rows", expanding=True)), media.c.body.is_not(None)
)
_NEXT_TIME = select(func.min(outbox.c.not_before)).where(
    outbox.c.status == "waiting",
    outbox.c.channel == bindparam("at"),
    outbox.c.rank == bindparam("of_rank"),
    outbox.c.not_before > bindparam("by"),
)


def waiting_behind(connection: Connection, row: AnyRow, now: datetime) -> Sequence[AnyRow]:
    """Return what waits in the same conversation behind `row`, oldest first, locked."""
    query = (
        select(outbox)
        .where(
            outbox.c.conversation_id == row.conversation_id,
            outbox.c.status == "waiting",
            outbox.c.id > row.id,
            outbox.c.rank == 0,
            outbox.c.not_before <= now,
        )
        .order_by(outbox.c.id)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(query).all()


def next_time(connection: Connection, channel: str, now: datetime) -> datetime | None:
    """Return when the next row that waits for a time comes due."""
    times = [connection.execute(_NEXT_TIME, {"at": channel, "of_rank": rank, "by": now}).scalar() for rank in RANKS]
    return min((time for time in times if time is not None), default=None)


def pictures_of(connection: Connection, row_ids: Iterable[int]) -> dict[int, File]:
    """Return the pictures that go with rows of the outbox."""
    found = connection.execute(_PICTURES, {"rows": list(row_ids)})
    return {row.outbox_id: File(row.body, row.mime, row.name) for row in found}


def have_pictures(connection: Connection, row_ids: Iterable[int]) -> set[int]:
    """Return which rows of the outbox a picture goes with."""
    of_rows = media.c.outbox_id.in_(list(row_ids))
    return {int(row_id) for row_id in connection.execute(select(media.c.outbox_id).where(of_rows)).scalars()}


def outbound(row: AnyRow, picture: File | None = None) -> Outbound:
    """Return the message that a row is."""
    return Outbound(
        id=row.key,
        chat=Chat(row.channel, row.chat, ChatKind(row.chat_kind)),
        purpose=Purpose(row.purpose),
        text=row.text,
        choices=tuple(Choice(**choice) for choice in row.choices),
        sources=tuple(Source(**source) for source in row.sources),
        author=row.author,
        picture=picture,
        notice=None if row.notice is None else Notice(**row.notice),
        poll=tuple(row.poll or ()),
        edits=row.edits,
        pins=row.pins,
        topic=None if row.topic is None else Topic(**row.topic),
    )

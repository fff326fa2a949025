"""The one door out: whatever the shop says is first a row here. Rows are only ever added, then marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.messages import Choice, File, Notice, Purpose, Source, Topic
from bot.store.insert import insert_new, insert_once
from bot.store.tables import conversations, media, outbox

RANK = {Purpose.MARKETING: 1}
"""Campaigns wait behind everything else."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be sent.

    Attributes:
        key: unique for ever; a second draft with the same key is ignored.
        epoch: the conversation's epoch under which it may be sent, None for any (campaigns, groups).
        guard: a condition asked again at send time, see `bot.delivery.gate`.
        not_before: earliest time, None for at once.
        notice: the same in fields, for platforms that take a form where no window is open.
        poll, edits, topic, pins: see `bot.messages.Outbound`.
        picture: shown above the text; its id in `media` is made by `put`.
    """

    key: str
    conversation_id: str
    purpose: Purpose
    text: str
    author: str = "bot"
    choices: Sequence[Choice] = ()
    sources: Sequence[Source] = ()
    epoch: int | None = None
    guard: dict[str, Any] | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    notice: Notice | None = None
    poll: Sequence[str] = ()
    edits: str = ""
    picture: File | None = None
    topic: Topic | None = None
    pins: bool = False


def put(connection: Connection, draft: Draft, now: datetime) -> bool:
    """Store `draft` in the caller's transaction. Return False if its key is there already."""
    channel = connection.execute(
        select(conversations.c.channel).where(conversations.c.id == draft.conversation_id)
    ).scalar_one()
    if not insert_once(connection, outbox, row_of(draft, channel, now)):
        return False
    if draft.picture is not None:
        _keep_picture(connection, draft, draft.picture, channel, now)
    return True


def put_all(connection: Connection, drafts: Iterable[tuple[Draft, str]], now: datetime) -> None:
    """Store many drafts (with their channels, without pictures) by one statement; known keys are skipped."""
    insert_new(connection, outbox, [row_of(draft, channel, now) for draft, channel in drafts])


def row_of(draft: Draft, channel: str, now: datetime) -> dict[str, Any]:
    """Return the row of the outbox that `draft` becomes."""
    notice: Mapping[str, Any] | None = None
    if draft.notice is not None:
        notice = {"name": draft.notice.name, "fields": dict(draft.notice.fields)}
    return {
        "key": draft.key,
        "conversation_id": draft.conversation_id,
        "channel": channel,
        "purpose": draft.purpose.value,
        "rank": RANK.get(draft.purpose, 0),
        "author": draft.author,
        "text": draft.text,
        "choices": [{"token": c.token, "label": c.label} for c in draft.choices],
        "sources": [{"id": s.id, "version": s.version} for s in draft.sources],
        "notice": notice,
        "poll": list(draft.poll) or None,
        "edits": draft.edits,
        "topic": None if draft.topic is None else asdict(draft.topic),
        "pins": draft.pins,
        "epoch": draft.epoch,
        "guard": draft.guard,
        "not_before": draft.not_before or now,
        "not_after": draft.not_after,
        "created_at": now,
    }


def _keep_picture(connection: Connection, draft: Draft, picture: File, channel: str, now: datetime) -> None:
    outbox_id = connection.execute(select(outbox.c.id).where(outbox.c.key == draft.key)).scalar_one()
    row = {
        "id": f"out-{outbox_id}",
        "conversation_id": draft.conversation_id,
        "outbox_id": outbox_id,
        "channel": channel,
        "kind": "image",
        "mime": picture.mime,
        "name": picture.name,
        "body": picture.body,
        "status": "kept",
        "not_before": now,
        "created_at": now,
    }
    connection.execute(media.insert().values(row))

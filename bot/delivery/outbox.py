"""The one door out: whatever the shop says is first a row here. Rows are only ever added, then marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.messages import Choice, Purpose, Source
from bot.store.insert import insert_once
from bot.store.tables import conversations, outbox


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be sent.

    Attributes:
        key: unique for ever; a second draft with the same key is ignored.
        epoch: the conversation's epoch under which it may be sent, None for any (campaigns, groups).
        guard: a condition asked again at send time, see `bot.delivery.gate`.
        not_before: earliest time, None for at once.
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


def put(connection: Connection, draft: Draft, now: datetime) -> bool:
    """Store `draft` in the caller's transaction. Return False if its key is there already."""
    channel = connection.execute(
        select(conversations.c.channel).where(conversations.c.id == draft.conversation_id)
    ).scalar_one()
    row = {
        "key": draft.key,
        "conversation_id": draft.conversation_id,
        "channel": channel,
        "purpose": draft.purpose.value,
        "author": draft.author,
        "text": draft.text,
        "choices": [{"token": c.token, "label": c.label} for c in draft.choices],
        "sources": [{"id": s.id, "version": s.version} for s in draft.sources],
        "epoch": draft.epoch,
        "guard": draft.guard,
        "not_before": draft.not_before or now,
        "not_after": draft.not_after,
        "created_at": now,
    }
    return insert_once(connection, outbox, row)

"""A message for everybody on a channel, put into the outbox by the database itself, one chunk at a time.

No recipient passes through this process: a million need no more memory than ten. Each chunk is a short transaction, so
that turns and sends go on in between; the key of each row is unique, so that a chunk done twice stores nothing twice.
Consent and everything else is asked at send time as always: only who said no before is not written to at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, case, func, literal, select

from bot.campaigns.segments import Segment, passes
from bot.delivery.outbox import Draft, row_of
from bot.delivery.standing import newest_answer
from bot.messages import Purpose
from bot.store.insert import insert_from
from bot.store.tables import conversations, customers, identities, outbox, persons
from bot.voice import Spoken

CHUNK = 2_000
"""Conversations that one transaction looks at."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What is said, and to whom.

    Attributes:
        id: unique for ever; with the conversation it makes the key of a row.
        words: what is said, by language. The conversation's language counts, else the person's, else the first.
        chat: the one chat of the channel that hears it; empty for all that can be reached.
        seen_since: leaves out chats in which nothing happened since then.
        segment: who of the channel is meant; None: everybody.
        polls: the options of a vote on what is said, by language; empty for no poll.
        guards: the condition of what is said in a language, see `bot.delivery.facts`.
    """

    id: str
    channel: str
    words: Mapping[str, Spoken]
    chat: str = ""
    seen_since: datetime | None = None
    segment: Segment | None = None
    not_after: datetime | None = None
    guards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pins: bool = False
    polls: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """What came of a chunk: the rows stored, and what `expand` takes as `after` for the next; None after the last."""

    stored: int
    after: str | None


def expand(connection: Connection, broadcast: Broadcast, after: str, now: datetime, size: int = CHUNK) -> Chunk:
    """Store the rows for the next `size` conversations whose ids come behind `after` (empty at the beginning)."""
    ids = conversations.c.id
    upto = None
    if not broadcast.chat:
        upto = connection.execute(select(ids).where(ids > after).order_by(ids).offset(size - 1).limit(1)).scalar()
    talks = _chat(broadcast) if broadcast.chat else _between(after, upto)
    columns = _columns(broadcast, talks, now)
    rows = (
        select(*columns.values())
        .select_from(talks)
        .outerjoin(identities, talks.c.identity_id == identities.c.id)
        .outerjoin(persons, identities.c.person_id == persons.c.id)
        .where(*_hears(broadcast, talks))
    )
    if broadcast.segment is not None:
        rows = rows.outerjoin(customers, persons.c.customer_id == customers.c.id)
        rows = rows.where(persons.c.id.is_not(None), *passes(broadcast.segment, now))
    return Chunk(insert_from(connection, outbox, tuple(columns), rows), upto)


def _chat(broadcast: Broadcast) -> Subquery:
    here = conversations.c.channel == broadcast.channel, conversations.c.chat == broadcast.chat
    return select(conversations).where(*here).subquery()


def _between(after: str, upto: str | None) -> Subquery:
    """Return the conversations of a chunk, whatever their channel.

    The offset keeps both databases from asking for the channel in here: they would go through all of its
    conversations for each chunk.
    """
    ids = conversations.c.id
    last = [] if upto is None else [ids <= upto]
    return select(conversations).where(ids > after, *last).offset(0).subquery()


def _columns(broadcast: Broadcast, talks: Subquery, now: datetime) -> dict[str, ColumnElement[Any]]:
    """Return what is put into each column, but for those that stay empty."""
    spoken = func.coalesce(func.nullif(talks.c.state["language"].as_string(), ""), persons.c.language, "")
    drafts = {language: _row(broadcast, language, words, now) for language, words in broadcast.words.items()}
    first, *others = drafts

    def column(name: str) -> ColumnElement[Any]:
        values = {language: literal(row[name], outbox.c[name].type) for language, row in drafts.items()}
        if all(drafts[language][name] == drafts[first][name] for language in others):
            return values[first]
        return case({language: values[language] for language in others}, value=spoken, else_=values[first])

    return {
        **{name: column(name) for name, value in drafts[first].items() if value is not None},
        "key": literal(f"campaign:{broadcast.id}:").concat(talks.c.id),
        "conversation_id": talks.c.id,
    }


def _row(broadcast: Broadcast, language: str, words: Spoken, now: datetime) -> dict[str, Any]:
    guard = broadcast.guards.get(language)
    draft = Draft(
        key="",
        conversation_id="",
        purpose=Purpose.MARKETING,
        text=words.text,
        author=f"campaign:{broadcast.id}",
        choices=words.choices,
        sources=words.sources,
        guard=dict(guard) if guard else None,
        not_after=broadcast.not_after,
        pins=broadcast.pins,
        poll=broadcast.polls.get(language, ()),
    )
    return row_of(draft, broadcast.channel, now)


def _hears(broadcast: Broadcast, talks: Subquery) -> list[ColumnElement[bool]]:
    answer = newest_answer(identities.c.person_id, broadcast.channel).correlate(identities).scalar_subquery()
    lately = [] if broadcast.seen_since is None else [talks.c.updated_at > broadcast.seen_since]
    return [
        talks.c.channel == broadcast.channel,
        talks.c.unreachable.is_(False),
        func.coalesce(answer, literal(True)),  # who was never asked is asked at send time
        *lately,
    ]

"""What the web chat shows: both sides of one conversation, in the order in which they became visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from bot.delivery.signal import Signal
from bot.messages import Chat, Choice
from bot.store.database import Database
from bot.store.tables import agents, conversations, inbox, outbox
from connectors.webchat.transcript import Author, ShownMessage


@dataclass(frozen=True, slots=True)
class StoredTranscript:
    """`connectors.webchat.transcript.Transcript` over the database."""

    database: Database
    changes: Signal

    async def after(self, chat: Chat, seen: int, limit: int) -> Sequence[ShownMessage]:
        return await self.database.read(lambda connection: shown_after(connection, chat, seen, limit))

    async def wait(self, timeout_s: float) -> None:
        await self.changes.wait(self.changes.count, timeout_s)


def shown_after(connection: Connection, chat: Chat, seen: int, limit: int) -> list[ShownMessage]:
    """Return at most `limit` messages that became visible after the `seen`th."""
    of_chat = conversations.c.channel == chat.channel, conversations.c.chat == chat.id
    said = connection.execute(
        select(inbox)
        .join(conversations, inbox.c.conversation_id == conversations.c.id)
        .where(*of_chat, inbox.c.shown > seen, inbox.c.event.is_(None))
        .order_by(inbox.c.shown)
        .limit(limit)
    )
    answered = connection.execute(
        select(outbox, agents.c.name.label("agent_name"))
        .join(conversations, outbox.c.conversation_id == conversations.c.id)
        .outerjoin(agents, outbox.c.author == "agent:" + agents.c.id)
        .where(*of_chat, outbox.c.shown > seen)
        .order_by(outbox.c.shown)
        .limit(limit)
    )
    messages = [_said(row) for row in said] + [_answered(row) for row in answered]
    return sorted(messages, key=lambda message: message.id)[:limit]


def _said(row: Any) -> ShownMessage:
    return ShownMessage(row.shown, True, "customer", "", row.text, (), row.received_at, row.key)


def _answered(row: Any) -> ShownMessage:
    kind = row.author.partition(":")[0]
    author: Author = "agent" if kind == "agent" else "campaign" if kind == "campaign" else "bot"
    choices = tuple(Choice(**choice) for choice in row.choices)
    return ShownMessage(row.shown, False, author, row.agent_name or "", row.text, choices, row.sent_at)

"""Who is in the groups that the bot is in, as far as it was told."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table

from bot.store.columns import Id, Utc, metadata

members = Table(
    "group_members",
    metadata,
    Column("conversation_id", Id, ForeignKey("conversations.id"), primary_key=True),
    Column("user", String(200), primary_key=True),  # the platform's id
    Column("came_at", Utc, nullable=False),
    Column("left_at", Utc),  # none while they are there
    Column("welcomed_at", Utc),  # none while they wait for it: who comes back is welcomed no second time
)

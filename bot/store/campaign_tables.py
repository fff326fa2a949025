"""What campaigns have said to whom, and what came of it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint, text
from sqlalchemy.types import BigInteger

from bot.store.columns import Id, Serial, Utc, metadata

touches = Table(  # every follow-up to one person: planned, sent, held out or stopped, and why
    "touches",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False, unique=True),  # of its row in the outbox
    Column("campaign", String(40), nullable=False),  # cart | order
    Column("person_id", Id, ForeignKey("persons.id"), nullable=False),
    Column("episode", String(120), nullable=False),  # one person and what they left, through all its steps
    Column("step", Integer, nullable=False),  # 1 first, 2 second, 3 last call
    Column("subject", Id, nullable=False, index=True),  # the cart's id, or the order's number
    Column("band", String(10), nullable=False, default="", server_default=text("''")),  # low | mid | high
    Column("value_minor", BigInteger, nullable=False),  # of what was left
    Column("currency", String(3), nullable=False),
    Column("status", String(10), nullable=False, default="planned"),
    # planned | sent | withheld | dropped | task | failed | unsure
    Column("reason", String(200), nullable=False, default=""),
    Column("planned_at", Utc, nullable=False, index=True),
    Column("decided_at", Utc),  # when it was sent, withheld or stopped
    Column("paid_at", Utc),  # of the first step: when the person paid after it
    Column("paid_minor", BigInteger),
    Index("ix_touches_person", "person_id", "planned_at"),
    UniqueConstraint("episode", "step", name="uq_touches_episode_step"),
)

"""Tables of what stands beside the console: keys of programs, outgoing webhooks, topics of a staff group."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from bot.store.columns import Id, Serial, Utc, metadata, partial

agent_keys = Table(  # by which a program acts as an agent; only the hash is kept
    "agent_keys",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("id", Id, nullable=False, unique=True),
    Column("agent_id", Id, ForeignKey("agents.id"), nullable=False, index=True),
    Column("name", String(100), nullable=False, default=""),  # what it is for
    Column("created_at", Utc, nullable=False),
    Column("seen_at", Utc),
)
outgoing = Table(  # what subscribers of the shop's own are told, written with what happened
    "outgoing",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", String(300), nullable=False),  # the webhook-id: unique for ever for one subscriber
    Column("subscriber", String(100), nullable=False),  # name in shop.toml
    Column("event", String(40), nullable=False),
    Column("body", JSON, nullable=False),
    Column("status", String(10), nullable=False, default="waiting"),  # waiting | sent | dead
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before", Utc, nullable=False),
    Column("reason", Text, nullable=False, default=""),  # what the last try came to
    Column("created_at", Utc, nullable=False),
    Column("sent_at", Utc),
    UniqueConstraint("subscriber", "key", name="uq_outgoing_subscriber_key"),
    partial("ix_outgoing_due", "subscriber", "not_before", "id", where="status = 'waiting'"),
    Index("ix_outgoing_created", "created_at"),
)
subscribers = Table(  # how it stands with each subscriber
    "subscribers",
    metadata,
    Column("name", String(100), primary_key=True),  # as in shop.toml
    Column("events", JSON, nullable=False),  # what it wants to hear of
    Column("failing_since", Utc),  # none = the last try was taken
    Column("off_since", Utc),  # it is not called any more until somebody says so
    Column("reason", Text, nullable=False, default=""),
)
agent_accounts = Table(  # by which accounts on a platform agents are known in the staff's group
    "agent_accounts",
    metadata,
    Column("channel", String(100), primary_key=True),
    Column("user", String(200), primary_key=True),
    Column("agent_id", Id, ForeignKey("agents.id"), nullable=False, index=True),
    Column("at", Utc, nullable=False),
)
topics = Table(  # the topic of a conversation in the staff's group
    "topics",
    metadata,
    Column("conversation_id", Id, ForeignKey("conversations.id"), primary_key=True),
    Column("group_id", Id, ForeignKey("conversations.id"), nullable=False),
    Column("thread", String(64), nullable=False, default=""),  # the platform's id; empty until it is made
    Column("told", Integer, nullable=False, default=0),  # messages written for it: numbers their keys
    Column("open", Boolean, nullable=False, default=False),
    Column("carded", Boolean, nullable=False, default=False),  # the card is in it
    Column("seen", Integer, nullable=False, default=0),  # how far the conversation is told, as conversations.shown
    Column("note_id", Serial, nullable=False, default=0),  # the newest note that is told
    Column("last_key", String(200), nullable=False, default=""),  # the newest row of the outbox for it
    Column("at", Utc, nullable=False),  # when it was opened or closed last
    Index("ix_topics_thread", "group_id", "thread"),
    partial("ix_topics_open", "group_id", where="open"),
)

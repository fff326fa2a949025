"""What campaigns have said to whom, and what came of it."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint, text
from sqlalchemy.types import BigInteger

from bot.store.columns import Id, Serial, Utc, metadata

campaigns = Table(  # what is said to a segment of people, one by one
    "campaigns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(10), nullable=False),  # recall | birthday | festival
    Column("plan", JSON, nullable=False),  # as it was written, see bot.campaigns.plans
    Column("status", String(10), nullable=False),  # draft | running | paused | ended
    Column("made_by", String(100), nullable=False),  # who planned it
    Column("approved_by", String(100), nullable=False, default="", server_default=text("''")),  # who else looked at it
    Column("started_at", Utc),
    Column("round_at", Utc),  # when it last looked who is to hear of it
)
person_tags = Table(  # what is noted of a person, for segments
    "person_tags",
    metadata,
    Column("person_id", Id, ForeignKey("persons.id"), primary_key=True),
    Column("tag", String(64), primary_key=True, index=True),
    Column("source", String(100), primary_key=True),  # where it comes from: vote:{id}
    Column("at", Utc, nullable=False),
)
touches = Table(  # every follow-up to one person: planned, sent, held out or stopped, and why
    "touches",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False, unique=True),  # of its row in the outbox
    Column("campaign", String(40), nullable=False),  # cart | order | kind of a campaign:ID
    Column("person_id", Id, ForeignKey("persons.id"), nullable=False),
    Column("episode", String(120), nullable=False),  # one person and what they left, through all its steps
    Column("step", Integer, nullable=False),  # 1 first, 2 second, 3 last
    Column("subject", Id, nullable=False, index=True),  # the cart's id, the order's number, or the customer's id
    Column("band", String(10), nullable=False, default="", server_default=text("''")),  # low | mid | high
    Column("value_minor", BigInteger, nullable=False),  # of what was left
    Column("currency", String(3), nullable=False),
    Column("status", String(10), nullable=False, default="planned"),
    # planned | sent | withheld | dropped | task | failed | unsure
    Column("reason", String(200), nullable=False, default=""),
    Column("gift", JSON(none_as_null=True)),  # a coupon that the person has as soon as it is sent
    Column("planned_at", Utc, nullable=False, index=True),
    Column("decided_at", Utc),  # when it was sent, withheld or stopped
    Column("paid_at", Utc),  # of the first step: when the person paid after it
    Column("paid_minor", BigInteger),
    Index("ix_touches_person", "person_id", "planned_at"),
    UniqueConstraint("episode", "step", name="uq_touches_episode_step"),
)

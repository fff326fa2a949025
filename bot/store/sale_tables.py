"""The tables of flash sales."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, String, Table, Text, UniqueConstraint, false, text
from sqlalchemy.types import BigInteger

from bot.store.columns import Id, Utc, metadata, partial

sales = Table(
    "sales",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sku", Id, ForeignKey("shop_variants.sku"), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("total", Integer, nullable=False),
    Column("available", Integer, nullable=False),
    Column("status", String(10), nullable=False, default="draft"),
    # draft | planned | running | paused | ended | cancelled
    Column("length_s", Integer, nullable=False, default=7200),
    Column("hold_s", Integer, nullable=False, default=600),
    Column("offer_s", Integer, nullable=False, default=300, server_default="300"),  # to who was next in line
    Column("limit_each", Integer, nullable=False, default=1, server_default="1"),  # pieces a person
    Column("early", JSON, nullable=False, default=dict),  # by tier: seconds ahead
    Column("min_age_s", Integer, nullable=False, default=0, server_default="0"),  # of an account, at the start
    Column("last_place", Integer, nullable=False, default=0, server_default="0"),  # that was given out in the line
    Column("pay_url", Text, nullable=False, default="", server_default=text("''")),  # {claim} stands for the claim's id
    Column("texts", JSON, nullable=False, default=dict),  # own ones: language → moment
    Column("made_by", String(100), nullable=False, default="", server_default=text("''")),  # who planned it
    Column("approved_by", String(100), nullable=False, default="", server_default=text("''")),
    Column("was_planned", Boolean, nullable=False, default=False, server_default=false()),  # it has a time of its own
    Column("audiences", JSON, nullable=False, default=list),  # channels and chats that hear of it
    Column("starts_at", Utc),
    Column("ends_at", Utc),
)
claims = Table(
    "sale_claims",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sale_id", Id, ForeignKey("sales.id"), nullable=False),
    Column("person_id", Id, ForeignKey("persons.id"), nullable=False),
    Column("buyer", String(80), nullable=False, default="", server_default=text("''")),
    # customer:ID, or person:ID of who is not known: all accounts of a customer are one buyer
    Column("piece", Integer, nullable=False, default=1, server_default="1"),  # of a buyer; those that count go first
    Column("status", String(10), nullable=False),  # waiting | held | paid | released | refunded | late: paid too late
    Column("place", Integer, nullable=False, default=0, server_default="0"),  # in the line; 0: never stood there
    Column("extended", Boolean, nullable=False, default=False, server_default=false()),
    Column("expires_at", Utc),  # none while it waits
    Column("claimed_at", Utc, nullable=False),
    Column("held_at", Utc),
    UniqueConstraint("sale_id", "buyer", "piece", name="uq_sale_claims_sale_buyer_piece"),
    partial("ix_sale_claims_waiting", "sale_id", "place", where="status = 'waiting'"),
    partial("ix_sale_claims_held", "sale_id", "expires_at", where="status = 'held'"),
    partial("ix_sale_claims_paid", "sale_id", where="status = 'paid'"),
)
sale_points = Table(  # how a sale stood at a time, for its chart
    "sale_points",
    metadata,
    Column("sale_id", Id, ForeignKey("sales.id"), primary_key=True),
    Column("at", Utc, primary_key=True),
    Column("available", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("paid", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),  # in line
    Column("claims", Integer, nullable=False),  # made so far, whatever became of them
)

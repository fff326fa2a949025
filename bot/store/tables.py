"""Every table, in the order in which a message meets them. Times are aware UTC, money is minor units."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import BigInteger

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC by both databases (SQLite forgets the zone, so it is put back)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime must not reach the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


Id = String(64)
Serial = BigInteger().with_variant(Integer(), "sqlite")

# --- who -------------------------------------------------------------------------------------------------------
persons = Table(
    "persons",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, default=""),
    Column("language", String(8), nullable=False, default=""),
    Column("customer_id", Id, index=True),  # the shop's customer, once proven
    Column("created_at", Utc, nullable=False),
)
identities = Table(
    "identities",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person_id", Id, ForeignKey("persons.id"), nullable=False, index=True),
    Column("channel", String(100), nullable=False),
    Column("user", String(200), nullable=False),
    Column("name", String(200), nullable=False, default=""),
    Column("created_at", Utc, nullable=False),
    UniqueConstraint("channel", "user", name="uq_identities_channel_user"),
)
proofs = Table(  # an order that an identity has shown to be its own
    "proofs",
    metadata,
    Column("identity_id", Id, ForeignKey("identities.id"), primary_key=True),
    Column("order_number", String(64), primary_key=True),
    Column("proven_at", Utc, nullable=False),
)
proof_failures = Table(  # wrong answers to "is this order yours?", so that nobody can guess
    "proof_failures",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("identity_id", Id, ForeignKey("identities.id"), nullable=False, index=True),
    Column("order_number", String(64), nullable=False, index=True),
    Column("at", Utc, nullable=False),
)
consents = Table(
    "consents",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("person_id", Id, ForeignKey("persons.id"), nullable=False),
    Column("channel", String(100), nullable=False),  # "*" = all channels of the person
    Column("purpose", String(20), nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("proof", Text, nullable=False),  # what was said or tapped
    Column("text_version", String(64), nullable=False, default=""),
    Column("at", Utc, nullable=False),
    Index("ix_consents_person", "person_id", "purpose", "at"),
)

# --- the way of a message ----------------------------------------------------------------------------------------
conversations = Table(
    "conversations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String(100), nullable=False),
    Column("chat", String(200), nullable=False),
    Column("chat_kind", String(10), nullable=False, default="private"),
    Column("identity_id", Id, ForeignKey("identities.id"), index=True),  # none for groups
    Column("unreachable", Boolean, nullable=False, default=False),  # blocked, unfollowed, kicked
    Column("owner", String(10), nullable=False, default="bot"),  # bot | queue | agent | closed
    Column("epoch", Integer, nullable=False, default=0),  # rises on every change of owner: the fence
    Column("agent_id", Id, ForeignKey("agents.id"), index=True),
    Column("reason", Text, nullable=False, default=""),  # why it was handed over
    Column("priority", Integer, nullable=False, default=0),
    Column("queued_at", Utc),
    Column("state", JSON, nullable=False, default=dict),
    Column("last_seq", Integer, nullable=False, default=0),  # newest inbound stored
    Column("done_seq", Integer, nullable=False, default=0),  # newest inbound whose turn is over
    Column("version", Integer, nullable=False, default=0),  # rises with every turn: the other fence
    Column("shown", Integer, nullable=False, default=0),  # counts what both sides have seen, in order
    Column("lease_token", String(64)),
    Column("lease_until", Utc),
    Column("tries", Integer, nullable=False, default=0, server_default="0"),  # of the turn that is next
    Column("seen_at", Utc),  # last time an agent looked
    Column("typing_until", Utc),  # an agent is writing, until then
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    UniqueConstraint("channel", "chat", name="uq_conversations_channel_chat"),
    Index("ix_conversations_owner", "owner", "queued_at"),
    _partial("ix_conversations_behind", "updated_at", where="last_seq > done_seq"),
)
inbox = Table(
    "inbox",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", String(300), nullable=False, unique=True),
    Column("conversation_id", Id, ForeignKey("conversations.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("identity_id", Id, ForeignKey("identities.id")),
    Column("text", Text, nullable=False, default=""),
    Column("event", String(20)),
    Column("payload", Text, nullable=False, default=""),
    Column("choice", String(64)),
    Column("sent_at", Utc, nullable=False),
    Column("received_at", Utc, nullable=False),
    Column("status", String(10), nullable=False, default="new"),  # new | done | dead
    Column("error", Text, nullable=False, default=""),
    Column("shown", Integer, nullable=False, default=0),
    Column("meaning", JSON),  # intent, confidence, entry, skill, why: shown to agents
    UniqueConstraint("conversation_id", "seq", name="uq_inbox_conversation_seq"),
    _partial("ix_inbox_dead", "received_at", where="status = 'dead'"),
    Index("ix_inbox_received", "received_at"),
)
outbox = Table(
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("conversation_id", Id, ForeignKey("conversations.id"), nullable=False),
    Column("channel", String(100), nullable=False),
    Column("purpose", String(20), nullable=False),
    Column("rank", Integer, nullable=False, default=0, server_default="0"),  # 1 = campaigns, behind everything else
    Column("author", String(100), nullable=False, default="bot"),
    Column("text", Text, nullable=False),
    Column("choices", JSON, nullable=False, default=list),
    Column("sources", JSON, nullable=False, default=list),
    Column("notice", JSON),  # the same in fields, for templates and subscription notices
    Column("poll", JSON),  # the options of a vote
    Column("edits", String(200), nullable=False, default="", server_default=text("''")),  # what it replaces
    Column("epoch", Integer),  # must still be the conversation's epoch at send; none = any
    Column("guard", JSON),  # a condition asked again at send, e.g. {"cart_open": "c1"}
    Column("status", String(10), nullable=False, default="waiting"),
    # waiting | sending | confirming | sent | unsure | failed | task | dropped | moved
    Column("reason", Text, nullable=False, default=""),
    Column("road", String(20), nullable=False, default="", server_default=text("''")),  # on which it was sent
    Column("cost", Integer, nullable=False, default=0, server_default="0"),  # what it took off the window
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before", Utc, nullable=False),
    Column("not_after", Utc),
    Column("lease_until", Utc),
    Column("platform_id", String(200), nullable=False, default=""),
    Column("shown", Integer),  # none until it was sent
    Column("created_at", Utc, nullable=False),
    Column("sent_at", Utc),
    _partial("ix_outbox_due", "channel", "rank", "not_before", "id", where="status = 'waiting'"),
    _partial("ix_outbox_open", "conversation_id", "id", where="status IN ('waiting', 'sending')"),
    _partial("ix_outbox_sending", "channel", "lease_until", where="status = 'sending'"),
    _partial("ix_outbox_platform", "platform_id", where="platform_id <> ''"),
    Index("ix_outbox_conversation", "conversation_id", "id"),
    Index("ix_outbox_created", "created_at"),
)
media = Table(  # pictures, voices and files, with their bytes: one place to back up, shared by all processes
    "media",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversations.id"), nullable=False, index=True),
    Column("inbox_id", Serial, ForeignKey("inbox.id"), index=True),
    Column("outbox_id", Serial, ForeignKey("outbox.id"), index=True),
    Column("channel", String(100), nullable=False),
    Column("kind", String(20), nullable=False),  # image | voice | video | file
    Column("ref", Text, nullable=False, default=""),  # the platform's id, for the connector that fetches it
    Column("mime", String(100), nullable=False, default=""),
    Column("name", String(200), nullable=False, default=""),
    Column("body", LargeBinary),  # none until it was fetched
    Column("status", String(10), nullable=False, default="new"),  # new | kept | lost
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before", Utc, nullable=False),
    Column("created_at", Utc, nullable=False),
    _partial("ix_media_new", "channel", "not_before", where="status = 'new'"),
)
grants = Table(
    "grants",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("conversation_id", Id, ForeignKey("conversations.id"), nullable=False),
    Column("needs", String(100), nullable=False, default="window", server_default="window"),  # or credit:{name}
    Column("action", String(40), nullable=False, default="said", server_default="said"),
    Column("allowed", Integer),  # none = not counted
    Column("used", Integer, nullable=False, default=0),
    Column("purposes", JSON, nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("expires_at", Utc),  # none = it waits to be used
    UniqueConstraint("conversation_id", "needs", "action", name="uq_grants_conversation_needs_action"),
)
timers = Table(
    "timers",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("kind", String(50), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("due_at", Utc, nullable=False, index=True),
    Column("attempts", Integer, nullable=False, default=0),
)
tasks = Table(  # work for a human where no legal road is open
    "tasks",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", String(300), nullable=False, unique=True),
    Column("kind", String(50), nullable=False),
    Column("conversation_id", Id, ForeignKey("conversations.id")),
    Column("agent_id", Id, ForeignKey("agents.id", use_alter=True)),  # whose work it is; none = anybody's
    Column("text", Text, nullable=False),
    Column("done", Boolean, nullable=False, default=False),
    Column("created_at", Utc, nullable=False),
)

leases = Table(  # what only one process may do at a time: to send for a channel, to clean up
    "leases",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("holder", Id, nullable=False),
    Column("until", Utc, nullable=False),
)
channel_facts = Table(  # what connectors keep: tokens, cursors, how far a long message got
    "channel_facts",
    metadata,
    Column("channel", String(100), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("value", Text, nullable=False),
    Column("kept_at", Utc, nullable=False),
)

# --- agents --------------------------------------------------------------------------------------------------------
agents = Table(
    "agents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("login", String(100), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("role", String(20), nullable=False, default="agent"),  # agent | lead | editor | admin
    Column("password_hash", String(300), nullable=False, default=""),
    Column("status", String(10), nullable=False, default="off"),  # on | away | off
    Column("capacity", Integer, nullable=False, default=5),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("seen_at", Utc),
    Column("created_at", Utc, nullable=False),
)
logins = Table(  # one-time links and sessions; only the hash is kept
    "logins",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("agent_id", Id, ForeignKey("agents.id"), nullable=False),
    Column("kind", String(10), nullable=False),  # link | session
    Column("created_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
)
notes = Table(  # private notes and marks in a conversation, seen by agents only
    "notes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("conversation_id", Id, ForeignKey("conversations.id"), nullable=False, index=True),
    Column("author", String(100), nullable=False),
    Column("kind", String(20), nullable=False),  # note | taken | closed | handoff | transferred | task_done
    Column("text", Text, nullable=False, default=""),
    Column("at", Utc, nullable=False),
)

# --- the embedded shop -----------------------------------------------------------------------------------------------
customers = Table(
    "shop_customers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("phone", String(40), nullable=False, default=""),
    Column("email", String(200), nullable=False, default=""),
    Column("tier", String(20), nullable=False, default="regular"),
    Column("spent_minor", BigInteger, nullable=False, default=0),
    Column("created_at", Utc, nullable=False),
)
products = Table(
    "shop_products",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name_zh", String(200), nullable=False),
    Column("name_en", String(200), nullable=False),
    Column("category", String(40), nullable=False, index=True),
    Column("size_chart", String(40), nullable=False, default=""),
    Column("material_zh", String(200), nullable=False, default=""),
    Column("material_en", String(200), nullable=False, default=""),
    Column("returnable", Boolean, nullable=False, default=True),
    Column("active", Boolean, nullable=False, default=True),
)
variants = Table(
    "shop_variants",
    metadata,
    Column("sku", Id, primary_key=True),
    Column("product_id", Id, ForeignKey("shop_products.id"), nullable=False, index=True),
    Column("colour_zh", String(40), nullable=False),
    Column("colour_en", String(40), nullable=False),
    Column("size", String(20), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("stock", Integer, nullable=False, default=0),
)
orders = Table(
    "shop_orders",
    metadata,
    Column("number", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey("shop_customers.id"), nullable=False, index=True),
    Column("status", String(20), nullable=False),
    # unpaid | paid | packed | shipped | delivered | returned | refunded | cancelled
    Column("total_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("address", Text, nullable=False, default=""),
    Column("created_at", Utc, nullable=False),
    Column("paid_at", Utc),
    Column("delivered_at", Utc),
)
order_lines = Table(
    "shop_order_lines",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("order_number", Id, ForeignKey("shop_orders.number"), nullable=False, index=True),
    Column("sku", Id, ForeignKey("shop_variants.sku"), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
)
shipments = Table(
    "shop_shipments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("order_number", Id, ForeignKey("shop_orders.number"), nullable=False, index=True),
    Column("carrier", String(40), nullable=False),
    Column("tracking_number", String(64), nullable=False),
    Column("expected_at", Utc),
)
tracking = Table(
    "shop_tracking",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("shipment_id", Id, ForeignKey("shop_shipments.id"), nullable=False, index=True),
    Column("at", Utc, nullable=False),
    Column("place_zh", String(200), nullable=False),
    Column("place_en", String(200), nullable=False),
    Column("status", String(30), nullable=False),  # picked_up | in_transit | out_for_delivery | delivered
)
carts = Table(
    "shop_carts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey("shop_customers.id"), nullable=False, index=True),
    Column("status", String(10), nullable=False, default="open"),  # open | paid | emptied
    Column("updated_at", Utc, nullable=False),
)
cart_lines = Table(
    "shop_cart_lines",
    metadata,
    Column("cart_id", Id, ForeignKey("shop_carts.id"), primary_key=True),
    Column("sku", Id, ForeignKey("shop_variants.sku"), primary_key=True),
    Column("quantity", Integer, nullable=False),
)
returns = Table(
    "shop_returns",
    metadata,
    Column("number", Id, primary_key=True),
    Column("order_number", Id, ForeignKey("shop_orders.number"), nullable=False, index=True),
    Column("line_id", Serial, ForeignKey("shop_order_lines.id"), nullable=False, unique=True),
    Column("reason", Text, nullable=False),
    Column("status", String(20), nullable=False, default="open"),
    Column("opened_at", Utc, nullable=False),
)

# --- flash sales -----------------------------------------------------------------------------------------------------
sales = Table(
    "sales",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sku", Id, ForeignKey("shop_variants.sku"), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("total", Integer, nullable=False),
    Column("available", Integer, nullable=False),
    Column("status", String(10), nullable=False, default="draft"),  # draft | running | ended
    Column("length_s", Integer, nullable=False, default=7200),
    Column("hold_s", Integer, nullable=False, default=600),
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
    Column("status", String(10), nullable=False),  # held | paid | released
    Column("expires_at", Utc, nullable=False),
    Column("claimed_at", Utc, nullable=False),
    UniqueConstraint("sale_id", "person_id", name="uq_sale_claims_sale_person"),
)

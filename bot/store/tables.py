"""Every table, in the order in which a message meets them. Times are aware UTC, money is minor units."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.types import BigInteger

from bot.store.campaign_tables import campaigns, person_tags, touches
from bot.store.columns import Id, Serial, Utc, metadata, partial
from bot.store.desk_tables import agent_accounts, agent_keys, outgoing, subscribers, topics
from bot.store.group_tables import members
from bot.store.safety_tables import audit, login_tries, recovery_codes
from bot.store.sale_tables import claims, sale_points, sales
from bot.store.shop_tables import (
    cart_lines,
    carts,
    case_parts,
    cases,
    coupons,
    customers,
    deliveries,
    errands,
    invoices,
    order_lines,
    orders,
    platform_state,
    price_watches,
    products,
    refunds,
    shipments,
    tracking,
    untold,
    variants,
    watches,
)
from bot.store.vote_tables import ballots, votes

__all__ = [  # what other modules find here beside the tables below
    "Utc",
    "agent_accounts",
    "agent_keys",
    "audit",
    "ballots",
    "campaigns",
    "cart_lines",
    "carts",
    "case_parts",
    "cases",
    "claims",
    "coupons",
    "customers",
    "deliveries",
    "errands",
    "invoices",
    "login_tries",
    "members",
    "metadata",
    "order_lines",
    "orders",
    "outgoing",
    "person_tags",
    "platform_state",
    "price_watches",
    "products",
    "recovery_codes",
    "refunds",
    "sale_points",
    "sales",
    "shipments",
    "subscribers",
    "topics",
    "touches",
    "tracking",
    "untold",
    "variants",
    "votes",
    "watches",
]

# --- who -------------------------------------------------------------------------------------------------------
persons = Table(
    "persons",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, default=""),
    Column("language", String(8), nullable=False, default=""),
    Column("customer_id", Id),  # the shop's customer, once proven
    Column("created_at", Utc, nullable=False),
    partial("ix_persons_customer", "customer_id", where="customer_id IS NOT NULL"),  # else all unknown count as alike
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
proof_codes = Table(  # one-time codes that prove an order; never the code, only its hash
    "proof_codes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("identity_id", Id, ForeignKey("identities.id"), nullable=False, index=True),
    Column("order_number", String(64), nullable=False, index=True),  # as it was said: there may be no such order
    Column("status", String(10), nullable=False, default="asked"),  # asked | nobody: it goes to no one | used
    Column("hash", String(200), nullable=False, default=""),  # of the last one that was sent
    Column("made_at", Utc),
    Column("asked_at", Utc, nullable=False, index=True),
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
    partial("ix_consents_no", "person_id", where="NOT granted"),
)
person_measures = Table(  # a person's own measures, where they want them remembered
    "person_measures",
    metadata,
    Column("person_id", Id, ForeignKey("persons.id"), primary_key=True),
    Column("wanted", Boolean, nullable=False),  # false: asked, and no yes so far; nothing is kept
    Column("measures", JSON, nullable=False, default=dict),  # by name, in cm, kg, the foot in mm
    Column("at", Utc, nullable=False),
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
    Column("place_at", Utc),  # the place in the queue, kept until a human has answered
    Column("assigned_at", Utc),  # since when the agent has it
    Column("answer_by", Utc),  # until when the agent has to answer, or loses it
    Column("last_agent_id", Id),  # who had it last
    Column("topic", String(64), nullable=False, default="", server_default=text("''")),  # what it is about: a label
    Column("snoozed_until", Utc),  # put off by its agent
    Column("told_place", Integer),  # the place in the queue that the customer was told last
    Column("told_at", Utc),  # when that was
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
    Column("customer_typing_until", Utc),  # and the customer, where the channel tells
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    UniqueConstraint("channel", "chat", name="uq_conversations_channel_chat"),
    Index("ix_conversations_owner", "owner", "queued_at"),
    partial("ix_conversations_behind", "updated_at", where="last_seq > done_seq"),
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
    Column("meaning", JSON),  # intent, confidence, entry, skill, label, why: shown to agents
    Column("topic", JSON),  # where in a group it was said
    Column("addressed", String(10), nullable=False, default="", server_default=text("''")),  # in a group: name | reply
    UniqueConstraint("conversation_id", "seq", name="uq_inbox_conversation_seq"),
    partial("ix_inbox_dead", "received_at", where="status = 'dead'"),
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
    Column("topic", JSON),  # where in a group it is said, or what is done to a topic of the staff
    Column("pins", Boolean, nullable=False, default=False, server_default=false()),  # it is pinned in its group
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
    partial("ix_outbox_due", "channel", "rank", "not_before", "id", where="status = 'waiting'"),
    partial("ix_outbox_open", "conversation_id", "id", where="status IN ('waiting', 'sending')"),
    partial("ix_outbox_sending", "channel", "lease_until", where="status = 'sending'"),
    partial("ix_outbox_platform", "platform_id", where="platform_id <> ''"),
    partial("ix_outbox_campaign", "author", "status", where="author >= 'campaign:'"),
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
    partial("ix_media_new", "channel", "not_before", where="status = 'new'"),
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
    Index("ix_timers_kind", "kind", "due_at"),
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
    Column("answer_by", Utc),  # of a complaint: when the first answer of a human is due
    Column("due_at", Utc),  # when it has to be solved; none = no clock
    partial("ix_tasks_open", "created_at", where="NOT done"),
)

clocks = Table(  # how long customers wait for a human: one row for each time that a clock ran
    "clocks",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("conversation_id", Id, ForeignKey("conversations.id"), nullable=False),
    Column("kind", String(12), nullable=False),  # first | next | resolution
    Column("started_at", Utc, nullable=False, index=True),
    Column("due_at", Utc),  # none until the timer has told it
    Column("warned_at", Utc),
    Column("late_at", Utc),  # when it ran out
    Column("ended_at", Utc),
    Column("result", String(10), nullable=False, default=""),  # answered, or the owner that ended it: bot | closed
    Column("agent_id", Id, ForeignKey("agents.id")),  # who answered, or had it at the end
    Index("ix_clocks_conversation", "conversation_id", "ended_at"),
    partial("ix_clocks_open", "due_at", where="ended_at IS NULL"),
)

ratings = Table(  # how customers rate a conversation that an agent closed
    "ratings",
    metadata,
    Column("conversation_id", Id, ForeignKey("conversations.id"), primary_key=True),
    Column("epoch", Integer, primary_key=True),  # of the close: each is rated once
    Column("score", Integer, nullable=False),  # 1 to 5
    Column("comment", Text, nullable=False, default="", server_default=text("''")),
    Column("at", Utc, nullable=False, index=True),
)

label_counts = Table(  # how often customers asked for what, by day in the shop's zone
    "label_counts",
    metadata,
    Column("day", Date, primary_key=True),
    Column("label", String(100), primary_key=True),
    Column("count", Integer, nullable=False),
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
    Column("status", String(10), nullable=False, default="gone"),  # on | away | off | gone: no page is open
    Column("capacity", Integer, nullable=False, default=5),
    Column("languages", JSON, nullable=False, default=list),  # spoken; empty: all
    Column("topics", JSON, nullable=False, default=list),  # labels that are theirs; empty: all
    Column("missed", Integer, nullable=False, default=0, server_default="0"),  # lost in a row by not answering
    Column("disabled", Boolean, nullable=False, default=False),
    Column("email", String(200), nullable=False, default="", server_default=text("''")),  # for the single sign-on
    Column("totp_secret", String(300), nullable=False, default="", server_default=text("''")),  # encrypted
    Column("totp_new", String(300), nullable=False, default="", server_default=text("''")),  # not confirmed yet
    Column("totp_step", BigInteger, nullable=False, default=0, server_default="0"),  # of the last code that was used
    Column("seen_at", Utc),
    Column("created_at", Utc, nullable=False),
)
logins = Table(  # one-time links and sessions; only the hash is kept
    "logins",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("agent_id", Id, ForeignKey("agents.id"), nullable=False),
    Column("kind", String(10), nullable=False),  # link | halfway (the second factor is missing) | session
    Column("way", String(10), nullable=False, default="", server_default=text("''")),  # link | password | sso
    Column("address", String(64), nullable=False, default="", server_default=text("''")),
    Column("browser", String(300), nullable=False, default="", server_default=text("''")),
    Column("created_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
)
waits = Table(  # every wait in the queue, with what was foretold, so that what is told next is better
    "waits",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("conversation_id", Id, ForeignKey("conversations.id"), nullable=False),
    Column("epoch", Integer, nullable=False),  # of the conversation as it came into the queue
    Column("began_at", Utc, nullable=False),
    Column("place", Integer, nullable=False),  # in the queue then, from 1
    Column("slots", Integer, nullable=False),  # conversations that the agents on duty had room for in all
    Column("foretold_s", Integer),  # none: nobody was on duty, or too little was known
    Column("ended_at", Utc, index=True),
    Column("result", String(10), nullable=False, default=""),  # taken, or the owner that ended it: bot | closed
    UniqueConstraint("conversation_id", "epoch", name="uq_waits_conversation_epoch"),
)
notes = Table(  # private notes and marks in a conversation, seen by agents only
    "notes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("conversation_id", Id, ForeignKey("conversations.id"), nullable=False, index=True),
    Column("author", String(100), nullable=False),
    Column("kind", String(20), nullable=False),  # note | whisper | taken | closed | handoff | …
    Column("text", Text, nullable=False, default=""),
    Column("at", Utc, nullable=False),
    Column("key", String(300)),  # of a note of an agent: one that comes twice is kept once
    Index("ix_notes_key", "key", unique=True),
)
drafts = Table(  # what an agent has begun to write and not sent: survives a reload, and tells others who writes
    "drafts",
    metadata,
    Column("conversation_id", Id, ForeignKey("conversations.id"), primary_key=True),
    Column("agent_id", Id, ForeignKey("agents.id"), primary_key=True),
    Column("mode", String(10), nullable=False),  # reply | note
    Column("text", Text, nullable=False),
    Column("at", Utc, nullable=False),
)

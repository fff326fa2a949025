"""Keys of programs, outgoing webhooks and how it stands with their subscribers; open tasks are found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "agent_keys",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", Utc(timezone=True), nullable=False),
        sa.Column("seen_at", Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_agent_keys_agent_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_agent_keys")),
        sa.UniqueConstraint("id", name=op.f("uq_agent_keys_id")),
    )
    op.create_index(op.f("ix_agent_keys_agent_id"), "agent_keys", ["agent_id"], unique=False)
    op.create_table(
        "outgoing",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("subscriber", sa.String(length=100), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Utc(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", Utc(timezone=True), nullable=False),
        sa.Column("sent_at", Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing")),
        sa.UniqueConstraint("subscriber", "key", name="uq_outgoing_subscriber_key"),
    )
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        "ix_outgoing_due",
        "outgoing",
        ["subscriber", "not_before", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("ix_outgoing_created", "outgoing", ["created_at"], unique=False)
    op.create_table(
        "subscribers",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("failing_since", Utc(timezone=True), nullable=True),
        sa.Column("off_since", Utc(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_subscribers")),
    )
    undone = sa.text("NOT done")
    op.create_index("ix_tasks_open", "tasks", ["created_at"], sqlite_where=undone, postgresql_where=undone)


def downgrade() -> None:
    op.drop_index("ix_tasks_open", table_name="tasks")
    op.drop_table("subscribers")
    op.drop_table("outgoing")
    op.drop_table("agent_keys")

"""Topics of the staff's group, and the accounts by which agents are known there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for name in ("inbox", "outbox"):
        with op.batch_alter_table(name, schema=None) as batch_op:
            batch_op.add_column(sa.Column("topic", sa.JSON(), nullable=True))
    op.create_table(
        "agent_accounts",
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("user", sa.String(length=200), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("at", Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_agent_accounts_agent_id")),
        sa.PrimaryKeyConstraint("channel", "user", name=op.f("pk_agent_accounts")),
    )
    op.create_index(op.f("ix_agent_accounts_agent_id"), "agent_accounts", ["agent_id"], unique=False)
    op.create_table(
        "topics",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("thread", sa.String(length=64), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("carded", sa.Boolean(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("note_id", SERIAL, nullable=False),
        sa.Column("last_key", sa.String(length=200), nullable=False),
        sa.Column("at", Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_topics_conversation_id")),
        sa.ForeignKeyConstraint(["group_id"], ["conversations.id"], name=op.f("fk_topics_group_id")),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_topics")),
    )
    op.create_index("ix_topics_thread", "topics", ["group_id", "thread"], unique=False)
    is_open = sa.text("open")
    op.create_index("ix_topics_open", "topics", ["group_id"], sqlite_where=is_open, postgresql_where=is_open)


def downgrade() -> None:
    op.drop_table("topics")
    op.drop_table("agent_accounts")
    for name in ("inbox", "outbox"):
        with op.batch_alter_table(name, schema=None) as batch_op:
            batch_op.drop_column("topic")

"""Clocks: how long customers wait for a human's first words, next words, and the end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Serial, Utc

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clocks",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("started_at", Utc(timezone=True), nullable=False),
        sa.Column("due_at", Utc(timezone=True), nullable=True),
        sa.Column("warned_at", Utc(timezone=True), nullable=True),
        sa.Column("late_at", Utc(timezone=True), nullable=True),
        sa.Column("ended_at", Utc(timezone=True), nullable=True),
        sa.Column("result", sa.String(length=10), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_clocks_agent_id")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_clocks_conversation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clocks")),
    )
    op.create_index(op.f("ix_clocks_started_at"), "clocks", ["started_at"], unique=False)
    op.create_index("ix_clocks_conversation", "clocks", ["conversation_id", "ended_at"], unique=False)
    where = sa.text("ended_at IS NULL")
    op.create_index("ix_clocks_open", "clocks", ["due_at"], unique=False, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("clocks")

"""The queue: places that are kept, what agents can and have to do, and how long each wait took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Serial, Utc

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIMES = ("place_at", "assigned_at", "answer_by", "snoozed_until", "told_at")


def upgrade() -> None:
    with op.batch_alter_table("conversations") as batch_op:
        for name in _TIMES:
            batch_op.add_column(sa.Column(name, Utc(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("last_agent_id", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("topic", sa.String(length=64), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("told_place", sa.Integer(), nullable=True))
    op.execute("UPDATE conversations SET place_at = queued_at")
    with op.batch_alter_table("agents") as batch_op:
        batch_op.add_column(sa.Column("languages", sa.JSON(), server_default=sa.text("'[]'"), nullable=False))
        batch_op.add_column(sa.Column("topics", sa.JSON(), server_default=sa.text("'[]'"), nullable=False))
        batch_op.add_column(sa.Column("missed", sa.Integer(), server_default=sa.text("0"), nullable=False))
    with op.batch_alter_table("agents") as batch_op:  # the rows that there are have got theirs
        batch_op.alter_column("languages", server_default=None)
        batch_op.alter_column("topics", server_default=None)
    op.execute("UPDATE agents SET status = 'gone' WHERE status = 'off'")
    op.create_table(
        "waits",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("began_at", Utc(timezone=True), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("foretold_s", sa.Integer(), nullable=True),
        sa.Column("ended_at", Utc(timezone=True), nullable=True),
        sa.Column("result", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_waits_conversation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waits")),
        sa.UniqueConstraint("conversation_id", "epoch", name="uq_waits_conversation_epoch"),
    )
    op.create_index(op.f("ix_waits_ended_at"), "waits", ["ended_at"], unique=False)


def downgrade() -> None:
    op.drop_table("waits")
    op.execute("UPDATE agents SET status = 'off' WHERE status = 'gone'")
    with op.batch_alter_table("agents") as batch_op:
        for name in ("languages", "topics", "missed"):
            batch_op.drop_column(name)
    with op.batch_alter_table("conversations") as batch_op:
        for name in (*_TIMES, "last_agent_id", "topic", "told_place"):
            batch_op.drop_column(name)

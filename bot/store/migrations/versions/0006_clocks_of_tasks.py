"""Tasks with clocks: until when a complaint wants an answer and an end; and how customers rate a conversation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("answer_by", Utc(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("due_at", Utc(timezone=True), nullable=True))
    op.create_table(
        "ratings",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("at", Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_ratings_conversation_id")),
        sa.PrimaryKeyConstraint("conversation_id", "epoch", name=op.f("pk_ratings")),
    )
    op.create_index(op.f("ix_ratings_at"), "ratings", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_ratings_at"), table_name="ratings")
    op.drop_table("ratings")
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_column("due_at")
        batch_op.drop_column("answer_by")

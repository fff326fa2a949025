"""Who came into groups, how they speak to the bot, and trial votes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("addressed", sa.String(length=10), server_default=sa.text("''"), nullable=False))
    op.create_table(
        "group_members",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=200), nullable=False),
        sa.Column("came_at", Utc(timezone=True), nullable=False),
        sa.Column("left_at", Utc(timezone=True), nullable=True),
        sa.Column("welcomed_at", Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_group_members_conversation_id_conversations"
        ),
        sa.PrimaryKeyConstraint("conversation_id", "user", name="pk_group_members"),
    )


def downgrade() -> None:
    op.drop_table("group_members")
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_column("addressed")

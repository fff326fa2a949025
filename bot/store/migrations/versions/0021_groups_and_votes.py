"""Who came into groups, how they speak to the bot, and trial votes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0021"
down_revision = "0020"
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

    op.create_table(
        "votes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("question", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("prize", sa.JSON(), nullable=False),
        sa.Column("winners", sa.Integer(), nullable=False),
        sa.Column("audiences", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("last_entry", sa.Integer(), server_default="0", nullable=False),
        sa.Column("made_by", sa.String(length=100), server_default=sa.text("''"), nullable=False),
        sa.Column("approved_by", sa.String(length=100), server_default=sa.text("''"), nullable=False),
        sa.Column("starts_at", Utc(timezone=True), nullable=False),
        sa.Column("ends_at", Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_votes"),
    )
    op.create_index("ix_votes_ends_at", "votes", ["ends_at"])
    op.create_table(
        "vote_ballots",
        sa.Column("vote_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("identity_id", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("option", sa.String(length=64), nullable=False),
        sa.Column("voted_at", Utc(timezone=True), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["vote_id"], ["votes.id"], name="fk_vote_ballots_vote_id_votes"),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_vote_ballots_person_id_persons"),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name="fk_vote_ballots_identity_id_identities"),
        sa.PrimaryKeyConstraint("vote_id", "person_id", name="pk_vote_ballots"),
        sa.UniqueConstraint("vote_id", "entry", name="uq_vote_ballots_vote_entry"),
    )
    op.create_index("ix_vote_ballots_person", "vote_ballots", ["person_id"])


def downgrade() -> None:
    for table in ("vote_ballots", "votes"):
        op.drop_table(table)
    op.drop_table("group_members")
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_column("addressed")

"""Campaigns to a segment of people, tags of people, and coupons that come with a touch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("started_at", Utc(timezone=True), nullable=True),
        sa.Column("round_at", Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    op.create_table(
        "person_tags",
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("at", Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_person_tags_person_id")),
        sa.PrimaryKeyConstraint("person_id", "tag", "source", name=op.f("pk_person_tags")),
    )
    op.create_index(op.f("ix_person_tags_tag"), "person_tags", ["tag"], unique=False)
    with op.batch_alter_table("touches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("gift", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM timers WHERE kind IN ('recall_round', 'recall_wave')")
    op.execute(
        "UPDATE outbox SET status = 'dropped', reason = 'older schema' WHERE status = 'waiting'"
        " AND CAST(guard AS TEXT) LIKE '%\"asleep\"%'"
    )
    op.execute("DELETE FROM touches WHERE campaign LIKE 'recall:%'")
    with op.batch_alter_table("touches", schema=None) as batch_op:
        batch_op.drop_column("gift")
    op.drop_table("person_tags")
    op.drop_table("campaigns")

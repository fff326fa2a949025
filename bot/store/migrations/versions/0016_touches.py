"""Every follow-up to one person, and where a cart can be paid."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "touches",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("campaign", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("episode", sa.String(length=120), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("band", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("planned_at", Utc(timezone=True), nullable=False),
        sa.Column("decided_at", Utc(timezone=True), nullable=True),
        sa.Column("paid_at", Utc(timezone=True), nullable=True),
        sa.Column("paid_minor", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_touches_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touches")),
        sa.UniqueConstraint("episode", "step", name="uq_touches_episode_step"),
        sa.UniqueConstraint("key", name=op.f("uq_touches_key")),
    )
    op.create_index(op.f("ix_touches_planned_at"), "touches", ["planned_at"], unique=False)
    op.create_index(op.f("ix_touches_subject"), "touches", ["subject"], unique=False)
    op.create_index("ix_touches_person", "touches", ["person_id", "planned_at"], unique=False)
    with op.batch_alter_table("shop_carts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pay_url", sa.Text(), server_default=sa.text("''"), nullable=False))
    with op.batch_alter_table("shop_orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pay_url", sa.Text(), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    for table in ("shop_orders", "shop_carts"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("pay_url")
    op.drop_table("touches")

"""One-time codes that prove an order; what a coupon is for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Serial, Utc

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "proof_codes",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("identity_id", sa.String(length=64), nullable=False),
        sa.Column("order_number", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("hash", sa.String(length=200), nullable=False),
        sa.Column("made_at", Utc(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Utc(timezone=True), nullable=False),
        sa.Column("asked_at", Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name=op.f("fk_proof_codes_identity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proof_codes")),
    )
    for column in ("identity_id", "order_number", "asked_at"):
        op.create_index(op.f(f"ix_proof_codes_{column}"), "proof_codes", [column], unique=False)
    with op.batch_alter_table("shop_coupons", schema=None) as batch_op:
        batch_op.add_column(sa.Column("product_ids", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("categories", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("shop_coupons", schema=None) as batch_op:
        batch_op.drop_column("categories")
        batch_op.drop_column("product_ids")
    op.drop_table("proof_codes")

"""Measures that a person wants remembered; how a product fits is counted by its order lines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person_measures",
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("measures", sa.JSON(), nullable=False),
        sa.Column("at", Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_person_measures_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person_measures")),
    )
    with op.batch_alter_table("shop_order_lines", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shop_order_lines_sku"), ["sku"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("shop_order_lines", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shop_order_lines_sku"))
    op.drop_table("person_measures")

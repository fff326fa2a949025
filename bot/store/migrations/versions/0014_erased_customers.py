"""A customer who was deleted in the shop's system stays erased here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("shop_customers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("erased_at", Utc(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("shop_customers", schema=None) as batch_op:
        batch_op.drop_column("erased_at")

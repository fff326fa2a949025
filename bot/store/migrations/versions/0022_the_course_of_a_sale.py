"""How a sale stood from time to time, for its chart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sale_points",
        sa.Column("sale_id", sa.String(length=64), nullable=False),
        sa.Column("at", Utc(timezone=True), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("available", "held", "paid", "waiting", "claims")),
        sa.ForeignKeyConstraint(["sale_id"], ["sales.id"], name=op.f("fk_sale_points_sale_id_sales")),
        sa.PrimaryKeyConstraint("sale_id", "at", name=op.f("pk_sale_points")),
    )
    where = sa.text("status = 'paid'")
    op.create_index("ix_sale_claims_paid", "sale_claims", ["sale_id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.execute("DELETE FROM timers WHERE kind = 'sale_point'")
    op.drop_index("ix_sale_claims_paid", table_name="sale_claims")
    op.drop_table("sale_points")

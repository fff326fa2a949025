"""Birthdays of customers: the day of the year, and no year."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    birthday = sa.Column("birthday", sa.String(5), nullable=False, server_default=sa.text("''"))
    op.add_column("shop_customers", birthday)
    where = sa.text("birthday <> ''")
    op.create_index(
        "ix_shop_customers_birthday", "shop_customers", ["birthday"], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    op.drop_index("ix_shop_customers_birthday", table_name="shop_customers")
    op.drop_column("shop_customers", "birthday")

"""Birthdays of customers, the day of the year and no year; who waits for a product to get cheaper; coupons of tiers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

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
    op.add_column("shop_coupons", sa.Column("tiers", sa.JSON(), nullable=True))
    op.create_table(
        "shop_price_watches",
        sa.Column("conversation_id", sa.String(64), nullable=False),
        sa.Column("product_id", sa.String(64), nullable=False),
        sa.Column("tier", sa.String(20), nullable=False),
        sa.Column("prices_minor", sa.JSON(), nullable=False),
        sa.Column("asked_at", Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_shop_price_watches_conversation_id")
        ),
        sa.ForeignKeyConstraint(["product_id"], ["shop_products.id"], name=op.f("fk_shop_price_watches_product_id")),
        sa.PrimaryKeyConstraint("conversation_id", "product_id", name=op.f("pk_shop_price_watches")),
    )
    op.create_index(op.f("ix_shop_price_watches_product_id"), "shop_price_watches", ["product_id"])


def downgrade() -> None:
    op.drop_table("shop_price_watches")
    op.drop_column("shop_coupons", "tiers")
    op.drop_index("ix_shop_customers_birthday", table_name="shop_customers")
    op.drop_column("shop_customers", "birthday")

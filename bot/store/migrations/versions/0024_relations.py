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
    _forget_what_is_planned()
    op.drop_table("shop_price_watches")
    op.drop_column("shop_coupons", "tiers")
    op.drop_index("ix_shop_customers_birthday", table_name="shop_customers")
    op.drop_column("shop_customers", "birthday")


def _forget_what_is_planned() -> None:
    """Have nothing wait that the older code does not know: it would not ask for these conditions, nor fire these."""
    outbox = sa.table("outbox", *(sa.column(name) for name in ("key", "status", "reason", "guard")))
    touches = sa.table("touches", *(sa.column(name) for name in ("key", "status", "reason")))
    timers = sa.table("timers", sa.column("kind"))
    guard = sa.cast(outbox.c.guard, sa.Text)
    new = outbox.c.status == "waiting", sa.or_(guard.like('{"priced":%'), guard.like('{"greeting":%'))
    values = {"status": "dropped", "reason": "downgrade"}
    op.execute(touches.update().where(touches.c.key.in_(sa.select(outbox.c.key).where(*new))).values(values))
    op.execute(outbox.update().where(*new).values(values))
    op.execute(timers.delete().where(timers.c.kind.in_(("greeting", "greeting_round", "price_drop"))))

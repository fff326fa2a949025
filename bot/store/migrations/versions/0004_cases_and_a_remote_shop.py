"""Cases with parts, coupons, invoices, refunds, restock watches; the copy of a remote shop and what it is to do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.store.columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shop_deliveries",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("at", bot.store.columns.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_deliveries")),
    )
    with op.batch_alter_table("shop_deliveries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shop_deliveries_at"), ["at"], unique=False)

    op.create_table(
        "shop_platform",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("cursor_at", bot.store.columns.Utc(timezone=True), nullable=True),
        sa.Column("told_at", bot.store.columns.Utc(timezone=True), nullable=True),
        sa.Column("down_since", bot.store.columns.Utc(timezone=True), nullable=True),
        sa.Column("reconciled_at", bot.store.columns.Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_shop_platform")),
    )
    op.create_table(
        "shop_untold",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=True),
        sa.Column("changed_at", bot.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("kept_at", bot.store.columns.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_shop_untold")),
    )
    op.create_table(
        "shop_coupons",
        sa.Column("customer_id", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("least_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("ends_at", bot.store.columns.Utc(timezone=True), nullable=True),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["shop_customers.id"], name=op.f("fk_shop_coupons_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "code", name=op.f("pk_shop_coupons")),
    )
    op.create_table(
        "shop_cases",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("order_number", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("condition", sa.String(length=20), nullable=False),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("refund_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("opened_at", bot.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("changed_at", bot.store.columns.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_number"], ["shop_orders.number"], name=op.f("fk_shop_cases_order_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_shop_cases")),
    )
    with op.batch_alter_table("shop_cases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shop_cases_opened_at"), ["opened_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_shop_cases_order_number"), ["order_number"], unique=False)

    op.create_table(
        "shop_invoices",
        sa.Column("order_number", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("tax_id", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("asked_at", bot.store.columns.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_number"], ["shop_orders.number"], name=op.f("fk_shop_invoices_order_number")),
        sa.PrimaryKeyConstraint("order_number", name=op.f("pk_shop_invoices")),
    )
    op.create_table(
        "shop_refunds",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("order_number", sa.String(length=64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("owed_at", bot.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("paid_at", bot.store.columns.Utc(timezone=True), nullable=True),
        sa.Column("payment", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["order_number"], ["shop_orders.number"], name=op.f("fk_shop_refunds_order_number")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_shop_refunds")),
    )
    with op.batch_alter_table("shop_refunds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shop_refunds_order_number"), ["order_number"], unique=False)
        batch_op.create_index(batch_op.f("ix_shop_refunds_payment"), ["payment"], unique=False)

    op.create_table(
        "shop_case_parts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("case_number", sa.String(length=64), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("wanted_sku", sa.String(length=64), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_number"], ["shop_cases.number"], name=op.f("fk_shop_case_parts_case_number")),
        sa.ForeignKeyConstraint(["line_id"], ["shop_order_lines.id"], name=op.f("fk_shop_case_parts_line_id")),
        sa.ForeignKeyConstraint(["wanted_sku"], ["shop_variants.sku"], name=op.f("fk_shop_case_parts_wanted_sku")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_case_parts")),
    )
    with op.batch_alter_table("shop_case_parts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shop_case_parts_case_number"), ["case_number"], unique=False)
        batch_op.create_index(batch_op.f("ix_shop_case_parts_line_id"), ["line_id"], unique=False)

    op.create_table(
        "shop_errands",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("command", sa.JSON(), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=True),
        sa.Column("says", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", bot.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("created_at", bot.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("done_at", bot.store.columns.Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_shop_errands_conversation_id")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_shop_errands")),
    )
    with op.batch_alter_table("shop_errands", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shop_errands_conversation_id"), ["conversation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shop_errands_status"), ["status"], unique=False)

    op.create_table(
        "shop_watches",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("asked_at", bot.store.columns.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_shop_watches_conversation_id")
        ),
        sa.ForeignKeyConstraint(["sku"], ["shop_variants.sku"], name=op.f("fk_shop_watches_sku")),
        sa.PrimaryKeyConstraint("conversation_id", "sku", name=op.f("pk_shop_watches")),
    )
    with op.batch_alter_table("shop_watches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shop_watches_sku"), ["sku"], unique=False)

    # A return was of one line, whole, in the customer's own words.
    op.execute(
        "INSERT INTO shop_cases (number, order_number, kind, status, reason, words, condition, photos, refund_minor,"
        " currency, label, opened_at, changed_at)"
        " SELECT r.number, r.order_number, 'return', r.status, 'other', r.reason, '', '[]', l.quantity * l.price_minor,"
        " o.currency, '', r.opened_at, r.opened_at FROM shop_returns r"
        " JOIN shop_order_lines l ON l.id = r.line_id JOIN shop_orders o ON o.number = r.order_number"
    )
    op.execute(
        sa.text(
            "INSERT INTO shop_case_parts (case_number, line_id, quantity, held)"
            " SELECT r.number, r.line_id, l.quantity, :held FROM shop_returns r"
            " JOIN shop_order_lines l ON l.id = r.line_id ORDER BY r.number"
        ).bindparams(sa.bindparam("held", False, sa.Boolean()))
    )
    with op.batch_alter_table("shop_returns", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shop_returns_order_number"))

    op.drop_table("shop_returns")
    with op.batch_alter_table("shop_customers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("changed_at", bot.store.columns.Utc(timezone=True), nullable=True))

    with op.batch_alter_table("shop_order_lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("paid_minor", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("gift", sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table("shop_orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shipping_minor", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("discount_minor", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("country", sa.String(length=2), server_default=sa.text("('')"), nullable=False))
        batch_op.add_column(sa.Column("changed_at", bot.store.columns.Utc(timezone=True), nullable=True))

    with op.batch_alter_table("shop_products", schema=None) as batch_op:
        batch_op.add_column(sa.Column("care_zh", sa.String(length=200), server_default=sa.text("('')"), nullable=False))
        batch_op.add_column(sa.Column("care_en", sa.String(length=200), server_default=sa.text("('')"), nullable=False))
        batch_op.add_column(sa.Column("fit_zh", sa.String(length=200), server_default=sa.text("('')"), nullable=False))
        batch_op.add_column(sa.Column("fit_en", sa.String(length=200), server_default=sa.text("('')"), nullable=False))
        batch_op.add_column(sa.Column("hygiene", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("cross_border", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("changed_at", bot.store.columns.Utc(timezone=True), nullable=True))

    with op.batch_alter_table("shop_shipments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("skus", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("changed_at", bot.store.columns.Utc(timezone=True), nullable=True))

    with op.batch_alter_table("shop_variants", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tier_prices_minor", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("stock_changed_at", bot.store.columns.Utc(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("shop_variants", schema=None) as batch_op:
        batch_op.drop_column("stock_changed_at")
        batch_op.drop_column("tier_prices_minor")

    with op.batch_alter_table("shop_shipments", schema=None) as batch_op:
        batch_op.drop_column("changed_at")
        batch_op.drop_column("skus")

    with op.batch_alter_table("shop_products", schema=None) as batch_op:
        batch_op.drop_column("changed_at")
        batch_op.drop_column("cross_border")
        batch_op.drop_column("hygiene")
        batch_op.drop_column("fit_en")
        batch_op.drop_column("fit_zh")
        batch_op.drop_column("care_en")
        batch_op.drop_column("care_zh")

    with op.batch_alter_table("shop_orders", schema=None) as batch_op:
        batch_op.drop_column("changed_at")
        batch_op.drop_column("country")
        batch_op.drop_column("discount_minor")
        batch_op.drop_column("shipping_minor")

    with op.batch_alter_table("shop_order_lines", schema=None) as batch_op:
        batch_op.drop_column("gift")
        batch_op.drop_column("paid_minor")

    with op.batch_alter_table("shop_customers", schema=None) as batch_op:
        batch_op.drop_column("changed_at")

    op.create_table(
        "shop_returns",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("order_number", sa.String(length=64), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("opened_at", bot.store.columns.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["line_id"], ["shop_order_lines.id"], name=op.f("fk_shop_returns_line_id")),
        sa.ForeignKeyConstraint(["order_number"], ["shop_orders.number"], name=op.f("fk_shop_returns_order_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_shop_returns")),
        sa.UniqueConstraint("line_id", name=op.f("uq_shop_returns_line_id")),
    )
    with op.batch_alter_table("shop_returns", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shop_returns_order_number"), ["order_number"], unique=False)
    # One return a line is what the older schema can hold; where there were several, none comes over.
    op.execute(
        "INSERT INTO shop_returns (number, order_number, line_id, reason, status, opened_at)"
        " SELECT max(c.number), max(c.order_number), p.line_id, max(c.words), max(c.status), max(c.opened_at)"
        " FROM shop_cases c JOIN shop_case_parts p ON p.case_number = c.number"
        " WHERE c.kind = 'return' AND c.status <> 'cancelled' GROUP BY p.line_id"
        " HAVING count(*) = 1"
    )

    with op.batch_alter_table("shop_watches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shop_watches_sku"))

    op.drop_table("shop_watches")
    with op.batch_alter_table("shop_errands", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shop_errands_status"))
        batch_op.drop_index(batch_op.f("ix_shop_errands_conversation_id"))

    op.drop_table("shop_errands")
    with op.batch_alter_table("shop_case_parts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shop_case_parts_line_id"))
        batch_op.drop_index(batch_op.f("ix_shop_case_parts_case_number"))

    op.drop_table("shop_case_parts")
    with op.batch_alter_table("shop_refunds", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shop_refunds_payment"))
        batch_op.drop_index(batch_op.f("ix_shop_refunds_order_number"))

    op.drop_table("shop_refunds")
    op.drop_table("shop_invoices")
    with op.batch_alter_table("shop_cases", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shop_cases_order_number"))
        batch_op.drop_index(batch_op.f("ix_shop_cases_opened_at"))

    op.drop_table("shop_cases")
    op.drop_table("shop_coupons")
    op.drop_table("shop_untold")
    op.drop_table("shop_platform")
    with op.batch_alter_table("shop_deliveries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shop_deliveries_at"))

    op.drop_table("shop_deliveries")

"""Tables of the embedded shop, which are the last known copy where the shop's system is a remote one."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, String, Table, Text, false, text
from sqlalchemy.types import BigInteger

from bot.store.columns import Id, Serial, Utc, metadata, partial

customers = Table(
    "shop_customers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("phone", String(40), nullable=False, default=""),
    Column("email", String(200), nullable=False, default=""),
    Column("tier", String(20), nullable=False, default="regular"),
    Column("spent_minor", BigInteger, nullable=False, default=0),
    Column("birthday", String(5), nullable=False, default="", server_default=text("''")),  # MM-DD, without the year
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc),  # there, where the shop's system is a remote one; so in all four tables
    Column("erased_at", Utc),  # deleted there: nothing that tells who it was is here, nor comes back
    partial("ix_shop_customers_birthday", "birthday", where="birthday <> ''"),
)
products = Table(
    "shop_products",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name_zh", String(200), nullable=False),
    Column("name_en", String(200), nullable=False),
    Column("category", String(40), nullable=False, index=True),
    Column("size_chart", String(40), nullable=False, default=""),
    Column("material_zh", String(200), nullable=False, default=""),
    Column("material_en", String(200), nullable=False, default=""),
    Column("care_zh", String(200), nullable=False, default="", server_default=text("''")),
    Column("care_en", String(200), nullable=False, default="", server_default=text("''")),
    Column("fit_zh", String(200), nullable=False, default="", server_default=text("''")),
    Column("fit_en", String(200), nullable=False, default="", server_default=text("''")),
    Column("returnable", Boolean, nullable=False, default=True),
    Column("hygiene", Boolean, nullable=False, default=False, server_default=false()),
    Column("cross_border", Boolean, nullable=False, default=False, server_default=false()),
    Column("active", Boolean, nullable=False, default=True),
    Column("changed_at", Utc),
)
variants = Table(
    "shop_variants",
    metadata,
    Column("sku", Id, primary_key=True),
    Column("product_id", Id, ForeignKey("shop_products.id"), nullable=False, index=True),
    Column("colour_zh", String(40), nullable=False),
    Column("colour_en", String(40), nullable=False),
    Column("size", String(20), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("stock", Integer, nullable=False, default=0),
    Column("tier_prices_minor", JSON, default=dict),
    Column("stock_changed_at", Utc),  # by an event with a time
)
orders = Table(
    "shop_orders",
    metadata,
    Column("number", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey("shop_customers.id"), nullable=False, index=True),
    Column("status", String(20), nullable=False),
    # unpaid | paid | packed | shipped | delivered | returned | refunded | cancelled
    Column("total_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("shipping_minor", BigInteger),  # part of the total; none = nobody knows
    Column("discount_minor", BigInteger),
    Column("address", Text, nullable=False, default=""),
    Column("country", String(2), nullable=False, default="", server_default=text("''")),
    Column("pay_url", Text, nullable=False, default="", server_default=text("''")),  # where it can be paid
    Column("created_at", Utc, nullable=False),
    Column("paid_at", Utc),
    Column("delivered_at", Utc),
    Column("changed_at", Utc),
)
order_lines = Table(
    "shop_order_lines",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("order_number", Id, ForeignKey("shop_orders.number"), nullable=False, index=True),
    Column("sku", Id, ForeignKey("shop_variants.sku"), nullable=False, index=True),
    Column("quantity", Integer, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger),  # for all its pieces; none = by price
    Column("gift", Boolean, nullable=False, default=False, server_default=false()),
)
shipments = Table(
    "shop_shipments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("order_number", Id, ForeignKey("shop_orders.number"), nullable=False, index=True),
    Column("carrier", String(40), nullable=False),
    Column("tracking_number", String(64), nullable=False),
    Column("expected_at", Utc),
    Column("skus", JSON, default=list),  # what is in it; empty or none = all
    Column("changed_at", Utc),  # by an event with a time
)
tracking = Table(
    "shop_tracking",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("shipment_id", Id, ForeignKey("shop_shipments.id"), nullable=False, index=True),
    Column("at", Utc, nullable=False),
    Column("place_zh", String(200), nullable=False),
    Column("place_en", String(200), nullable=False),
    Column("status", String(30), nullable=False),  # see bot.shop.port.TrackingEvent
)
carts = Table(
    "shop_carts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey("shop_customers.id"), nullable=False, index=True),
    Column("status", String(10), nullable=False, default="open"),  # open | paid | emptied
    Column("pay_url", Text, nullable=False, default="", server_default=text("''")),  # where it can be paid
    Column("updated_at", Utc, nullable=False),
)
cart_lines = Table(
    "shop_cart_lines",
    metadata,
    Column("cart_id", Id, ForeignKey("shop_carts.id"), primary_key=True),
    Column("sku", Id, ForeignKey("shop_variants.sku"), primary_key=True),
    Column("quantity", Integer, nullable=False),
)
cases = Table(
    "shop_cases",
    metadata,
    Column("number", Id, primary_key=True),
    Column("order_number", Id, ForeignKey("shop_orders.number"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),  # return | exchange | refund
    Column("status", String(10), nullable=False),
    # open | approved | sent | received | refunded | exchanged | rejected | cancelled
    Column("reason", Text, nullable=False, default=""),
    Column("words", Text, nullable=False, default=""),  # the customer's own
    Column("condition", String(20), nullable=False, default=""),
    Column("photos", JSON, nullable=False, default=list),
    Column("refund_minor", BigInteger, nullable=False, default=0),
    Column("currency", String(3), nullable=False),
    Column("label", String(200), nullable=False, default=""),
    Column("opened_at", Utc, nullable=False, index=True),
    Column("changed_at", Utc, nullable=False),
)
case_parts = Table(
    "shop_case_parts",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("case_number", Id, ForeignKey("shop_cases.number"), nullable=False, index=True),
    Column("line_id", Serial, ForeignKey("shop_order_lines.id"), nullable=False, index=True),
    Column("quantity", Integer, nullable=False),
    Column("wanted_sku", Id, ForeignKey("shop_variants.sku")),
    Column("held", Boolean, nullable=False, default=False),  # the wanted pieces were taken off the stock
)
coupons = Table(
    "shop_coupons",
    metadata,
    Column("customer_id", Id, ForeignKey("shop_customers.id"), primary_key=True),
    Column("code", Id, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("least_minor", BigInteger, nullable=False, default=0),
    Column("currency", String(3), nullable=False),
    Column("ends_at", Utc),
    Column("used", Boolean, nullable=False, default=False),
    Column("product_ids", JSON, default=list),  # what it is for; both empty or none = everything
    Column("categories", JSON, default=list),
    Column("tiers", JSON, default=list),  # whose members can use it; empty or none = everybody
)
invoices = Table(
    "shop_invoices",
    metadata,
    Column("order_number", Id, ForeignKey("shop_orders.number"), primary_key=True),
    Column("title", String(200), nullable=False),
    Column("tax_id", String(64), nullable=False, default=""),
    Column("email", String(200), nullable=False, default=""),
    Column("status", String(10), nullable=False, default="wanted"),  # wanted | issued | refused
    Column("url", Text, nullable=False, default=""),
    Column("asked_at", Utc, nullable=False),
)
refunds = Table(  # money that goes back, whoever sends it
    "shop_refunds",
    metadata,
    Column("key", String(200), primary_key=True),  # cancel:{order} | price:{line} | case:{case} | told:{payment}
    Column("order_number", Id, ForeignKey("shop_orders.number"), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("owed_at", Utc, nullable=False),
    Column("paid_at", Utc),  # none = it is still owed
    Column("payment", String(100), nullable=False, default="", index=True),  # the shop's id of it
)
watches = Table(  # who wants to hear once when a variant can be bought again
    "shop_watches",
    metadata,
    Column("conversation_id", Id, ForeignKey("conversations.id"), primary_key=True),
    Column("sku", Id, ForeignKey("shop_variants.sku"), primary_key=True, index=True),
    Column("asked_at", Utc, nullable=False),
)
price_watches = Table(  # who wants to hear once when a product gets cheaper
    "shop_price_watches",
    metadata,
    Column("conversation_id", Id, ForeignKey("conversations.id"), primary_key=True),
    Column("product_id", Id, ForeignKey("shop_products.id"), primary_key=True, index=True),
    Column("tier", String(20), nullable=False),  # whose prices they saw
    Column("prices_minor", JSON, nullable=False),  # by sku what it cost: [minor, currency, {tier: minor}]
    Column("asked_at", Utc, nullable=False),
)

# --- the shop's system, where it is a remote one -----------------------------------------------------------------
deliveries = Table(  # webhooks and events that were taken already, by the sender's id
    "shop_deliveries",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("at", Utc, nullable=False, index=True),
)
untold = Table(  # what was told but cannot be put yet: it names something that is not here
    "shop_untold",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("body", JSON),
    Column("changed_at", Utc, nullable=False),
    Column("why", Text, nullable=False, default=""),
    Column("kept_at", Utc, nullable=False),
)
platform_state = Table(  # how far the copy can be trusted: one row
    "shop_platform",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("cursor_at", Utc),  # changes are asked for since then
    Column("told_at", Utc),
    Column("down_since", Utc),
    Column("reconciled_at", Utc),
)
errands = Table(  # what a turn wants a remote shop to do
    "shop_errands",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("command", JSON, nullable=False),
    Column("conversation_id", Id, ForeignKey("conversations.id"), index=True),
    Column("says", JSON, nullable=False, default=dict),  # by outcome
    Column("status", String(10), nullable=False, default="waiting", index=True),
    # waiting | sent | done | refused | unsure
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before", Utc, nullable=False),
    Column("reference", String(200), nullable=False, default=""),
    Column("why", Text, nullable=False, default=""),
    Column("created_at", Utc, nullable=False),
    Column("done_at", Utc),
)

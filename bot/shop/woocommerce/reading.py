"""What WooCommerce's JSON means here. Pure. Source: developer.woocommerce.com, REST API v3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from bot.shop.amounts import minor_of, sum_minor
from bot.shop.bodies import (
    Bilingual,
    CustomerBody,
    OrderBody,
    OrderLineBody,
    ProductBody,
    ShipmentBody,
    VariantBody,
)
from bot.shop.parts import joined, look_of, marks_of, phone_of, without_empty
from bot.shop.platform import Kind, Told
from bot.shop.port import OrderStatus
from bot.shop.wire import Json, both, member, members, moment, text

Completed = Literal["shipped", "delivered"]
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
PLENTY = 999
"""Pieces that can be sold of what is in stock but not counted."""
TRACKING = "_wc_shipment_tracking_items"
"""Where the Shipment Tracking extensions keep an order's parcels; WooCommerce itself has none."""
_STATUSES = {
    "pending": OrderStatus.UNPAID,
    "on-hold": OrderStatus.UNPAID,
    "failed": OrderStatus.UNPAID,
    "processing": OrderStatus.PAID,
    "completed": OrderStatus.SHIPPED,
    "refunded": OrderStatus.REFUNDED,
    "cancelled": OrderStatus.CANCELLED,
    # Statuses that the shipping extensions add.
    "partial-shipped": OrderStatus.SHIPPED,
    "shipped": OrderStatus.SHIPPED,
    "delivered": OrderStatus.DELIVERED,
}
_UNDECIDED = ("checkout-draft", "auto-draft")


def changed_at(thing: Json) -> datetime | None:
    """Return when a thing was last changed."""
    return moment(thing.get("date_modified_gmt")) or moment(thing.get("date_created_gmt"))


def sku_of(thing: Json) -> str:
    """Return the sku of a product, variation or line; one that has none is named by its id."""
    own = text(thing.get("sku"), 64)
    return own or f"wc-{thing.get('variation_id') or thing.get('product_id') or thing.get('id')}"


# --- customers -----------------------------------------------------------------------------------------------------
def customer_id_of(order: Json) -> str:
    """Return whose an order is; a guest is known for one order only."""
    return str(order.get("customer_id") or f"guest-{order.get('id')}")


def told_customer(order: Json, customer: Json | None) -> Told | None:
    """Tell the customer of `order`, with what it says where the customer's own data (None: no account) says nothing."""
    own, billed = customer or {}, member(order, "billing")
    phones = (one.get("phone") for one in (member(own, "billing"), billed, member(order, "shipping")))
    name = _name(own) or _name(member(own, "billing")) or _name(billed)
    body = CustomerBody(
        name=name or "?",
        phone=phone_of(*phones),
        email=text(own.get("email") or billed.get("email")),
    )
    # Of an account that was not read, only what the order says is known: better than nothing, and older than anything.
    at = changed_at(own) or (NEVER if order.get("customer_id") else changed_at(order))
    return Told(Kind.CUSTOMER, customer_id_of(order), body, at) if at else None


def told_account(customer: Json) -> Told | None:
    """Tell a customer who has an account."""
    return told_customer({"customer_id": customer.get("id")}, customer)


def _name(thing: Json) -> str:
    return text(f"{text(thing.get('first_name'))} {text(thing.get('last_name'))}")


# --- products ------------------------------------------------------------------------------------------------------
def told_product(product: Json, variations: Sequence[Json], currency: str) -> Told | None:
    """Tell a product with its variations (none: it is simple), at the prices of today."""
    at = max((found for thing in (product, *variations) if (found := changed_at(thing))), default=None)
    if at is None:
        return None
    categories = [text(one.get("slug"), 40) for one in members(product, "categories")]
    marks = marks_of(text(tag.get(name)) for tag in members(product, "tags") for name in ("name", "slug"))
    kept = [thing for thing in variations if thing.get("status") in ("publish", None)] if variations else [product]
    body = ProductBody(
        name=both(product.get("name")),
        category=next(filter(None, categories), "") or "other",
        size_chart=next(filter(None, categories), ""),
        material=_attribute(product, "material", "材质", "面料"),
        care=_attribute(product, "care", "洗涤", "洗护"),
        fit=_attribute(product, "fit", "版型"),
        returnable=marks.returnable,
        hygiene=marks.hygiene,
        cross_border=marks.cross_border,
        active=product.get("status") == "publish" and product.get("catalog_visibility") != "hidden",
        variants=[_variant(thing, product, currency) for thing in kept][:500],
    )
    return Told(Kind.PRODUCT, str(product.get("id")), body, at)


def told_gone(line: Json, order: Json, currency: str) -> Told | None:
    """Tell a product that is deleted but named by an order, off sale, so that the order can be told."""
    at = moment(order.get("date_created_gmt"))
    if at is None:
        return None
    look = look_of(())
    price = _unit_minor(line, currency)
    variant = VariantBody(
        sku=sku_of(line), colour=both(look.colour), size=look.size, price_minor=price, currency=currency, stock=0
    )
    body = ProductBody(name=both(line.get("name")), category="other", active=False, variants=[variant])
    return Told(Kind.PRODUCT, str(line.get("product_id") or sku_of(line)), body, at)


def _variant(thing: Json, product: Json, currency: str) -> VariantBody:
    look = look_of((text(one.get("name")), text(one.get("option"))) for one in members(thing, "attributes"))
    return VariantBody(
        sku=sku_of(thing),
        colour=both(look.colour),
        size=look.size,
        price_minor=max(0, minor_of(str(thing.get("price") or 0), currency)),
        currency=currency,
        stock=_stock(thing, product),
    )


def _stock(thing: Json, product: Json) -> int:
    """Pieces that can be bought now. A variation may share its product's count (`manage_stock` = `parent`)."""
    if thing.get("stock_status") == "outofstock" or thing.get("purchasable") is False:
        return 0
    counted = product if thing.get("manage_stock") == "parent" else thing
    pieces = counted.get("stock_quantity")
    if not counted.get("manage_stock") or not isinstance(pieces, int):
        return PLENTY
    return max(0, min(pieces, 10**9))


def _attribute(product: Json, *names: str) -> Bilingual:
    for one in members(product, "attributes"):
        known = text(one.get("name")).lower()
        if any(name in known for name in names) and not one.get("variation"):
            options = one.get("options")
            return both(", ".join(text(option) for option in options) if isinstance(options, list) else "")
    return both("")


# --- orders --------------------------------------------------------------------------------------------------------
def told_order(order: Json, completed: Completed) -> Told | None:
    """Tell an order; None for one that nobody has placed yet. One in the bin is gone."""
    number, at = text(order.get("number"), 60).upper(), changed_at(order)
    if at is None or not number or order.get("status") in _UNDECIDED:
        return None
    if order.get("status") == "trash":
        return Told(Kind.ORDER, number, None, at)
    lines = order_lines(order)
    return Told(Kind.ORDER, number, _order(order, lines, at, completed), at) if lines else None


def order_lines(order: Json) -> list[OrderLineBody]:
    """Return the lines of an order, each sku once, prices with tax."""
    currency = currency_of(order)
    return joined(
        OrderLineBody(
            sku=sku_of(line),
            quantity=min(int(line.get("quantity") or 0), 999),
            price_minor=_unit_minor(line, currency),
            paid_minor=_sum(line, currency, "total", "total_tax"),
            gift=_sum(line, currency, "subtotal", "subtotal_tax") == 0,
        )
        for line in members(order, "line_items")
        if int(line.get("quantity") or 0) > 0
    )


def currency_of(order: Json) -> str:
    return text(order.get("currency"), 3).upper()


def left_already(order: Json) -> bool:
    """Whether the goods are on their way, so that neither address nor cancelling helps."""
    return order.get("status") in ("completed", "partial-shipped", "shipped", "delivered") or bool(_parcels(order))


def _order(order: Json, lines: list[OrderLineBody], at: datetime, completed: Completed) -> OrderBody:
    currency = currency_of(order)
    created = moment(order.get("date_created_gmt")) or at
    paid_at = moment(order.get("date_paid_gmt"))
    status = _status(order, paid_at, completed)
    # "Completed" came before an extension's "delivered", which WooCommerce does not date: the last change is near it.
    done_at = (moment(order.get("date_completed_gmt")) if order.get("status") == "completed" else None) or at
    shipping = member(order, "shipping")
    address = shipping if text(shipping.get("address_1")) else member(order, "billing")
    return OrderBody(
        customer_id=customer_id_of(order),
        status=status,
        total_minor=_sum(order, currency, "total"),
        currency=currency,
        shipping_minor=_sum(order, currency, "shipping_total", "shipping_tax"),
        discount_minor=_sum(order, currency, "discount_total", "discount_tax"),
        address=without_empty({key: text(address.get(key)) for key in _ADDRESS} | {"name": ""}),
        country=_country(address),
        created_at=created,
        # Cash on delivery is in work without a payment; the goods are promised all the same.
        paid_at=paid_at or (None if status in (OrderStatus.UNPAID, OrderStatus.CANCELLED) else created),
        delivered_at=done_at if status is OrderStatus.DELIVERED else None,
        lines=lines[:200],
        shipments=_parcels(order)[:50],
    )


_ADDRESS = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode")


def _status(order: Json, paid_at: datetime | None, completed: Completed) -> OrderStatus:
    written = text(order.get("status"))
    if written == "completed" and completed == "delivered":
        return OrderStatus.DELIVERED
    known = _STATUSES.get(written)
    if known is None:  # a status of some extension: whether it is paid is what is known
        known = OrderStatus.PAID if paid_at else OrderStatus.UNPAID
    return OrderStatus.SHIPPED if known is OrderStatus.PAID and _parcels(order) else known


def _country(address: Json) -> str:
    code = text(address.get("country"), 2).upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""


def _parcels(order: Json) -> list[ShipmentBody]:
    found = [one.get("value") for one in members(order, "meta_data") if one.get("key") == TRACKING]
    rows: Iterable[Any] = found[0] if found and isinstance(found[0], list) else ()
    return [
        ShipmentBody(
            carrier=text(row.get("custom_tracking_provider") or row.get("tracking_provider"), 40) or "?",
            tracking_number=text(row.get("tracking_number"), 64),
        )
        for row in rows
        if isinstance(row, Mapping) and text(row.get("tracking_number"), 64)
    ]


def _unit_minor(line: Json, currency: str) -> int:
    """The price of one piece before coupons, with tax; `price` of a line has coupons taken off and no tax."""
    return _sum(line, currency, "subtotal", "subtotal_tax") // max(1, int(line.get("quantity") or 1))


def _sum(thing: Json, currency: str, *names: str) -> int:
    return max(0, sum_minor((str(thing.get(name) or 0) for name in names), currency))

"""Shopify's webhooks: the signature, and their REST-shaped bodies in the shape of the GraphQL API.

Source: shopify.dev, webhooks: verify deliveries, delivery structure, topics.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bot.errors import BadCallback
from bot.shop.wire import Json, member, members, moment, signed_json, text

CUSTOMER_GONE = ("customers/delete", "customers/redact")
_LESS = timedelta(microseconds=1)


def opened(headers: Mapping[str, str], body: bytes, secret: str, shop: str) -> tuple[str, str, Json]:
    """Return (delivery id, topic, the thing it is about) of a webhook.

    The event's id is the same for all that one change sends, so the topic is part of the delivery's id.

    Raises:
        BadCallback: the signature is wrong, it is another shop's, or it says nothing of what it is about.
    """
    found = signed_json(body, headers.get("x-shopify-hmac-sha256", ""), secret, "Shopify")
    if headers.get("x-shopify-shop-domain", "").lower() != shop:
        raise BadCallback("A webhook of Shopify is about another shop than the one in shop.toml.")
    topic = headers.get("x-shopify-topic", "")
    event = headers.get("x-shopify-event-id") or headers.get("x-shopify-webhook-id", "")
    if not topic or not event:
        raise BadCallback("A webhook of Shopify has no topic or no id.")
    return f"{event[:120]}:{topic[:60]}", topic, found


def gone_customers(thing: Json) -> list[str]:
    """Return who is to be erased: the customer, and whoever ordered as a guest.

    Source: shopify.dev, privacy law compliance (customers/redact); webhooks, customers/delete.
    """
    customer = text(thing.get("id") or member(thing, "customer").get("id"))
    redacted = thing.get("orders_to_redact") or ()
    return [*([customer] if customer else []), *(f"guest-{text(order)}" for order in redacted)]


def just_before(at: object) -> str:
    """Return a time a microsecond earlier: a webhook knows less than a read of the same moment, which must win."""
    found = moment(at)
    return (found - _LESS).isoformat() if found else ""


def customer_shape(row: Json) -> dict[str, Any]:
    return {
        "legacyResourceId": text(row.get("id")),
        "firstName": row.get("first_name"),
        "lastName": row.get("last_name"),
        "updatedAt": just_before(row.get("updated_at")),
        "defaultEmailAddress": {"emailAddress": row.get("email")},
        "defaultPhoneNumber": {"phoneNumber": row.get("phone") or member(row, "default_address").get("phone")},
    }


def product_shape(row: Json) -> dict[str, Any]:
    names = [text(option.get("name")) for option in members(row, "options")]
    return {
        "legacyResourceId": text(row.get("id")),
        "title": row.get("title"),
        "status": text(row.get("status")).upper(),
        "productType": row.get("product_type"),
        "tags": [tag.strip() for tag in str(row.get("tags") or "").split(",")],
        "updatedAt": just_before(row.get("updated_at")),
        "variants": {"nodes": [_variant_shape(variant, names) for variant in members(row, "variants")]},
    }


def _variant_shape(row: Json, names: list[str]) -> dict[str, Any]:
    return {
        "legacyResourceId": text(row.get("id")),
        "sku": row.get("sku"),
        "price": row.get("price"),
        "inventoryQuantity": row.get("inventory_quantity"),
        "inventoryPolicy": text(row.get("inventory_policy")).upper(),
        "inventoryItem": {"tracked": row.get("inventory_management") is not None},
        "selectedOptions": [
            {"name": name, "value": row.get(f"option{place}")}
            for place, name in enumerate(names, 1)
            if row.get(f"option{place}")
        ],
    }


def order_shape(row: Json) -> dict[str, Any]:
    """Return an order of a webhook as GraphQL would have it, without returns, which webhooks of orders do not hold."""
    customer, address = member(row, "customer"), member(row, "shipping_address")
    return {
        "legacyResourceId": text(row.get("id")),
        "name": row.get("name"),
        "createdAt": row.get("created_at"),
        "updatedAt": just_before(row.get("updated_at")),
        "processedAt": row.get("processed_at"),
        "cancelledAt": row.get("cancelled_at"),
        "phone": row.get("phone"),
        "displayFinancialStatus": text(row.get("financial_status")).upper(),
        "displayFulfillmentStatus": (text(row.get("fulfillment_status")) or "unfulfilled").upper(),
        "customer": customer_shape(customer) if customer.get("id") else None,
        "shippingAddress": {
            "firstName": address.get("first_name"),
            "lastName": address.get("last_name"),
            "company": address.get("company"),
            "address1": address.get("address1"),
            "address2": address.get("address2"),
            "city": address.get("city"),
            "province": address.get("province"),
            "zip": address.get("zip"),
            "countryCodeV2": address.get("country_code"),
            "phone": address.get("phone"),
        },
        "totalPriceSet": _bag(row, "total_price_set"),
        "totalShippingPriceSet": _bag(row, "total_shipping_price_set"),
        "totalDiscountsSet": _bag(row, "total_discounts_set"),
        "lineItems": {"nodes": [_line_shape(line) for line in members(row, "line_items")]},
        "fulfillments": [_parcel_shape(parcel) for parcel in members(row, "fulfillments")],
    }


def _line_shape(row: Json) -> dict[str, Any]:
    variant = {"legacyResourceId": text(row.get("variant_id")), "sku": row.get("sku")}
    off = sum(
        (Decimal(text(_money(one, "amount_set").get("amount")) or "0") for one in members(row, "discount_allocations")),
        Decimal(0),
    )
    whole = Decimal(text(_money(row, "price_set").get("amount")) or "0") * int(row.get("quantity") or 0)
    return {
        "id": _line_id(row),
        "title": row.get("title"),
        "variantTitle": row.get("variant_title"),
        "sku": row.get("sku"),
        "quantity": row.get("quantity"),
        "variant": variant if row.get("variant_id") and row.get("product_exists") is not False else None,
        "originalUnitPriceSet": _bag(row, "price_set"),
        "discountedTotalSet": {"presentmentMoney": {"amount": str(whole - off)}},
    }


def _parcel_shape(row: Json) -> dict[str, Any]:
    status, at = text(row.get("shipment_status")).upper(), row.get("updated_at")
    return {
        "status": text(row.get("status")).upper(),
        "createdAt": row.get("created_at"),
        "deliveredAt": at if status == "DELIVERED" else None,
        "trackingInfo": [{"company": row.get("tracking_company"), "number": row.get("tracking_number")}],
        "events": {"nodes": [{"status": status, "happenedAt": at}] if status else []},
        "fulfillmentLineItems": {
            "nodes": [{"lineItem": {"id": _line_id(line)}} for line in members(row, "line_items")]
        },
    }


def _line_id(row: Json) -> str:
    return f"gid://shopify/LineItem/{row.get('id')}"


def _money(row: Json, name: str) -> Json:
    return member(member(row, name), "presentment_money")


def _bag(row: Json, name: str) -> dict[str, Any]:
    found = _money(row, name)
    return {"presentmentMoney": {"amount": found.get("amount"), "currencyCode": found.get("currency_code")}}

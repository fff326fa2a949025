"""What Shopify's webhooks hold: its REST resources, made from the rows of the stand-in."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

Row = dict[str, Any]


def number(row: Row) -> int:
    return int(row["id"].rpartition("/")[2])


def money(found: Row) -> Row:
    names = {"presentmentMoney": "presentment_money", "shopMoney": "shop_money"}
    return {names[key]: {"amount": one["amount"], "currency_code": one["currencyCode"]} for key, one in found.items()}


def customer(row: Row) -> Row:
    phone = row["defaultPhoneNumber"]
    return {"id": number(row), "first_name": row["firstName"], "last_name": row["lastName"],
            "email": row["defaultEmailAddress"]["emailAddress"], "phone": phone and phone["phoneNumber"],
            "updated_at": row["updatedAt"], "default_address": {}}  # fmt: skip


def product(row: Row) -> Row:
    names = [option["name"] for option in row["variants"][0]["selectedOptions"]]
    return {"id": number(row), "title": row["title"], "status": row["status"].lower(), "product_type": row["productType"],
            "tags": ", ".join(row["tags"]), "updated_at": row["updatedAt"], "options": [{"name": name} for name in names],
            "variants": [{"id": number(one), "sku": one["sku"], "price": one["price"],
                          "inventory_quantity": one["inventoryQuantity"], "inventory_policy": one["inventoryPolicy"].lower(),
                          "inventory_management": "shopify" if one["inventoryItem"]["tracked"] else None,
                          **{f"option{place}": option["value"]
                             for place, option in enumerate(one["selectedOptions"], 1)}}
                         for one in row["variants"]]}  # fmt: skip


def order(row: Row) -> Row:
    address = row["shippingAddress"] or {}
    fulfilment = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial"}.get(row["displayFulfillmentStatus"])
    return {"id": number(row), "admin_graphql_api_id": row["id"], "name": row["name"], "created_at": row["createdAt"],
            "updated_at": row["updatedAt"], "processed_at": row["processedAt"], "cancelled_at": row["cancelledAt"],
            "phone": row["phone"], "financial_status": row["displayFinancialStatus"].lower(),
            "fulfillment_status": fulfilment, "customer": row["customer"] and customer(row["customer"]),
            "shipping_address": {"first_name": address.get("firstName"), "last_name": address.get("lastName"),
                                 "company": address.get("company"), "address1": address.get("address1"),
                                 "address2": address.get("address2"), "city": address.get("city"),
                                 "province": address.get("province"), "zip": address.get("zip"),
                                 "country_code": address.get("countryCodeV2"), "phone": address.get("phone")},
            "total_price_set": money(row["totalPriceSet"]), "total_discounts_set": money(row["totalDiscountsSet"]),
            "total_shipping_price_set": money(row["totalShippingPriceSet"]),
            "line_items": [_line(line) for line in row["lineItems"]],
            "fulfillments": [_parcel(one, row["updatedAt"]) for one in row["fulfillments"]],
            "refunds": []}  # fmt: skip


def _line(line: Row) -> Row:
    unit = Decimal(line["originalUnitPriceSet"]["presentmentMoney"]["amount"])
    paid = Decimal(line["discountedTotalSet"]["presentmentMoney"]["amount"])
    off = {"presentmentMoney": {"amount": f"{unit * line['quantity'] - paid:.2f}", "currencyCode": "USD"}}
    return {"id": number(line), "title": line["title"], "variant_title": line["variantTitle"], "sku": line["sku"],
            "quantity": line["quantity"], "variant_id": number(line["variant"]) if line["variant"] else None,
            "product_exists": line["variant"] is not None, "price_set": money(line["originalUnitPriceSet"]),
            "discount_allocations": [{"amount_set": money(off)}]}  # fmt: skip


def _parcel(one: Row, updated_at: str) -> Row:
    tracking, last = one["trackingInfo"][0], (one["events"] or [{"status": ""}])[-1]
    return {"id": number(one), "status": one["status"].lower(), "created_at": one["createdAt"], "updated_at": updated_at,
            "tracking_company": tracking["company"], "tracking_number": tracking["number"],
            "shipment_status": last["status"].lower() or None,
            "line_items": [{"id": number(line["lineItem"]), "quantity": line["quantity"]}
                           for line in one["fulfillmentLineItems"]]}  # fmt: skip


def deleted(row: Row) -> Row:
    return {"id": number(row), "phone": None, "addresses": [], "tax_exemptions": [], "admin_graphql_api_id": row["id"]}


def redacted(row: Row) -> Row:
    return {"shop_id": 954889, "shop_domain": "the-shop.myshopify.com", "orders_to_redact": [299938, 280263],
            "customer": {"id": number(row), "email": "mia@example.com", "phone": "555-625-1199"}}  # fmt: skip


GONE: dict[str, Callable[[Row], Row]] = {"customers/delete": deleted, "customers/redact": redacted}
"""Topics whose bodies are not the whole thing."""
REST: dict[str, Callable[[Row], Row]] = {"orders": order, "products": product, "customers": customer}

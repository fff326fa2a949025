"""The platform's JSON as bodies of Zhanggui. Pure: no I/O."""

from __future__ import annotations

import hashlib
import hmac
import json

from bot.errors import BadCallback
from bot.shop.amounts import minor_of
from bot.shop.bodies import CustomerBody, OrderBody, OrderLineBody, ProductBody, ShipmentBody, VariantBody
from bot.shop.parts import look_of
from bot.shop.platform import Kind, Told
from bot.shop.port import OrderStatus
from bot.shop.wire import Json, both, member, members, moment, text

STATES = {
    "new": OrderStatus.UNPAID,
    "paid": OrderStatus.PAID,
    "sent": OrderStatus.SHIPPED,
    "arrived": OrderStatus.DELIVERED,
    "cancelled": OrderStatus.CANCELLED,
}


def opened(signature: str, body: bytes, secret: str) -> Json:
    """Return the thing in a webhook after checking its hex HMAC-SHA256.

    Raises:
        BadCallback: the signature is wrong, or it is no JSON object.
    """
    right = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right.encode(), signature.encode("ascii", "replace")):
        raise BadCallback("A webhook of exampleshop has a wrong signature.")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadCallback("A webhook of exampleshop holds no JSON object.")
    return found


def told(thing: Json) -> list[Told]:
    """Tell a product, or an order with its customer in front; nothing of kinds that are not known."""
    at = moment(thing.get("changed"))
    if at is None:
        return []
    if thing.get("kind") == "product":
        return [Told(Kind.PRODUCT, text(thing.get("id"), 60), _product(thing), at)]
    if thing.get("kind") == "order":
        buyer = member(thing, "buyer")
        customer = CustomerBody(name=text(buyer.get("name")), phone=text(buyer.get("phone"), 40))
        return [
            Told(Kind.CUSTOMER, text(buyer.get("id"), 60), customer, at),
            Told(Kind.ORDER, text(thing.get("number"), 60).upper(), _order(thing), at),
        ]
    return []


def _product(thing: Json) -> ProductBody:
    currency = text(thing.get("currency"), 3)
    variants = []
    for one in members(thing, "variants"):
        look = look_of((text(option.get("name")), text(option.get("value"))) for option in members(one, "options"))
        variants.append(
            VariantBody(
                sku=text(one.get("sku"), 64),
                colour=both(look.colour),
                size=look.size,
                price_minor=minor_of(text(one.get("price")), currency),
                currency=currency,
                stock=int(one.get("stock") or 0),
            )
        )
    return ProductBody(name=both(thing.get("name")), category=text(thing.get("category"), 40), variants=variants)


def _order(thing: Json) -> OrderBody:
    currency = text(thing.get("currency"), 3)
    address = member(thing, "ship_to")
    return OrderBody.model_validate(
        {
            "customer_id": text(member(thing, "buyer").get("id"), 60),
            "status": STATES[text(thing.get("state"))],
            "total_minor": minor_of(text(thing.get("total")), currency),
            "currency": currency,
            "address": text(address.get("text"), 1000),
            "country": text(address.get("country"), 2),
            "created_at": moment(thing.get("placed")),
            "paid_at": moment(thing.get("paid")),
            "delivered_at": moment(thing.get("arrived")),
            "lines": [_line(item, currency) for item in members(thing, "items")],
            "shipments": [
                ShipmentBody(carrier=text(parcel.get("carrier"), 40), tracking_number=text(parcel.get("number"), 64))
                for parcel in members(thing, "parcels")
            ],
        }
    )


def _line(item: Json, currency: str) -> OrderLineBody:
    price = minor_of(text(item.get("price")), currency)
    return OrderLineBody(sku=text(item.get("sku"), 64), quantity=int(item.get("count") or 0), price_minor=price)

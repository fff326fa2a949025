"""What Shopify's GraphQL answers mean here. Pure. Source: shopify.dev, GraphQL Admin API 2026-10."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.shop.amounts import minor_of
from bot.shop.bodies import (
    CustomerBody,
    OrderBody,
    OrderLineBody,
    ProductBody,
    ShipmentBody,
    TrackingBody,
    TrackingStatus,
    VariantBody,
)
from bot.shop.parts import UNSIZED, joined, look_of, marks_of, phone_of, without_empty
from bot.shop.platform import Kind, Told
from bot.shop.port import OrderStatus
from bot.shop.wire import Json, both, member, members, moment, text

PLENTY = 999
"""Pieces that can be sold of what is not counted, or sold on when there is none."""
_TRACKING: Mapping[str, TrackingStatus] = {
    "LABEL_PURCHASED": "label_created",
    "LABEL_PRINTED": "label_created",
    "CARRIER_PICKED_UP": "picked_up",
    "IN_TRANSIT": "in_transit",
    "DELAYED": "exception",
    "FAILURE": "exception",
    "OUT_FOR_DELIVERY": "out_for_delivery",
    "ATTEMPTED_DELIVERY": "attempted",
    "DELIVERED": "delivered",
    "PICKED_UP": "delivered",
}
_NOT_PAID = ("PENDING", "EXPIRED", "VOIDED", "PARTIALLY_PAID")


def nodes(thing: Json, name: str) -> list[Json]:
    """Return the nodes of a connection."""
    return list(members(member(thing, name), "nodes"))


def number_of(name: object) -> str:
    """Return an order's or return's number as it is looked up: `#1001` is 1001."""
    return text(name, 60).removeprefix("#").strip().upper()


def sku_of(variant: Json, line: Json | None = None) -> str:
    """Return the sku of a variant, or of a line whose variant is deleted; one without a sku is named by its id."""
    if variant:
        return text(variant.get("sku"), 64) or f"shopify-{variant.get('legacyResourceId')}"
    return f"line-{text((line or {}).get('id')).rpartition('/')[2]}"


def minor(thing: Json, name: str, currency: str) -> int:
    """Return an amount of a `MoneyBag` in what the customer paid in."""
    return max(0, minor_of(text(member(member(thing, name), "presentmentMoney").get("amount")) or "0", currency))


def currency_of(order: Json) -> str:
    return text(member(member(order, "totalPriceSet"), "presentmentMoney").get("currencyCode"), 3)


# --- customers -----------------------------------------------------------------------------------------------------
def customer_id_of(order: Json) -> str:
    """Return whose an order is; a guest is known for one order only."""
    return text(member(order, "customer").get("legacyResourceId")) or f"guest-{order.get('legacyResourceId')}"


def told_customer(order: Json) -> Told | None:
    """Tell the customer of an order, with what it says where the customer's own data says nothing."""
    own, sent = member(order, "customer"), member(order, "shippingAddress")
    at = moment(own.get("updatedAt")) or moment(order.get("updatedAt"))
    body = CustomerBody(
        name=_name(own) or _name(sent) or "?",
        phone=phone_of(member(own, "defaultPhoneNumber").get("phoneNumber"), sent.get("phone"), order.get("phone")),
        email=text(member(own, "defaultEmailAddress").get("emailAddress")),
    )
    return Told(Kind.CUSTOMER, customer_id_of(order), body, at) if at else None


def told_account(customer: Json) -> Told | None:
    """Tell a customer."""
    return told_customer({"customer": customer})


def _name(thing: Json) -> str:
    return text(f"{text(thing.get('firstName'))} {text(thing.get('lastName'))}")


# --- products ------------------------------------------------------------------------------------------------------
def told_product(product: Json, currency: str) -> Told | None:
    """Tell a product with all its variants."""
    at = moment(product.get("updatedAt"))
    if at is None:
        return None
    tags = product.get("tags")
    marks = marks_of(text(tag) for tag in tags) if isinstance(tags, list) else marks_of(())
    kind = text(product.get("productType"), 40)
    body = ProductBody(
        name=both(product.get("title")),
        category=kind or "other",
        size_chart=kind.lower(),
        material=both(member(product, "material").get("value")),
        care=both(member(product, "care").get("value")),
        fit=both(member(product, "fit").get("value")),
        returnable=marks.returnable,
        hygiene=marks.hygiene,
        cross_border=marks.cross_border,
        active=product.get("status") == "ACTIVE",
        variants=[_variant(variant, currency) for variant in nodes(product, "variants")][:500],
    )
    return Told(Kind.PRODUCT, text(product.get("legacyResourceId")), body, at)


def _variant(variant: Json, currency: str) -> VariantBody:
    options = [(text(one.get("name")), text(one.get("value"))) for one in members(variant, "selectedOptions")]
    look = look_of(option for option in options if option != ("Title", "Default Title"))  # of a product without options
    return VariantBody(
        sku=sku_of(variant),
        colour=both(look.colour),
        size=look.size,
        price_minor=minor_of(text(variant.get("price")) or "0", currency),
        currency=currency,
        stock=stock_of(variant),
    )


def stock_of(variant: Json) -> int:
    """Pieces that can be bought now."""
    pieces = variant.get("inventoryQuantity")
    counted = member(variant, "inventoryItem").get("tracked") is not False and isinstance(pieces, int)
    if not counted or (variant.get("inventoryPolicy") == "CONTINUE" and isinstance(pieces, int) and pieces <= 0):
        return PLENTY
    return max(0, min(pieces, 10**9)) if isinstance(pieces, int) else 0


def told_gone(order: Json) -> list[Told]:
    """Tell the products of lines whose variant is deleted, off sale, so that the order can be told."""
    at, currency = moment(order.get("createdAt")), currency_of(order)
    if at is None:
        return []
    return [
        Told(
            Kind.PRODUCT,
            sku_of({}, line),
            ProductBody(
                name=both(line.get("title")),
                category="other",
                active=False,
                variants=[
                    VariantBody(
                        sku=sku_of({}, line),
                        colour=both(line.get("variantTitle")),
                        size=UNSIZED,
                        price_minor=minor(line, "originalUnitPriceSet", currency),
                        currency=currency,
                        stock=0,
                    )
                ],
            ),
            at,
        )
        for line in nodes(order, "lineItems")
        if not member(line, "variant")
    ]


# --- orders --------------------------------------------------------------------------------------------------------
def told_order(order: Json) -> Told | None:
    """Tell an order."""
    at, created, lines = moment(order.get("updatedAt")), moment(order.get("createdAt")), order_lines(order)
    number = number_of(order.get("name"))
    if at is None or created is None or not lines or not number:
        return None
    currency, parcels, status = currency_of(order), _parcels(order), _status(order)
    is_paid = status not in (OrderStatus.UNPAID, OrderStatus.CANCELLED)
    address = member(order, "shippingAddress")
    body = OrderBody(
        customer_id=customer_id_of(order),
        status=status,
        total_minor=minor(order, "totalPriceSet", currency),
        currency=currency,
        shipping_minor=minor(order, "totalShippingPriceSet", currency),
        discount_minor=minor(order, "totalDiscountsSet", currency),
        address=without_empty({name: text(address.get(name)) for name in _ADDRESS}),
        country=text(address.get("countryCodeV2"), 2),
        created_at=created,
        paid_at=(moment(order.get("processedAt")) or created) if is_paid else None,
        delivered_at=max(_delivered(order)) if status is OrderStatus.DELIVERED else None,
        lines=lines[:200],
        shipments=parcels[:50],
    )
    return Told(Kind.ORDER, number, body, at)


_ADDRESS = ("firstName", "lastName", "company", "address1", "address2", "city", "province", "zip")


def order_lines(order: Json) -> list[OrderLineBody]:
    """Return the lines of an order, each sku once."""
    currency = currency_of(order)
    return joined(
        OrderLineBody(
            sku=sku_of(member(line, "variant"), line),
            quantity=min(int(line.get("quantity") or 0), 999),
            price_minor=minor(line, "originalUnitPriceSet", currency),
            paid_minor=minor(line, "discountedTotalSet", currency),
            gift=minor(line, "originalUnitPriceSet", currency) == 0,
        )
        for line in nodes(order, "lineItems")
        if int(line.get("quantity") or 0) > 0
    )


def left_already(order: Json) -> bool:
    """Whether a parcel of it is on its way."""
    return bool(_sent(order))


def skus_by_line(order: Json) -> dict[str, str]:
    """Return the sku of each line of an order by the line's id."""
    return {text(line.get("id")): sku_of(member(line, "variant"), line) for line in nodes(order, "lineItems")}


def _sent(order: Json) -> list[Json]:
    return [one for one in members(order, "fulfillments") if one.get("status") == "SUCCESS"]


def _delivered(order: Json) -> list[datetime]:
    return [at for one in _sent(order) if (at := moment(one.get("deliveredAt"))) is not None]


def _status(order: Json) -> OrderStatus:
    if moment(order.get("cancelledAt")):
        return OrderStatus.CANCELLED
    if order.get("displayFinancialStatus") == "REFUNDED":
        return OrderStatus.REFUNDED
    sent = _sent(order)
    if sent:  # also of an order that is paid on delivery
        is_all = order.get("displayFulfillmentStatus") == "FULFILLED" and len(_delivered(order)) == len(sent)
        return OrderStatus.DELIVERED if is_all else OrderStatus.SHIPPED
    if order.get("displayFinancialStatus") in _NOT_PAID:
        return OrderStatus.UNPAID
    return OrderStatus.PACKED if order.get("displayFulfillmentStatus") == "IN_PROGRESS" else OrderStatus.PAID


def _parcels(order: Json) -> list[ShipmentBody]:
    skus, found = skus_by_line(order), []
    for one in _sent(order):
        tracking = next(iter(members(one, "trackingInfo")), {})
        number = text(tracking.get("number"), 64)
        if not number:
            continue
        goods = [skus.get(text(member(line, "lineItem").get("id")), "") for line in nodes(one, "fulfillmentLineItems")]
        is_whole = not member(member(one, "fulfillmentLineItems"), "pageInfo").get("hasNextPage") and all(goods)
        found.append(
            ShipmentBody(
                carrier=text(tracking.get("company"), 40) or "?",
                tracking_number=number,
                expected_at=moment(one.get("estimatedDeliveryAt")),
                events=sorted(_trail(nodes(one, "events")), key=lambda event: event.at),
                skus=sorted(set(goods)) if is_whole else [],
            )
        )
    return found


def _trail(events: Iterable[Json]) -> list[TrackingBody]:
    return [
        TrackingBody(
            at=at, place=both(", ".join(filter(None, (text(e.get("city")), text(e.get("country")))))), status=known
        )
        for e in events
        if (at := moment(e.get("happenedAt"))) and (known := _TRACKING.get(text(e.get("status"))))
    ]

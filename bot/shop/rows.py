"""From rows of the tables to the words of the port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from bot.shop.port import (
    Case,
    CaseKind,
    CasePart,
    CaseStatus,
    Coupon,
    Line,
    Money,
    Order,
    OrderStatus,
    Product,
    Shipment,
    TrackingEvent,
    Variant,
)

_LETTER_SIZES = ("XXS", "XS", "S", "M", "L", "XL", "XXL", "3XL", "4XL")


def size_rank(size: str) -> tuple[int, int, str]:
    """Return what sizes are sorted by, from the smallest on."""
    if size.isdecimal():
        return (1, int(size), size)
    return (0, _LETTER_SIZES.index(size) if size in _LETTER_SIZES else len(_LETTER_SIZES), size)


def tier_minor(price_minor: int, tier_prices_minor: Mapping[str, int] | None, tier: str) -> int:
    """Return what a member of a tier pays, of prices as a row has them."""
    return (tier_prices_minor or {}).get(tier, price_minor)


def variant_of(row: Row[Any]) -> Variant:
    return Variant(
        sku=row.sku,
        product_id=row.product_id,
        colour={"zh": row.colour_zh, "en": row.colour_en},
        size=row.size,
        price=Money(row.price_minor, row.currency),
        stock=row.stock,
        tier_prices={tier: Money(minor, row.currency) for tier, minor in (row.tier_prices_minor or {}).items()},
    )


def product_of(row: Row[Any], variants: Sequence[Variant]) -> Product:
    """Return a product; its variants by colour, then from the smallest size to the largest."""
    return Product(
        id=row.id,
        name={"zh": row.name_zh, "en": row.name_en},
        category=row.category,
        size_chart=row.size_chart,
        material={"zh": row.material_zh, "en": row.material_en},
        returnable=row.returnable,
        variants=tuple(sorted(variants, key=lambda v: (v.colour["en"], size_rank(v.size)))),
        care={"zh": row.care_zh, "en": row.care_en},
        fit={"zh": row.fit_zh, "en": row.fit_en},
        hygiene=row.hygiene,
        cross_border=row.cross_border,
    )


def goods_of(row: Row[Any], line_id: str, price_minor: int) -> Line:
    """Return pieces of a variant, as they lie in a cart."""
    return Line(
        id=line_id,
        sku=row.sku,
        product_id=row.product_id,
        name={"zh": row.name_zh, "en": row.name_en},
        colour={"zh": row.colour_zh, "en": row.colour_en},
        size=row.size,
        quantity=row.quantity,
        price=Money(price_minor, row.currency),
    )


def order_line_of(row: Row[Any]) -> Line:
    return replace(
        goods_of(row, str(row.id), row.price_minor),
        paid=_money(row.paid_minor, row.currency),
        gift=row.gift,
        returned=row.returned,
        lowered_minor=row.lowered_minor or 0,
        lowered_at=row.lowered_at,
    )


def shipment_of(rows: Sequence[Row[Any]]) -> Shipment:
    """Return a parcel from its rows, one for each event of its trail."""
    head = rows[0]
    events = tuple(
        TrackingEvent(row.at, {"zh": row.place_zh, "en": row.place_en}, row.status)
        for row in rows
        if row.at is not None
    )
    return Shipment(head.carrier, head.tracking_number, head.expected_at, events, tuple(head.skus or ()))


def order_of(head: Row[Any], lines: Sequence[Line], parcels: Sequence[Shipment]) -> Order:
    return Order(
        number=head.number,
        customer_id=head.customer_id,
        status=OrderStatus(head.status),
        total=Money(head.total_minor, head.currency),
        lines=tuple(lines),
        shipments=tuple(parcels),
        created_at=head.created_at,
        paid_at=head.paid_at,
        delivered_at=head.delivered_at,
        shipping=_money(head.shipping_minor, head.currency),
        discount=_money(head.discount_minor, head.currency),
        address=head.address,
        country=head.country,
        changed_at=head.changed_at,
        paid_back_minor=int(head.paid_back_minor),
    )


def case_of(head: Row[Any], parts: Sequence[CasePart]) -> Case:
    return Case(
        number=head.number,
        order_number=head.order_number,
        kind=CaseKind(head.kind),
        status=CaseStatus(head.status),
        parts=tuple(parts),
        reason=head.reason,
        refund=Money(head.refund_minor, head.currency),
        opened_at=head.opened_at,
        changed_at=head.changed_at,
        label=head.label,
    )


def part_of(row: Row[Any]) -> CasePart:
    return CasePart(str(row.line_id), row.quantity, row.wanted_sku or "")


def coupon_of(row: Row[Any]) -> Coupon:
    amount, least = Money(row.amount_minor, row.currency), Money(row.least_minor, row.currency)
    of = frozenset(row.product_ids or ()), frozenset(row.categories or ()), frozenset(row.tiers or ())
    return Coupon(row.code, amount, least, row.ends_at, row.used, *of)


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)

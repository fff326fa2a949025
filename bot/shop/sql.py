"""The embedded shop: `bot.shop.port.Shop` over the tables, a fixed number of queries per question."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, String, bindparam, case, cast, func, literal, select

from bot.shop.port import (
    Cart,
    Case,
    CasePart,
    Coupon,
    Customer,
    FitReports,
    Freshness,
    Invoice,
    Line,
    Money,
    Names,
    Order,
    Product,
    Shipment,
    Variant,
)
from bot.shop.refunds import IS_FALL
from bot.shop.rows import (
    case_of,
    coupon_of,
    goods_of,
    order_line_of,
    order_of,
    part_of,
    product_of,
    shipment_of,
    tier_minor,
    variant_of,
)
from bot.store.tables import (
    cart_lines,
    carts,
    case_parts,
    cases,
    coupons,
    customers,
    invoices,
    order_lines,
    orders,
    platform_state,
    products,
    refunds,
    shipments,
    tracking,
    variants,
)

CURRENCY = "CNY"
"""What a sum of nothing is counted in: an empty cart, a customer without orders."""

_GOODS = variants.join(products, variants.c.product_id == products.c.id)
_GOODS_COLUMNS = (
    variants.c.sku,
    variants.c.product_id,
    variants.c.colour_zh,
    variants.c.colour_en,
    variants.c.size,
    products.c.name_zh,
    products.c.name_en,
)
_VOID = ("cancelled", "rejected")
"""Cases that came to nothing: their pieces are as they were."""
_RETURNED = (
    select(func.coalesce(func.sum(case_parts.c.quantity), 0))
    .join(cases, case_parts.c.case_number == cases.c.number)
    .where(case_parts.c.line_id == order_lines.c.id, cases.c.kind != "refund", cases.c.status.not_in(_VOID))
    .scalar_subquery()
)
_OF_LINE = refunds.c.key == literal("price:").concat(cast(order_lines.c.id, String))
_PAID_BACK = (
    select(func.coalesce(func.sum(refunds.c.amount_minor), 0))
    .where(refunds.c.order_number == orders.c.number)
    .where(refunds.c.key.not_like("price:%"), refunds.c.key.not_like("case:%"))
    .correlate(orders)
    .scalar_subquery()
)
_SOLD = order_lines.join(variants, order_lines.c.sku == variants.c.sku)
_OF_SIZE = (
    select(cases.c.reason, func.sum(case_parts.c.quantity).label("pieces"))
    .select_from(
        _SOLD.join(case_parts, case_parts.c.line_id == order_lines.c.id).join(
            cases, case_parts.c.case_number == cases.c.number
        )
    )
    .where(
        variants.c.product_id == bindparam("product"),
        cases.c.reason.in_(("small", "large")),
        cases.c.status.not_in(_VOID),
    )
    .group_by(cases.c.reason)
)
_DELIVERED = (
    select(func.coalesce(func.sum(order_lines.c.quantity), 0))
    .select_from(_SOLD.join(orders, order_lines.c.order_number == orders.c.number))
    .where(variants.c.product_id == bindparam("product"), orders.c.delivered_at.is_not(None))
)
_UNENDING_LAST = case((coupons.c.ends_at.is_(None), 1), else_=0)


class SqlShop:
    """Reads of the shop inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def names(self) -> Names:
        """Return what the products on sale and their colours are called."""
        on_sale = select(products.c.id, products.c.name_zh, products.c.name_en).where(products.c.active)
        colours = select(variants.c.colour_zh, variants.c.colour_en).join(products).where(products.c.active).distinct()
        return Names(
            tuple(
                (row.id, {"zh": row.name_zh, "en": row.name_en})
                for row in self._connection.execute(on_sale.order_by(products.c.id))
            ),
            tuple(
                {"zh": row.colour_zh, "en": row.colour_en}
                for row in self._connection.execute(colours.order_by(variants.c.colour_zh, variants.c.colour_en))
            ),
        )

    def products(self) -> tuple[Product, ...]:
        """Return every product on sale, by id; its variants by colour, then from the smallest size to the largest."""
        by_product: defaultdict[str, list[Variant]] = defaultdict(list)
        query = select(variants).join(products, variants.c.product_id == products.c.id).where(products.c.active)
        for row in self._connection.execute(query):
            by_product[row.product_id].append(variant_of(row))
        rows = self._connection.execute(select(products).where(products.c.active).order_by(products.c.id))
        return tuple(product_of(row, by_product[row.id]) for row in rows if row.id in by_product)

    def product(self, product_id: str) -> Product | None:
        """Return a product, on sale or not: old orders name it."""
        row = self._connection.execute(select(products).where(products.c.id == product_id)).one_or_none()
        if row is None:
            return None
        of_product = select(variants).where(variants.c.product_id == product_id)
        return product_of(row, [variant_of(found) for found in self._connection.execute(of_product)])

    def order(self, number: str) -> Order | None:
        """Return the order with this number, whoever it belongs to: check the proof before showing it."""
        return next(iter(self._orders(orders.c.number == number)), None)

    def orders_of(self, customer_id: str) -> tuple[Order, ...]:
        """Return a customer's orders, newest first."""
        return self._orders(orders.c.customer_id == customer_id)

    def customer(self, customer_id: str) -> Customer | None:
        """Return the customer; `spent` is in the currency of their newest order."""
        row = self._connection.execute(select(customers).where(customers.c.id == customer_id)).one_or_none()
        if row is None:
            return None
        currency = self._connection.execute(
            select(orders.c.currency)
            .where(orders.c.customer_id == customer_id)
            .order_by(orders.c.created_at.desc())
            .limit(1)
        ).scalar_one_or_none()
        return Customer(row.id, row.name, row.phone, row.tier, Money(row.spent_minor, currency or CURRENCY))

    def open_cart(self, customer_id: str) -> Cart | None:
        """Return the customer's open cart at today's prices for them, the newest if there are several."""
        row = self._connection.execute(
            select(carts, customers.c.tier)
            .join(customers, carts.c.customer_id == customers.c.id)
            .where(carts.c.customer_id == customer_id, carts.c.status == "open")
            .order_by(carts.c.updated_at.desc(), carts.c.id)
            .limit(1)
        ).one_or_none()
        if row is None:
            return None
        query: Select[Any] = (
            select(
                *_GOODS_COLUMNS,
                cart_lines.c.quantity,
                variants.c.price_minor,
                variants.c.tier_prices_minor,
                variants.c.currency,
            )
            .select_from(_GOODS.join(cart_lines, cart_lines.c.sku == variants.c.sku))
            .where(cart_lines.c.cart_id == row.id)
            .order_by(variants.c.sku)
        )
        lines = tuple(
            goods_of(line, "", tier_minor(line.price_minor, line.tier_prices_minor, row.tier))
            for line in self._connection.execute(query)
        )
        total = Money(
            sum(line.price.amount_minor * line.quantity for line in lines),
            lines[0].price.currency if lines else CURRENCY,
        )
        return Cart(row.id, row.customer_id, row.status, row.updated_at, lines, total)

    def cases_of(self, order_number: str) -> tuple[Case, ...]:
        """Return the cases of an order, newest first, cancelled ones too."""
        return self.cases((cases.c.order_number == order_number) & ~IS_FALL)

    def cases(self, which: ColumnElement[bool], most: int = 1000) -> tuple[Case, ...]:
        """Return the newest cases of which `which` is true, in two queries."""
        newest = select(cases).where(which).order_by(cases.c.opened_at.desc(), cases.c.number).limit(most)
        heads = self._connection.execute(newest).all()
        mine = case_parts.c.case_number.in_([head.number for head in heads])
        parts: defaultdict[str, list[CasePart]] = defaultdict(list)
        for row in self._connection.execute(select(case_parts).where(mine).order_by(case_parts.c.id)):
            parts[row.case_number].append(part_of(row))
        return tuple(case_of(head, parts[head.number]) for head in heads)

    def coupons_of(self, customer_id: str) -> tuple[Coupon, ...]:
        """Return a customer's coupons, those that end first in front, used and ended ones too."""
        query = select(coupons).where(coupons.c.customer_id == customer_id)
        query = query.order_by(_UNENDING_LAST, coupons.c.ends_at, coupons.c.code)
        return tuple(coupon_of(row) for row in self._connection.execute(query))

    def invoice_of(self, order_number: str) -> Invoice | None:
        """Return the invoice of an order, if one was asked for."""
        row = self._connection.execute(select(invoices).where(invoices.c.order_number == order_number)).one_or_none()
        return Invoice(row.order_number, row.title, row.status, row.url) if row else None

    def freshness(self) -> Freshness:
        """Return how old what is read here may be; the embedded shop is always fresh."""
        row = self._connection.execute(select(platform_state)).first()
        return Freshness(row.told_at, row.down_since) if row else Freshness()

    def fit_reports(self, product_id: str) -> FitReports:
        """Return what customers' cases say of the fit of a product: reasons `small` and `large`, in pieces."""
        said: dict[str, int] = {
            row.reason: row.pieces for row in self._connection.execute(_OF_SIZE, {"product": product_id})
        }
        small, large = said.get("small", 0), said.get("large", 0)
        delivered = self._connection.execute(_DELIVERED, {"product": product_id}).scalar_one()
        return FitReports(small, max(delivered - small - large, 0), large)

    def _orders(self, which: ColumnElement[bool]) -> tuple[Order, ...]:
        """Three queries, however many orders: heads, lines, parcels with their trail."""
        heads = self._connection.execute(
            select(orders, _PAID_BACK.label("paid_back_minor"))
            .where(which)
            .order_by(orders.c.created_at.desc(), orders.c.number)
        ).all()
        if not heads:
            return ()
        lines, parcels = self._lines(which), self._parcels(which)
        return tuple(order_of(head, lines[head.number], parcels[head.number]) for head in heads)

    def _lines(self, which: ColumnElement[bool]) -> defaultdict[str, list[Line]]:
        query: Select[Any] = (
            select(
                *_GOODS_COLUMNS,
                order_lines.c.id,
                order_lines.c.order_number,
                order_lines.c.quantity,
                order_lines.c.price_minor,
                order_lines.c.paid_minor,
                order_lines.c.gift,
                _RETURNED.label("returned"),
                refunds.c.amount_minor.label("lowered_minor"),
                refunds.c.owed_at.label("lowered_at"),
                orders.c.currency,
            )
            .select_from(
                _GOODS.join(order_lines, order_lines.c.sku == variants.c.sku)
                .join(orders, order_lines.c.order_number == orders.c.number)
                .outerjoin(refunds, _OF_LINE)
            )
            .where(which)
            .order_by(order_lines.c.id)
        )
        found: defaultdict[str, list[Line]] = defaultdict(list)
        for row in self._connection.execute(query):
            found[row.order_number].append(order_line_of(row))
        return found

    def _parcels(self, which: ColumnElement[bool]) -> defaultdict[str, list[Shipment]]:
        query: Select[Any] = (
            select(shipments, tracking.c.at, tracking.c.place_zh, tracking.c.place_en, tracking.c.status)
            .select_from(
                shipments.join(orders, shipments.c.order_number == orders.c.number).outerjoin(
                    tracking, tracking.c.shipment_id == shipments.c.id
                )
            )
            .where(which)
            .order_by(shipments.c.id, tracking.c.at, tracking.c.id)
        )
        by_shipment: dict[str, list[Row[Any]]] = {}
        for row in self._connection.execute(query):
            by_shipment.setdefault(row.id, []).append(row)
        found: defaultdict[str, list[Shipment]] = defaultdict(list)
        for rows in by_shipment.values():
            found[rows[0].order_number].append(shipment_of(rows))
        return found

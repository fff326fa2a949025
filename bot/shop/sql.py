"""The embedded shop: `bot.shop.port.Shop` over the tables, a fixed number of queries per question."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from bot.shop.port import (
    Cart,
    Customer,
    Line,
    Money,
    Names,
    Order,
    OrderStatus,
    Product,
    Shipment,
    TrackingEvent,
    Variant,
)
from bot.store.tables import (
    cart_lines,
    carts,
    customers,
    order_lines,
    orders,
    products,
    returns,
    shipments,
    tracking,
    variants,
)

CURRENCY = "CNY"
"""What a sum of nothing is counted in: an empty cart, a customer without orders."""

_LETTER_SIZES = ("XXS", "XS", "S", "M", "L", "XL", "XXL", "3XL", "4XL")
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
            by_product[row.product_id].append(_variant(row))
        rows = self._connection.execute(select(products).where(products.c.active).order_by(products.c.id))
        return tuple(_product(row, by_product[row.id]) for row in rows if row.id in by_product)

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
        """Return the customer's open cart at today's prices, the newest if there are several."""
        row = self._connection.execute(
            select(carts)
            .where(carts.c.customer_id == customer_id, carts.c.status == "open")
            .order_by(carts.c.updated_at.desc(), carts.c.id)
            .limit(1)
        ).one_or_none()
        if row is None:
            return None
        query: Select[Any] = (
            select(*_GOODS_COLUMNS, cart_lines.c.quantity, variants.c.price_minor, variants.c.currency)
            .select_from(_GOODS.join(cart_lines, cart_lines.c.sku == variants.c.sku))
            .where(cart_lines.c.cart_id == row.id)
            .order_by(variants.c.sku)
        )
        lines = tuple(_line(line, "") for line in self._connection.execute(query))
        total = Money(
            sum(line.price.amount_minor * line.quantity for line in lines),
            lines[0].price.currency if lines else CURRENCY,
        )
        return Cart(row.id, row.customer_id, row.status, row.updated_at, lines, total)

    def open_return(self, line_id: str) -> str | None:
        """Return the number of the return case of an order line, if one was opened."""
        if not line_id.isdecimal():
            return None
        return self._connection.execute(
            select(returns.c.number).where(returns.c.line_id == int(line_id))
        ).scalar_one_or_none()

    def _orders(self, which: ColumnElement[bool]) -> tuple[Order, ...]:
        """Three queries, however many orders: heads, lines, parcels with their trail."""
        heads = self._connection.execute(
            select(orders).where(which).order_by(orders.c.created_at.desc(), orders.c.number)
        ).all()
        if not heads:
            return ()
        lines, parcels = self._lines(which), self._parcels(which)
        return tuple(_order(head, lines[head.number], parcels[head.number]) for head in heads)

    def _lines(self, which: ColumnElement[bool]) -> defaultdict[str, list[Line]]:
        query: Select[Any] = (
            select(
                *_GOODS_COLUMNS,
                order_lines.c.id,
                order_lines.c.order_number,
                order_lines.c.quantity,
                order_lines.c.price_minor,
                orders.c.currency,
            )
            .select_from(
                _GOODS.join(order_lines, order_lines.c.sku == variants.c.sku).join(
                    orders, order_lines.c.order_number == orders.c.number
                )
            )
            .where(which)
            .order_by(order_lines.c.id)
        )
        found: defaultdict[str, list[Line]] = defaultdict(list)
        for row in self._connection.execute(query):
            found[row.order_number].append(_line(row, str(row.id)))
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
            found[rows[0].order_number].append(_shipment(rows))
        return found


def _size_rank(size: str) -> tuple[int, int, str]:
    if size.isdecimal():
        return (1, int(size), size)
    return (0, _LETTER_SIZES.index(size) if size in _LETTER_SIZES else len(_LETTER_SIZES), size)


def _variant(row: Row[Any]) -> Variant:
    colour = {"zh": row.colour_zh, "en": row.colour_en}
    return Variant(row.sku, row.product_id, colour, row.size, Money(row.price_minor, row.currency), row.stock)


def _product(row: Row[Any], variants_: list[Variant]) -> Product:
    return Product(
        id=row.id,
        name={"zh": row.name_zh, "en": row.name_en},
        category=row.category,
        size_chart=row.size_chart,
        material={"zh": row.material_zh, "en": row.material_en},
        returnable=row.returnable,
        variants=tuple(sorted(variants_, key=lambda v: (v.colour["en"], _size_rank(v.size)))),
    )


def _line(row: Row[Any], line_id: str) -> Line:
    return Line(
        id=line_id,
        sku=row.sku,
        product_id=row.product_id,
        name={"zh": row.name_zh, "en": row.name_en},
        colour={"zh": row.colour_zh, "en": row.colour_en},
        size=row.size,
        quantity=row.quantity,
        price=Money(row.price_minor, row.currency),
    )


def _shipment(rows: list[Row[Any]]) -> Shipment:
    head = rows[0]
    events = tuple(
        TrackingEvent(row.at, {"zh": row.place_zh, "en": row.place_en}, row.status)
        for row in rows
        if row.at is not None
    )
    return Shipment(head.carrier, head.tracking_number, head.expected_at, events)


def _order(head: Row[Any], lines: list[Line], parcels: list[Shipment]) -> Order:
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
    )

"""What the bot needs to know of a shop, whichever system keeps it. Reads only: changes are effects of a turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (fen, cents) of an ISO 4217 currency."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One colour and size of a product; `stock` is what can be sold now, in pieces."""

    sku: str
    product_id: str
    colour: dict[str, str]
    size: str
    price: Money
    stock: int


@dataclass(frozen=True, slots=True)
class Product:
    """A product with its variants; `name`, `material` by language (`zh`, `en`)."""

    id: str
    name: dict[str, str]
    category: str
    size_chart: str
    material: dict[str, str]
    returnable: bool
    variants: tuple[Variant, ...]


class OrderStatus(StrEnum):
    UNPAID = "unpaid"
    PAID = "paid"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    RETURNED = "returned"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order or cart; `id` is empty in carts; `price` is for one piece."""

    id: str
    sku: str
    product_id: str
    name: dict[str, str]
    colour: dict[str, str]
    size: str
    quantity: int
    price: Money


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    at: datetime
    place: dict[str, str]
    status: str


@dataclass(frozen=True, slots=True)
class Shipment:
    """A parcel; `events` from oldest to newest."""

    carrier: str
    tracking_number: str
    expected_at: datetime | None
    events: tuple[TrackingEvent, ...]


@dataclass(frozen=True, slots=True)
class Order:
    number: str
    customer_id: str
    status: OrderStatus
    total: Money
    lines: tuple[Line, ...]
    shipments: tuple[Shipment, ...]
    created_at: datetime
    paid_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Customer:
    """`phone` is as the shop has it; `spent` is the sum of all paid orders."""

    id: str
    name: str
    phone: str
    tier: str
    spent: Money


@dataclass(frozen=True, slots=True)
class Cart:
    id: str
    customer_id: str
    status: str
    updated_at: datetime
    lines: tuple[Line, ...]
    total: Money


@dataclass(frozen=True, slots=True)
class Names:
    """The shop's own words, by which customers name things: products by id, and colours, each by language."""

    products: tuple[tuple[str, Mapping[str, str]], ...] = ()
    colours: tuple[Mapping[str, str], ...] = ()


class Shop(Protocol):
    """Reads from the shop. Every method returns None or an empty tuple for what is not there."""

    def names(self) -> Names:
        """Return what the products on sale and their colours are called."""
        ...

    def products(self) -> tuple[Product, ...]:
        """Return every product on sale, with its variants."""
        ...

    def order(self, number: str) -> Order | None:
        """Return the order with this number, whoever it belongs to: check the proof before showing it."""
        ...

    def orders_of(self, customer_id: str) -> tuple[Order, ...]:
        """Return a customer's orders, newest first."""
        ...

    def customer(self, customer_id: str) -> Customer | None: ...

    def open_cart(self, customer_id: str) -> Cart | None: ...

    def open_return(self, line_id: str) -> str | None:
        """Return the number of the return case of an order line, if one was opened."""
        ...

"""What the bot needs to know of a shop, whichever system keeps it. Reads only: changes are effects of a turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    tier_prices: Mapping[str, Money] = field(default_factory=dict)
    """What members of a tier pay, where that is not `price`."""

    def price_for(self, tier: str) -> Money:
        return self.tier_prices.get(tier, self.price)


@dataclass(frozen=True, slots=True)
class Product:
    """A product with its variants; `name`, `material`, `care`, `fit` by language (`zh`, `en`).

    Attributes:
        hygiene: once opened it does not go back (underwear, swimwear, cosmetics).
        cross_border: shipped from abroad: other rules for returns.
    """

    id: str
    name: dict[str, str]
    category: str
    size_chart: str
    material: dict[str, str]
    returnable: bool
    variants: tuple[Variant, ...]
    care: Mapping[str, str] = field(default_factory=dict)
    fit: Mapping[str, str] = field(default_factory=dict)
    hygiene: bool = False
    cross_border: bool = False


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
    """One line of an order or cart; `id` is empty in carts; `price` is for one piece.

    Attributes:
        paid: what was paid for all its pieces, its share of coupons taken off; None where nobody knows: then by price.
        gift: it came free with the order; it goes back with the last of the goods that it came with.
        returned: pieces that went back or are on their way.
        lowered_minor: what was paid back of its price, as it had become cheaper: once a line.
        lowered_at: when that was promised; None if it was not.
    """

    id: str
    sku: str
    product_id: str
    name: dict[str, str]
    colour: dict[str, str]
    size: str
    quantity: int
    price: Money
    paid: Money | None = None
    gift: bool = False
    returned: int = 0
    lowered_minor: int = 0
    lowered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """Where a parcel was when.

    `status`: label_created, picked_up, in_transit, customs, out_for_delivery, attempted, delivered, exception, lost,
    returning, returned.
    """

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
    skus: tuple[str, ...] = ()
    """What is in it; empty: all of the order, or nobody knows."""


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
    shipping: Money | None = None
    """What was paid for shipping, part of `total`; None where nobody knows."""
    discount: Money | None = None
    """Coupons and promotions, taken off already."""
    address: str = ""
    country: str = ""
    """ISO 3166-1 alpha-2; empty: the shop's own."""
    changed_at: datetime | None = None
    """When the shop's system last told of it; None for the embedded shop, which knows at once."""
    paid_back_minor: int = 0
    """What went back of it beside its cases and the lowered prices of its lines."""


class CaseKind(StrEnum):
    RETURN = "return"
    EXCHANGE = "exchange"
    REFUND = "refund"
    """Money back, the goods stay."""


class CaseStatus(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    SENT = "sent"
    RECEIVED = "received"
    REFUNDED = "refunded"
    EXCHANGED = "exchanged"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class CasePart:
    """Pieces of an order's line in a case; `wanted_sku` is held for the customer in an exchange."""

    line_id: str
    quantity: int
    wanted_sku: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A return, an exchange or a refund.

    Attributes:
        parts: none where an amount was paid back that is for no goods.
        refund: what goes back, or went back.
        label: the address of a printable label, or what to write on the parcel; empty if there is none yet.
    """

    number: str
    order_number: str
    kind: CaseKind
    status: CaseStatus
    parts: tuple[CasePart, ...]
    reason: str
    refund: Money
    opened_at: datetime
    changed_at: datetime
    label: str = ""


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon of a customer: `amount` off from `least` on; `used` or past `ends_at` it is no good.

    Attributes:
        product_ids, categories: what it is for, and what `least` is counted of; both empty: everything.
        tiers: whose members can use it; empty: everybody who has it.
    """

    code: str
    amount: Money
    least: Money
    ends_at: datetime | None
    used: bool = False
    product_ids: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()

    def is_open_to(self, tier: str) -> bool:
        """Return whether a member of a tier can use it."""
        return not self.tiers or tier in self.tiers

    @property
    def is_limited(self) -> bool:
        return bool(self.product_ids or self.categories)

    def is_for(self, product: Product) -> bool:
        """Return whether it counts for this product."""
        return not self.is_limited or product.id in self.product_ids or product.category in self.categories


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice: wanted | issued | refused. `url` once it is issued."""

    order_number: str
    title: str
    status: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the copy of a remote shop can be trusted. The embedded shop is always fresh.

    Attributes:
        told_at: when its system last told anything, or answered that nothing changed; None: the embedded shop.
        down_since: since when it does not answer; None while it does.
    """

    told_at: datetime | None = None
    down_since: datetime | None = None


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


@dataclass(frozen=True, slots=True)
class FitReports:
    """How a product fitted those who bought it, in pieces.

    Attributes:
        small, large: sent back, or changed for another size, because they were.
        true: delivered and not sent back for that.
    """

    small: int = 0
    true: int = 0
    large: int = 0


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

    def product(self, product_id: str) -> Product | None:
        """Return a product, on sale or not: old orders name it."""
        ...

    def cases_of(self, order_number: str) -> tuple[Case, ...]:
        """Return the cases of an order, newest first, cancelled ones too."""
        ...

    def coupons_of(self, customer_id: str) -> tuple[Coupon, ...]:
        """Return a customer's coupons, those that end first in front, used and ended ones too."""
        ...

    def invoice_of(self, order_number: str) -> Invoice | None: ...

    def freshness(self) -> Freshness:
        """Return how old what is read here may be."""
        ...

    def fit_reports(self, product_id: str) -> FitReports:
        """Return what customers' cases say of the fit of a product: reasons `small` and `large`."""
        ...

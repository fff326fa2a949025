"""What the shop's own servers may say about products, customers, orders and sales: the bodies of `PUT /api/shop/…`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from bot.shop.port import OrderStatus

_NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps every character but this one
Key = Annotated[str, Field(min_length=1, max_length=64, pattern=_NO_NUL)]
Word = Annotated[str, Field(min_length=1, max_length=40, pattern=_NO_NUL)]
Words = Annotated[str, Field(max_length=200, pattern=_NO_NUL)]
Minor = Annotated[int, Field(ge=0, le=10**12, description="Fen, cents: the smallest unit of the currency.")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.")]
Channel = Annotated[str, Field(max_length=100, pattern=r"^[a-z]+:[^\s\x00]+$", description="E.g. `telegram:shopbot`.")]
User = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_NUL, description="The platform's id.")]

_NOT_PAID = (OrderStatus.UNPAID, OrderStatus.CANCELLED)


class Body(BaseModel):
    """A typing error in a field's name is an error, not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bilingual(Body):
    """The same in both languages."""

    zh: Words
    en: Words


class VariantBody(Body):
    """One colour and size of a product; `stock` is what can be sold now, in pieces."""

    sku: Key
    colour: Bilingual
    size: Annotated[str, Field(max_length=20, pattern=_NO_NUL)]
    price_minor: Minor
    currency: Currency
    stock: Annotated[int, Field(ge=0, le=10**9)]


class ProductBody(Body):
    """A product with all its variants. `size_chart` names a file of `knowledge/size-charts/`, or is empty."""

    name: Bilingual
    category: Word
    size_chart: Annotated[str, Field(max_length=40, pattern=_NO_NUL)] = ""
    material: Bilingual = Bilingual(zh="", en="")
    returnable: bool = True
    active: bool = True
    variants: Annotated[list[VariantBody], Field(max_length=500)]


class CustomerBody(Body):
    """A customer. The last four digits of `phone` prove an order. What they spent is counted from their paid orders."""

    name: Words
    phone: Annotated[str, Field(max_length=40, pattern=_NO_NUL)] = ""
    email: Words = ""
    tier: Annotated[str, Field(min_length=1, max_length=20, pattern=_NO_NUL)] = "regular"


class OrderLineBody(Body):
    """Pieces of one variant, with the price of one piece in the order's currency."""

    sku: Key
    quantity: Annotated[int, Field(ge=1, le=999)]
    price_minor: Minor


class TrackingBody(Body):
    """Where a parcel was when."""

    at: AwareDatetime
    place: Bilingual
    status: Literal["picked_up", "in_transit", "out_for_delivery", "delivered"]


class ShipmentBody(Body):
    """One parcel of an order."""

    carrier: Word
    tracking_number: Key
    expected_at: AwareDatetime | None = None
    events: Annotated[list[TrackingBody], Field(max_length=200)] = []


class OrderBody(Body):
    """An order, whole: what is left out is gone. `total_minor` is what was paid, discounts and shipping included."""

    customer_id: Key
    status: OrderStatus
    total_minor: Minor
    currency: Currency
    address: Annotated[str, Field(max_length=1000, pattern=_NO_NUL)] = ""
    created_at: AwareDatetime
    paid_at: AwareDatetime | None = None
    delivered_at: AwareDatetime | None = None
    lines: Annotated[list[OrderLineBody], Field(min_length=1, max_length=200)]
    shipments: Annotated[list[ShipmentBody], Field(max_length=50)] = []

    @property
    def paid(self) -> bool:
        """Whether the money of this order has come."""
        return self.status not in _NOT_PAID

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        skus = [line.sku for line in self.lines]
        if twice := sorted({sku for sku in skus if skus.count(sku) > 1}):
            raise ValueError(f"lines name the sku {twice[0]} twice; add up its pieces")
        if self.paid and self.paid_at is None:
            raise ValueError(f"paid_at is needed for the status {self.status.value}")
        if self.status is OrderStatus.DELIVERED and self.delivered_at is None:
            raise ValueError("delivered_at is needed for the status delivered")
        return self


class Audience(Body):
    """Who hears of a sale: one chat, or everyone seen on the channel in the last day."""

    channel: Channel
    chat: User | None = None
    language: Literal["zh", "en"] | None = None


class SaleBody(Body):
    """A flash sale that has not begun. Its `total` pieces are set apart from the stock.

    Attributes:
        length_s: seconds it runs.
        hold_s: seconds a claimed piece is kept.
    """

    sku: Key
    price_minor: Minor
    currency: Currency
    total: Annotated[int, Field(ge=1, le=10**6)]
    length_s: Annotated[int, Field(ge=60, le=7 * 86_400)] = 7200
    hold_s: Annotated[int, Field(ge=60, le=86_400)] = 600
    audiences: Annotated[list[Audience], Field(min_length=1, max_length=50)]

"""What the shop's own servers may say of products, customers, orders, cases and sales: bodies of `PUT /api/shop/…`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from babel.numbers import list_currencies
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from bot.shop.port import CaseKind, CaseStatus, OrderStatus
from bot.shop.sheetcells import currency_of

_NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps every character but this one
Key = Annotated[str, Field(min_length=1, max_length=64, pattern=_NO_NUL)]
Word = Annotated[str, Field(min_length=1, max_length=40, pattern=_NO_NUL)]
Words = Annotated[str, Field(max_length=200, pattern=_NO_NUL)]
Minor = Annotated[int, Field(ge=0, le=10**12, description="Fen, cents: the smallest unit of the currency.")]
Currency = Annotated[
    str,
    AfterValidator(currency_of),
    Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.", json_schema_extra={"enum": sorted(list_currencies())}),
]
Channel = Annotated[str, Field(max_length=100, pattern=r"^[a-z]+:[^\s\x00]+$", description="E.g. `telegram:shopbot`.")]
User = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_NUL, description="The platform's id.")]


def _birthday_of(said: str) -> str:
    """Return a day of the year as it is kept, empty if it is not known.

    Raises:
        ValueError: there is no such day.
    """
    if said:
        date.fromisoformat(f"2000-{said}")  # a leap year: some are born on the 29th of February
    return said


Birthday = Annotated[
    str,
    AfterValidator(_birthday_of),
    Field(pattern=r"^(\d\d-\d\d)?$", description="Month and day, `MM-DD`; the year is not kept."),
]
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
    tier_prices_minor: Annotated[dict[Word, Minor], Field(max_length=20)] = {}


class ProductBody(Body):
    """A product with all its variants. `size_chart` names a file of `knowledge/size-charts/`, or is empty."""

    name: Bilingual
    category: Word
    size_chart: Annotated[str, Field(max_length=40, pattern=_NO_NUL)] = ""
    material: Bilingual = Bilingual(zh="", en="")
    care: Bilingual = Bilingual(zh="", en="")
    fit: Bilingual = Bilingual(zh="", en="")
    returnable: bool = True
    hygiene: bool = False
    cross_border: bool = False
    active: bool = True
    variants: Annotated[list[VariantBody], Field(max_length=500)]


class CustomerBody(Body):
    """A customer. The last four digits of `phone` prove an order. What they spent is counted from their paid orders.

    Without `birthday` the one that is known stays; an empty one takes it away.
    """

    name: Words
    phone: Annotated[str, Field(max_length=40, pattern=_NO_NUL)] = ""
    email: Words = ""
    tier: Annotated[str, Field(min_length=1, max_length=20, pattern=_NO_NUL)] = "regular"
    birthday: Birthday | None = None


class OrderLineBody(Body):
    """Pieces of one variant, with the price of one piece in the order's currency.

    `paid_minor` is what was paid for all of them, the line's share of coupons taken off; null: by price.
    """

    sku: Key
    quantity: Annotated[int, Field(ge=1, le=999)]
    price_minor: Minor
    paid_minor: Minor | None = None
    gift: bool = False


TrackingStatus = Literal[
    "label_created",
    "picked_up",
    "in_transit",
    "customs",
    "out_for_delivery",
    "attempted",
    "delivered",
    "exception",
    "lost",
    "returning",
    "returned",
]


class TrackingBody(Body):
    """Where a parcel was when."""

    at: AwareDatetime
    place: Bilingual
    status: TrackingStatus


class ShipmentBody(Body):
    """One parcel of an order."""

    carrier: Word
    tracking_number: Key
    expected_at: AwareDatetime | None = None
    events: Annotated[list[TrackingBody], Field(max_length=200)] = []
    skus: Annotated[list[Key], Field(max_length=200, description="What is in it; empty: all of the order.")] = []


PayUrl = Annotated[str, Field(max_length=1000, pattern=r"^(https?://[^\s\x00]+)?$")]
"""Where something can be paid; empty where the shop tells no address."""


class OrderBody(Body):
    """An order, whole: what is left out is gone. `total_minor` is what was paid, discounts and shipping included."""

    customer_id: Key
    status: OrderStatus
    total_minor: Minor
    currency: Currency
    shipping_minor: Minor | None = None
    discount_minor: Minor | None = None
    address: Annotated[str, Field(max_length=1000, pattern=_NO_NUL)] = ""
    country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$", description="ISO 3166-1 alpha-2; empty: the shop's.")] = ""
    pay_url: PayUrl = ""
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


class CasePartBody(Body):
    """Pieces of an order's line in a case; `wanted_sku` comes instead in an exchange."""

    sku: Key
    quantity: Annotated[int, Field(ge=1, le=999)] = 1
    wanted_sku: Annotated[str, Field(max_length=64, pattern=_NO_NUL)] = ""


class CaseBody(Body):
    """A return, an exchange or a refund, whole. A refund without `parts` is an amount that is for no goods."""

    order_number: Key
    kind: CaseKind
    status: CaseStatus
    parts: Annotated[list[CasePartBody], Field(max_length=200)]
    reason: Words = ""
    refund_minor: Minor = 0
    currency: Currency
    opened_at: AwareDatetime
    label: Words = ""

    @model_validator(mode="after")
    def _names_goods(self) -> Self:
        if not self.parts and self.kind is not CaseKind.REFUND:
            raise ValueError(f"parts are needed for the kind {self.kind.value}")
        return self


class CouponBody(Body):
    """A coupon: `amount_minor` off from `least_minor` on, of what it is for: products, categories, or everything.

    With `tiers` it is good only while the customer is a member of one of them.
    """

    amount_minor: Minor
    least_minor: Minor = 0
    currency: Currency
    ends_at: AwareDatetime | None = None
    used: bool = False
    product_ids: Annotated[list[Key], Field(max_length=200)] = []
    categories: Annotated[list[Word], Field(max_length=50)] = []
    tiers: Annotated[list[Word], Field(max_length=20)] = []


class InvoiceBody(Body):
    """An invoice, and how far it is: `url` leads to it once it is issued."""

    title: Words
    tax_id: Annotated[str, Field(max_length=64, pattern=_NO_NUL)] = ""
    email: Words = ""
    status: Literal["wanted", "issued", "refused"]
    url: Annotated[str, Field(max_length=2000, pattern=_NO_NUL)] = ""


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
        offer_s: seconds a piece that was freed is kept for who is first in line.
        limit_each: pieces a person may have; all accounts of a customer are one person.
        early: by member tier, how many seconds ahead of the others it begins.
        min_age_s: seconds that an account must be older than the start.
        pay_url: where a held piece is paid; `{claim}` stands for the claim's id.
    """

    sku: Key
    price_minor: Minor
    currency: Currency
    total: Annotated[int, Field(ge=1, le=10**6)]
    length_s: Annotated[int, Field(ge=60, le=7 * 86_400)] = 7200
    hold_s: Annotated[int, Field(ge=60, le=86_400)] = 600
    offer_s: Annotated[int, Field(ge=60, le=86_400)] = 300
    limit_each: Annotated[int, Field(ge=1, le=100)] = 1
    early: Annotated[dict[Word, Annotated[int, Field(ge=1, le=7 * 86_400)]], Field(max_length=20)] = {}
    min_age_s: Annotated[int, Field(ge=0, le=366 * 86_400)] = 0
    pay_url: PayUrl = ""
    audiences: Annotated[list[Audience], Field(min_length=1, max_length=50)]

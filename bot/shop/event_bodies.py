"""What the shop's own servers tell of what happens: the bodies of events, the same at both doors.

`changed_at` is the shop's own time of the change. An event that is older than what is known changes nothing that is
newer; repeating one is harmless.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from bot.shop.bodies import Body, Channel, Currency, Key, Minor, OrderBody, ShipmentBody, User, Words
from bot.shop.port import CaseStatus


class CartUpdated(Body):
    """The customer changed the cart: its follow-up starts to wait again."""

    type: Literal["cart.updated"]
    cart_id: Key
    changed_at: AwareDatetime | None = None


class CheckoutStarted(Body):
    """The customer is at the checkout with this cart: its follow-up starts to wait again."""

    type: Literal["checkout.started"]
    cart_id: Key
    changed_at: AwareDatetime | None = None


class CartPaid(Body):
    """The cart was paid: nothing more is said about it."""

    type: Literal["cart.paid"]
    cart_id: Key


class OrderCreated(Body):
    """There is a new order, whole."""

    type: Literal["order.created"]
    order_number: Key
    order: OrderBody
    changed_at: AwareDatetime


class OrderPaid(Body):
    """The order was paid. `cart_id` names the cart that it came from; null ends what is said about any of theirs."""

    type: Literal["order.paid"]
    order_number: Key
    cart_id: Key | None
    changed_at: AwareDatetime | None = None


class OrderCancelled(Body):
    """The order was cancelled in the shop. What became of its pieces, `stock.changed` tells."""

    type: Literal["order.cancelled"]
    order_number: Key
    changed_at: AwareDatetime


class OrderShipped(Body):
    """The order, or its first parcel, has left."""

    type: Literal["order.shipped"]
    order_number: Key
    shipment: ShipmentBody | None = None
    changed_at: AwareDatetime


class OrderDelivered(Body):
    """All of the order has arrived, at `changed_at`: the days of return count from then."""

    type: Literal["order.delivered"]
    order_number: Key
    changed_at: AwareDatetime


class ShipmentUpdated(Body):
    """A parcel, whole; its tracking number says which one."""

    type: Literal["shipment.updated"]
    order_number: Key
    shipment: ShipmentBody
    changed_at: AwareDatetime


class StockChanged(Body):
    """How many pieces of a variant can be sold now."""

    type: Literal["stock.changed"]
    sku: Key
    stock: Annotated[int, Field(ge=0, le=10**9)]
    changed_at: AwareDatetime


class ReturnUpdated(Body):
    """Where a return, an exchange or a refund stands; what is null stays as it is."""

    type: Literal["return.updated"]
    case_number: Key
    status: CaseStatus
    label: Words | None = None
    refund_minor: Minor | None = None
    changed_at: AwareDatetime


class RefundPaid(Body):
    """Money went back, at `changed_at`. `payment` is the shop's id of it, `case_number` the case that it ends."""

    type: Literal["refund.paid"]
    payment: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    order_number: Key
    case_number: Key | None = None
    amount_minor: Minor
    currency: Currency
    changed_at: AwareDatetime


class Marketing(Body):
    """A yes or no to being written to, and how it was given: a new answer needs a new `proof`.

    `text_version` names the text that they agreed to, as the shop counts its texts.
    """

    granted: bool
    proof: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
    text_version: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")] = ""


class CustomerLinked(Body):
    """An account of a channel is this customer's: the shop saw them logged in to both."""

    type: Literal["customer.linked"]
    customer_id: Key
    channel: Channel
    user: User
    marketing: Marketing | None = None


class ClaimBody(Body):
    """What a person holds in a flash sale; `claim_id` names one piece of several."""

    sale_id: Key
    channel: Channel
    user: User
    claim_id: Key | None = None


class ClaimPaying(ClaimBody):
    """This person is paying what they hold, or one piece of it: it is held for as long again, once."""

    type: Literal["claim.paying"]


class ClaimPaid(ClaimBody):
    """What this person holds in a flash sale was paid. Too late, and it is answered with 409, each time."""

    type: Literal["claim.paid"]


class ClaimRefunded(ClaimBody):
    """What this person had paid, too late or in time, was given back to them."""

    type: Literal["claim.refunded"]


OrderMoved = OrderCancelled | OrderShipped | OrderDelivered
Event = (
    CartUpdated
    | CheckoutStarted
    | CartPaid
    | OrderCreated
    | OrderPaid
    | OrderMoved
    | ShipmentUpdated
    | StockChanged
    | ReturnUpdated
    | RefundPaid
    | CustomerLinked
    | ClaimPaying
    | ClaimPaid
    | ClaimRefunded
)
ShopEvent = Annotated[Event, Field(discriminator="type")]

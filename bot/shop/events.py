"""What happens in the shop, as its own servers tell it. Each event is safe to repeat."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import Connection, select, update

from bot.campaigns import flash
from bot.clock import IdMaker
from bot.delivery.inbox import identity_of
from bot.effects import set_consent
from bot.errors import Conflict, NotFound
from bot.messages import Chat, Inbound
from bot.shop.bodies import Body, Channel, Key, User
from bot.shop.changes import pay_cart, pay_order, touch_cart, withdraw_follow_ups_of
from bot.skills.turn import SetConsent
from bot.store.database import AnyRow
from bot.store.tables import claims, consents, customers, identities, orders, persons


class CartUpdated(Body):
    """The customer changed the cart: its follow-up starts to wait again."""

    type: Literal["cart.updated"]
    cart_id: Key


class CartPaid(Body):
    """The cart was paid: nothing more is said about it."""

    type: Literal["cart.paid"]
    cart_id: Key


class OrderPaid(Body):
    """The order was paid. `cart_id` names the cart that it came from; null ends what is said about any of theirs."""

    type: Literal["order.paid"]
    order_number: Key
    cart_id: Key | None


class Marketing(Body):
    """A yes or no to being written to, and how it was given: a new answer needs a new `proof`."""

    granted: bool
    proof: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]


class CustomerLinked(Body):
    """An account of a channel is this customer's: the shop saw them logged in to both."""

    type: Literal["customer.linked"]
    customer_id: Key
    channel: Channel
    user: User
    marketing: Marketing | None = None


class ClaimPaid(Body):
    """The piece that this person holds in a flash sale was paid."""

    type: Literal["claim.paid"]
    sale_id: Key
    channel: Channel
    user: User


Event = CartUpdated | CartPaid | OrderPaid | CustomerLinked | ClaimPaid
ShopEvent = Annotated[Event, Field(discriminator="type")]


def record(connection: Connection, event: Event, now: datetime, new_id: IdMaker) -> bool:
    """Act on one event of the shop in the caller's transaction. Return whether it changed anything.

    Raises:
        NotFound: the event is about something that is not there.
        Conflict: it comes too late; the message says what to do.
    """
    match event:
        case CartUpdated():
            return touch_cart(connection, event.cart_id, now)
        case CartPaid():
            return pay_cart(connection, event.cart_id, now)
        case OrderPaid():
            return _order_paid(connection, event, now)
        case CustomerLinked():
            return _link(connection, event, now, new_id)
        case ClaimPaid():
            return _claim_paid(connection, event, now)


def _order_paid(connection: Connection, event: OrderPaid, now: datetime) -> bool:
    paid = pay_order(connection, event.order_number, now)
    if event.cart_id is not None:
        return pay_cart(connection, event.cart_id, now) or paid
    order = connection.execute(select(orders).where(orders.c.number == event.order_number)).one()
    withdraw_follow_ups_of(connection, order.customer_id, order.paid_at or now, now)
    return paid


def _link(connection: Connection, event: CustomerLinked, now: datetime, new_id: IdMaker) -> bool:
    if connection.execute(select(customers.c.id).where(customers.c.id == event.customer_id)).first() is None:
        raise NotFound(f"customer_id: there is no customer {event.customer_id}. Put it there first.")
    # As if they had said their first word now, so that there is one way to make a person.
    hello = Inbound(f"linked:{event.channel}:{event.user}", Chat(event.channel, event.user), event.user, now)
    identity_of(connection, hello, now, new_id)
    person = _person(connection, event.channel, event.user)
    changed = bool(person.customer_id != event.customer_id)
    if changed:
        connection.execute(update(persons).where(persons.c.id == person.id).values(customer_id=event.customer_id))
    wish = event.marketing
    if wish is not None and not _said_before(connection, person.id, wish):
        set_consent(connection, person.id, event.channel, SetConsent(wish.granted, wish.proof), now)
        changed = True
    return changed


def _said_before(connection: Connection, person_id: str, wish: Marketing) -> bool:
    """A repeated event must not bring back a yes that was taken back since."""
    same = consents.c.person_id == person_id, consents.c.granted == wish.granted, consents.c.proof == wish.proof
    return connection.execute(select(consents.c.id).where(*same)).first() is not None


def _claim_paid(connection: Connection, event: ClaimPaid, now: datetime) -> bool:
    person = _person(connection, event.channel, event.user)
    claim = connection.execute(
        select(claims).where(claims.c.sale_id == event.sale_id, claims.c.person_id == person.id)
    ).one_or_none()
    if claim is None:
        raise NotFound(f"sale_id: {event.user} has claimed nothing in {event.sale_id}. Refund the payment.")
    if not flash.pay(connection, claim.id, now):
        raise Conflict(f"The hold of {event.user} in {event.sale_id} ran out and no piece is left. Refund the payment.")
    return bool(claim.status != "paid")


def _person(connection: Connection, channel: str, user: str) -> AnyRow:
    person = connection.execute(
        select(persons.c.id, persons.c.customer_id)
        .join(identities, identities.c.person_id == persons.c.id)
        .where(identities.c.channel == channel, identities.c.user == user)
    ).one_or_none()
    if person is None:
        raise NotFound(f"user: the bot has never met {user} on {channel}.")
    return person

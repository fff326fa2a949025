"""What happens in the shop, as its own servers tell it. Each event is safe to repeat."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from bot.campaigns import buyers, paying
from bot.clock import IdMaker
from bot.delivery.inbox import identity_of
from bot.effects import set_consent
from bot.errors import Conflict, NotFound
from bot.messages import Chat, Inbound
from bot.shop.cases import OVER, VOID, lock_order, set_status, take_up
from bot.shop.changes import (
    end_order,
    pay_cart,
    pay_order,
    sold_out,
    touch_cart,
    withdraw_all_of,
    withdraw_follow_ups_of,
)
from bot.shop.event_bodies import (
    CartPaid,
    CartUpdated,
    CheckoutStarted,
    ClaimPaid,
    ClaimPaying,
    ClaimRefunded,
    CustomerLinked,
    Event,
    Marketing,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPaid,
    OrderShipped,
    RefundPaid,
    ReturnUpdated,
    ShipmentUpdated,
    StockChanged,
)
from bot.shop.order_events import known_order, order_created, order_moved, put_shipment
from bot.shop.port import CaseStatus, Money
from bot.shop.refunds import case_due, paid_for, refund_paid
from bot.shop.stock import set_stock
from bot.skills.turn import SetConsent
from bot.store.database import AnyRow
from bot.store.tables import cases, consents, customers, identities, orders, persons


def record(connection: Connection, event: Event, now: datetime, new_id: IdMaker) -> bool:
    """Act on one event of the shop in the caller's transaction. Return whether it changed anything.

    Raises:
        NotFound: the event is about something that is not there.
        Conflict: it comes too late; the message says what to do.
    """
    match event:
        case CartUpdated() | CheckoutStarted():
            return touch_cart(connection, event.cart_id, now, event.changed_at)
        case CartPaid():
            return pay_cart(connection, event.cart_id, now)
        case OrderPaid():
            return _order_paid(connection, event, now)
        case OrderCreated():
            return order_created(connection, event, now)
        case OrderCancelled() | OrderShipped() | OrderDelivered():
            return order_moved(connection, event)
        case ShipmentUpdated():
            known_order(connection, event.order_number)
            return put_shipment(connection, event.order_number, event.shipment, event.changed_at)
        case StockChanged():
            changed = set_stock(connection, event.sku, event.stock, event.changed_at, now)
            sold_out(connection, [event.sku], now)
            return changed
        case ReturnUpdated():
            return _return_updated(connection, event)
        case RefundPaid():
            return _refund_paid(connection, event)
        case CustomerLinked():
            return _link(connection, event, now, new_id)
        case ClaimPaying():
            person = person_of(connection, event.channel, event.user)
            return paying.extend(connection, event.sale_id, person.id, now, event.claim_id or "")
        case ClaimPaid():
            return _claim_paid(connection, event, now).changed
        case ClaimRefunded():
            person = person_of(connection, event.channel, event.user)
            return paying.refund(connection, event.sale_id, person.id, now, event.claim_id or "")


def answered(connection: Connection, event: Event, now: datetime, new_id: IdMaker) -> tuple[bool, str]:
    """Do as `record`. Return also what is to be said against the event although it is recorded: empty if nothing."""
    if not isinstance(event, ClaimPaid):
        return record(connection, event, now, new_id), ""
    payment = _claim_paid(connection, event, now)
    return payment.changed, _too_late(event) if payment.status == "late" else ""


def said_against(connection: Connection, event: Event) -> str:
    """Return what is to be said against an event that was recorded before: empty if nothing."""
    if not isinstance(event, ClaimPaid):
        return ""
    person = person_of(connection, event.channel, event.user)
    is_late = paying.is_late(connection, event.sale_id, person.id, event.claim_id or "")
    return _too_late(event) if is_late else ""


def _too_late(event: ClaimPaid) -> str:
    return f"The hold of {event.user} in {event.sale_id} ran out and no piece is left. Refund the payment."


def _claim_paid(connection: Connection, event: ClaimPaid, now: datetime) -> paying.Payment:
    person = person_of(connection, event.channel, event.user)
    return paying.pay(connection, event.sale_id, person.id, now, event.claim_id or "")


def _order_paid(connection: Connection, event: OrderPaid, now: datetime) -> bool:
    cancelled_at = _cancelled_since(connection, event)
    paid = cancelled_at is None and pay_order(connection, event.order_number, event.changed_at or now, event.changed_at)
    order = connection.execute(select(orders).where(orders.c.number == event.order_number)).one()
    is_known = order.paid_at is not None and (event.changed_at is None or event.changed_at >= order.paid_at)
    if not is_known:
        # That it left, or that it was cancelled, was told first, and was later than it was paid.
        connection.execute(update(orders).where(orders.c.number == order.number).values(paid_at=event.changed_at))
        paid = True
    if event.cart_id is not None:
        return pay_cart(connection, event.cart_id, now) or paid
    withdraw_follow_ups_of(connection, order.customer_id, order.paid_at or now, now)
    return paid


def _cancelled_since(connection: Connection, event: OrderPaid) -> datetime | None:
    """Return when an order was cancelled after the payment that is told of now; None if it was not."""
    order = lock_order(connection, event.order_number)
    if order is None or order.status != "cancelled" or event.changed_at is None or order.changed_at is None:
        return None
    return order.changed_at if event.changed_at <= order.changed_at else None


def _return_updated(connection: Connection, event: ReturnUpdated) -> bool:
    before = connection.execute(select(cases).where(cases.c.number == event.case_number)).one_or_none()
    if before is None:
        raise NotFound(f"case_number: there is no case {event.case_number}. Put it there first.")
    lock_order(connection, before.order_number)
    case = connection.execute(select(cases).where(cases.c.number == event.case_number)).one()
    if case.changed_at >= event.changed_at:
        return False
    if case.status in VOID and event.status not in VOID and not take_up(connection, case.number):
        raise Conflict(
            f"status: the case {case.number} came to nothing, and its pieces are in another case or what was wanted "
            "instead is gone. Open a new case."
        )
    told = {"label": event.label, "refund_minor": event.refund_minor}
    if known := {name: value for name, value in told.items() if value is not None}:
        connection.execute(update(cases).where(cases.c.number == case.number).values(known))
    set_status(connection, case.number, event.status, event.changed_at)
    return True


def _refund_paid(connection: Connection, event: RefundPaid) -> bool:
    order = known_order(connection, event.order_number)
    amount = Money(event.amount_minor, event.currency)
    number = event.case_number or case_due(connection, order.number, amount)
    of_order = cases.c.number == number, cases.c.order_number == order.number
    case = connection.execute(select(cases).where(*of_order)).one_or_none()
    if number and case is None:
        raise NotFound(f"case_number: the order {order.number} has no case {number}. Put it there first.")
    end_order(connection, order.number, "refunded", event.changed_at)
    paid = refund_paid(connection, event.payment, order.number, amount, event.changed_at, number)
    if paid and case is not None and case.status not in OVER and paid_for(connection, number) >= case.refund_minor:
        set_status(connection, number, CaseStatus.REFUNDED, event.changed_at)
    return paid


def _link(connection: Connection, event: CustomerLinked, now: datetime, new_id: IdMaker) -> bool:
    if connection.execute(select(customers.c.id).where(customers.c.id == event.customer_id)).first() is None:
        raise NotFound(f"customer_id: there is no customer {event.customer_id}. Put it there first.")
    # As if they had said their first word now, so that there is one way to make a person.
    hello = Inbound(f"linked:{event.channel}:{event.user}", Chat(event.channel, event.user), event.user, now)
    identity_of(connection, hello, now, new_id)
    person = person_of(connection, event.channel, event.user)
    changed = bool(person.customer_id != event.customer_id)
    if changed:
        connection.execute(update(persons).where(persons.c.id == person.id).values(customer_id=event.customer_id))
        buyers.become(connection, person.id, event.customer_id, now)
        if person.customer_id is not None:  # a guest has become known: what they left as a guest is told no more
            withdraw_all_of(connection, person.customer_id, "other_customer", now)
    wish = event.marketing
    if wish is not None and not _said_before(connection, person.id, wish):
        set_consent(
            connection, person.id, event.channel, SetConsent(wish.granted, wish.proof, version=wish.text_version), now
        )
        changed = True
    return changed


def _said_before(connection: Connection, person_id: str, wish: Marketing) -> bool:
    """A repeated event must not bring back a yes that was taken back since."""
    same = consents.c.person_id == person_id, consents.c.granted == wish.granted, consents.c.proof == wish.proof
    return connection.execute(select(consents.c.id).where(*same)).first() is not None


def person_of(connection: Connection, channel: str, user: str) -> AnyRow:
    """Return id and customer of who has this account.

    Raises:
        NotFound: the bot has never met them.
    """
    person = connection.execute(
        select(persons.c.id, persons.c.customer_id)
        .join(identities, identities.c.person_id == persons.c.id)
        .where(identities.c.channel == channel, identities.c.user == user)
    ).one_or_none()
    if person is None:
        raise NotFound(f"user: the bot has never met {user} on {channel}.")
    return person

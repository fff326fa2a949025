"""What an agent may know of the customer in front of them: person, orders, cart, consents."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, select

from bot.masking import masked as masked_text
from bot.shop.port import Cart, Money, Order, Shop
from bot.store.tables import consents, conversations, identities, persons, proofs

MOST_ORDERS = 5
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Person:
    """Who writes. Shop data is there only once the identity is proven; `phone` is masked, see `reveal`."""

    name: str
    language: str
    tier: str = ""
    spent: Money | None = None
    phone: str = ""
    unreachable: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """The newest yes or no for a channel (`*` = all) and purpose."""

    channel: str
    purpose: str
    granted: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """The side bar of one conversation.

    Attributes:
        orders: of the linked account, and those that this identity has shown to be its own; addresses are masked.
        proven: the numbers of the latter.
    """

    person: Person | None
    orders: tuple[Order, ...]
    cart: Cart | None
    consents: tuple[Consent, ...]
    proven: frozenset[str] = frozenset()


def customer(connection: Connection, shop: Shop, conversation_id: str) -> Customer:
    """Return what is known of the customer of a conversation; nothing for groups."""
    row = connection.execute(_WHO, {"talk": conversation_id}).first()
    if row is None:
        return Customer(None, (), None, ())
    name = row.name
    said = _consents(connection, row.id)
    proven = _proven(connection, row.identity_id)
    known = shop.customer(row.customer_id) if row.customer_id else None
    if known is None:
        person = Person(name, row.language, unreachable=row.unreachable, id=row.id)
        return Customer(person, _and_proven((), proven, shop), None, said, frozenset(proven))
    phone = masked(known.phone)
    person = Person(known.name or name, row.language, known.tier, known.spent, phone, row.unreachable, row.id)
    orders = _and_proven(shop.orders_of(known.id)[:MOST_ORDERS], proven, shop)
    return Customer(person, orders, shop.open_cart(known.id), said, frozenset(proven))


def _proven(connection: Connection, identity_id: str) -> tuple[str, ...]:
    return tuple(connection.execute(_PROVEN, {"account": identity_id}).scalars())


def _and_proven(own: tuple[Order, ...], proven: tuple[str, ...], shop: Shop) -> tuple[Order, ...]:
    numbers = {order.number for order in own}
    found = own + tuple(order for n in proven if n not in numbers and (order := shop.order(n)) is not None)
    return tuple(replace(order, address=hidden_address(order.address)) for order in found)


def shown_name() -> ColumnElement[str]:
    """Return the name under which a customer is shown: the person's, the account's, else the end of its id.

    The ids of one platform account begin alike.
    """
    user = identities.c.user
    end = case((func.length(user) > 6, func.substr(user, func.length(user) - 5)), else_=user)
    return func.coalesce(
        func.nullif(persons.c.name, ""),
        func.nullif(identities.c.name, ""),
        "#" + end,
        func.coalesce(conversations.c.chat, ""),
    )


def masked(phone: str) -> str:
    """Return the phone number with all but its last four characters hidden."""
    return "•••• " + phone[-4:] if len(phone) > 4 else "••••" if phone else ""


def hidden_address(address: str) -> str:
    """Return an order's address with all below the city hidden, or all of it where no city is recognised."""
    known = masked_text(address)
    if known == address:
        return "••••" if address else ""
    return _DIGIT.sub("*", known)


def _consents(connection: Connection, person_id: str) -> tuple[Consent, ...]:
    newest: dict[tuple[str, str], Consent] = {}
    for row in connection.execute(_SAID, {"person": person_id}):
        newest[row.channel, row.purpose] = Consent(row.channel, row.purpose, row.granted, row.at)
    return tuple(newest.values())


# Made once: the console asks them whenever something moves in the open conversation.
_WHO = (
    select(
        persons.c.id,
        shown_name().label("name"),
        persons.c.language,
        persons.c.customer_id,
        identities.c.id.label("identity_id"),
        conversations.c.unreachable,
    )
    .select_from(conversations)
    .join(identities, identities.c.id == conversations.c.identity_id)
    .join(persons, persons.c.id == identities.c.person_id)
    .where(conversations.c.id == bindparam("talk"))
)
_PROVEN = (
    select(proofs.c.order_number)
    .where(proofs.c.identity_id == bindparam("account"))
    .order_by(proofs.c.proven_at.desc())
    .limit(MOST_ORDERS)
)
_SAID = select(consents).where(consents.c.person_id == bindparam("person")).order_by(consents.c.at, consents.c.id)

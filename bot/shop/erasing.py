"""A customer who was deleted in the shop's own system: what tells who it was goes here too, and does not come back.

Orders, cases and amounts stay, as records of the business. What was said in chats goes by the times of `[retention]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, select, update

from bot.campaigns import ballots, buyers
from bot.delivery.touches import withdraw_marketing
from bot.shop import price_watch, stock
from bot.shop.bodies import OrderBody
from bot.shop.changes import withdraw_all_of
from bot.shop.platform import Kind, Told
from bot.store.tables import (
    carts,
    cases,
    coupons,
    customers,
    errands,
    identities,
    invoices,
    orders,
    person_measures,
    person_tags,
    persons,
    proofs,
    untold,
)

_NOBODY = {"name": "", "phone": "", "email": "", "birthday": ""}


def erase(connection: Connection, customer_id: str, now: datetime) -> None:
    """Erase a customer and the person who was linked to it. Their chat is a stranger's from then on."""
    own = select(orders.c.number).where(orders.c.customer_id == customer_id)
    connection.execute(update(customers).where(customers.c.id == customer_id).values(**_NOBODY, erased_at=now))
    connection.execute(update(orders).where(orders.c.customer_id == customer_id).values(address=""))
    connection.execute(update(cases).where(cases.c.order_number.in_(own)).values(words="", photos=[]))
    of_order = invoices.c.order_number.in_(own)
    connection.execute(update(invoices).where(of_order).values(email=""))
    connection.execute(update(invoices).where(of_order, invoices.c.tax_id == "").values(title=""))  # a person's name
    connection.execute(delete(coupons).where(coupons.c.customer_id == customer_id))
    withdraw_all_of(connection, customer_id, "erased", now)
    left = carts.c.customer_id == customer_id, carts.c.status == "open"
    connection.execute(update(carts).where(*left).values(status="emptied"))
    _erase_errands(connection, own)
    _erase_untold(connection, customer_id)
    connection.execute(delete(proofs).where(proofs.c.order_number.in_(own)))
    _erase_person(connection, customer_id, now)


def _erase_errands(connection: Connection, own: Select[tuple[str]]) -> None:
    """Delete what is over; what is still to be done stays until it is."""
    number = errands.c.command["of"]["order_number"].as_string()
    connection.execute(delete(errands).where(number.in_(own), errands.c.done_at.is_not(None)))


def _erase_untold(connection: Connection, customer_id: str) -> None:
    theirs = untold.c.body["customer_id"].as_string() == customer_id
    for row in connection.execute(select(untold).where(untold.c.kind == Kind.ORDER.value, theirs)).all():
        same = untold.c.kind == row.kind, untold.c.id == row.id
        connection.execute(update(untold).where(*same).values(body={**row.body, "address": ""}))


def _erase_person(connection: Connection, customer_id: str, now: datetime) -> None:
    theirs = list(connection.execute(select(persons.c.id).where(persons.c.customer_id == customer_id)).scalars())
    for person_id in sorted(theirs):  # before nobody knows any more whose messages these are
        withdraw_marketing(connection, person_id, "erased", now)
        price_watch.unwatch_all_of(connection, person_id)
        stock.unwatch_all_of(connection, person_id)
    ballots.forget(connection, theirs)  # before their tags: who votes locks the vote first
    connection.execute(delete(person_measures).where(person_measures.c.person_id.in_(theirs)))
    connection.execute(delete(person_tags).where(person_tags.c.person_id.in_(theirs)))
    connection.execute(update(identities).where(identities.c.person_id.in_(theirs)).values(name=""))
    connection.execute(update(persons).where(persons.c.id.in_(theirs)).values(name="", customer_id=None))
    for person_id in sorted(theirs):
        buyers.become(connection, person_id, None, now)


def without_erased(connection: Connection, told: Sequence[Told]) -> list[Told]:
    """Return what was told without what would bring an erased customer back.

    A platform may go on telling an order of theirs with the address, or as a guest's: it stays with whom it was.
    """
    bodies = {one.id: one.body for one in told if isinstance(one.body, OrderBody)}
    of_known = select(orders.c.number, orders.c.customer_id).where(orders.c.number.in_(bodies))
    owners = {number: body.customer_id for number, body in bodies.items()}
    owners |= {row.number: row.customer_id for row in connection.execute(of_known)}
    named = {*owners.values(), *(one.id for one in told if one.kind is Kind.CUSTOMER)}
    gone = select(customers.c.id).where(customers.c.id.in_(named), customers.c.erased_at.is_not(None))
    erased = set(connection.execute(gone).scalars())
    if not erased:
        return list(told)
    guests = {bodies[number].customer_id for number, owner in owners.items() if number in bodies and owner in erased}
    kept: list[Told] = []
    for one in told:
        if one.kind is Kind.CUSTOMER and one.id in erased | guests and one.body is not None:
            continue
        owner = owners.get(one.id, "") if isinstance(one.body, OrderBody) else ""
        kept.append(replace(one, body=_bare(one.body, owner)) if owner in erased else one)
    return kept


def _bare(body: Any, owner: str) -> OrderBody:
    bare: OrderBody = body.model_copy(update={"customer_id": owner, "address": ""})
    return bare

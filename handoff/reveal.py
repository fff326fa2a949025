"""Shows one masked field of a customer, to who may see the customer and says why. Each time is written down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Table, select

from bot import audit
from bot.errors import NotAllowed, NotFound
from bot.shop.port import Shop
from bot.store.tables import inbox, notes, outbox, persons, tasks
from handoff.access import access_inbound, access_note, access_order, access_outbound, access_person, access_task
from handoff.people import Agent

Find = Callable[[Connection, Agent, Shop, str], str]
REASON_LEAST = 3
"""Characters of a reason."""


class ReasonMissing(NotAllowed):
    """A reason is needed to see what is hidden. Say in a few words why you need it."""

    code = "reason"


def reveal(
    connection: Connection, actor: Agent, shop: Shop, subject: str, field: str, reason: str, now: datetime
) -> str:
    """Return a field as it is, and write down who saw it and why.

    Args:
        subject: `person:ID` with the field `phone`, `order:NUMBER` with `address`; with `text` `inbound:ID` (one
            message of a customer), `outbound:ID` (one of the shop), `note:ID` or `task:ID`.

    Raises:
        ReasonMissing: the reason is shorter than three characters.
        NotFound: there is no such field, or it is not for this actor.
    """
    if len(reason.strip()) < REASON_LEAST:
        raise ReasonMissing
    kind, _, key = subject.partition(":")
    find = _FINDERS.get((kind, field))
    if find is None:
        raise NotFound
    value = find(connection, actor, shop, key)
    audit.record(connection, audit.by(actor.id), audit.What.REVEAL, f"{subject}/{field}", now, why=reason)
    return value


def _phone(connection: Connection, actor: Agent, shop: Shop, person_id: str) -> str:
    access_person(connection, actor, person_id)
    linked = connection.execute(select(persons.c.customer_id).where(persons.c.id == person_id)).scalar()
    known = shop.customer(linked) if linked else None
    if known is None:
        raise NotFound
    return known.phone


def _address(connection: Connection, actor: Agent, shop: Shop, number: str) -> str:
    access_order(connection, actor, number)
    order = shop.order(number)
    if order is None:
        raise NotFound
    return order.address


def _text(table: Table, access: Callable[[Connection, Agent, int], object]) -> Find:
    def find(connection: Connection, actor: Agent, _: Shop, key: str) -> str:
        if not key.isdecimal() or len(key) > 18:
            raise NotFound
        access(connection, actor, int(key))
        row = connection.execute(select(table).where(table.c.id == int(key))).one()
        return str(row.text or (row.choice if table is inbox else "") or "")

    return find


_FINDERS: dict[tuple[str, str], Find] = {
    ("person", "phone"): _phone,
    ("order", "address"): _address,
    ("inbound", "text"): _text(inbox, access_inbound),
    ("outbound", "text"): _text(outbox, access_outbound),
    ("note", "text"): _text(notes, access_note),
    ("task", "text"): _text(tasks, access_task),
}

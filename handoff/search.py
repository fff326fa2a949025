"""Finds conversations by person, order or words that were said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, exists, func, or_, select

from bot.storable import storable
from bot.store.tables import conversations, customers, identities, inbox, notes, orders, outbox, persons, proofs
from handoff.access import conversation_scope
from handoff.customer import shown_name
from handoff.hiding import hidden, may_find
from handoff.people import Agent

Scope = ColumnElement[bool]
MOST_OF_A_KIND = 8
LOOKED_AT = 5 * MOST_OF_A_KIND
"""Messages of a side that hold the words: some hold them only in what is masked, and are not found."""
MOST_CHARACTERS = 100
NEWEST = 100_000
"""So many of the newest messages of each side are looked through: a tenth of a second at most."""
AROUND = 40
"""Characters shown on each side of what was found."""
LAST_OF_A_PHONE = 4
FEWEST_OF_A_PHONE = 7
_CJK = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found.

    Attributes:
        kind: `person`, `order` or `message`.
        words: the order's number, or the message around what was found.
    """

    kind: str
    conversation_id: str
    name: str
    channel: str
    words: str
    at: datetime


def search(connection: Connection, viewer: Agent, query: str) -> tuple[Hit, ...]:
    """Return what fits and the viewer may see, people first, then orders, then messages, the newest of each first.

    Letters count alike in both cases. A phone number is found whole or by its last four digits, never by a part of
    another length, and so are phones and e-mail addresses in messages: nobody shall feel their way to what they may
    not read.
    """
    words = " ".join(storable(query).split())[:MOST_CHARACTERS]
    if len(words) < (1 if _CJK.search(words) else 2):
        return ()
    scope = conversation_scope(viewer)
    people, ordered = _people(connection, scope, words), _orders(connection, scope, words)
    return (*people, *ordered, *_messages(connection, scope, words))


def _people(connection: Connection, scope: Scope, words: str) -> Iterator[Hit]:
    named = [_holds(persons.c.name, words), _holds(identities.c.name, words), identities.c.user == words]
    query = _talks().where(scope).where(or_(*named, persons.c.customer_id.in_(_customers(words))))
    for row in connection.execute(query.order_by(conversations.c.updated_at.desc()).limit(MOST_OF_A_KIND)):
        yield Hit("person", row.id, row.name, row.channel, "", row.updated_at)


def _customers(words: str) -> Select[tuple[str]]:
    digits = re.sub(r"[\s\-+()]", "", words)
    fits = [_holds(customers.c.name, words)]
    if digits.isascii() and digits.isdigit():
        if len(digits) == LAST_OF_A_PHONE:
            fits.append(customers.c.phone.like(f"%{digits}"))
        elif len(digits) >= FEWEST_OF_A_PHONE:
            fits.append(customers.c.phone.in_((digits, f"+{digits}", f"+86{digits}")))
    return select(customers.c.id).where(or_(*fits))


def _orders(connection: Connection, scope: Scope, words: str) -> Iterator[Hit]:
    """Yield orders by the beginning of their number, each with the newest conversation of who bought or proved it."""
    starts = orders.c.number.like(_escaped(words.upper()) + "%", escape="\\")
    proved = select(proofs.c.order_number).where(proofs.c.identity_id == identities.c.id)
    theirs = or_(persons.c.customer_id == orders.c.customer_id, orders.c.number.in_(proved))
    seen = exists(_talks().where(scope, theirs).correlate(orders))
    found = select(orders.c.number, orders.c.customer_id, orders.c.created_at).where(starts, seen)
    for order in connection.execute(found.order_by(orders.c.created_at.desc()).limit(MOST_OF_A_KIND)).all():
        proved = select(proofs.c.identity_id).where(proofs.c.order_number == order.number)
        theirs = or_(persons.c.customer_id == order.customer_id, identities.c.id.in_(proved))
        row = connection.execute(
            _talks().where(scope, theirs).order_by(conversations.c.updated_at.desc()).limit(1)
        ).first()
        if row is not None:
            yield Hit("order", row.id, row.name, row.channel, order.number, order.created_at)


def _messages(connection: Connection, scope: Scope, words: str) -> list[Hit]:
    found: list[Hit] = []
    for table, at in ((inbox, inbox.c.received_at), (outbox, outbox.c.created_at), (notes, notes.c.at)):
        query = (
            _talks(table.c.text.label("said"), at.label("said_at"))
            .join(table, table.c.conversation_id == conversations.c.id)
            .where(scope, _holds(table.c.text, words), *_among_the_newest(table))
            .order_by(table.c.id.desc())
            .limit(LOOKED_AT)
        )
        rows = [row for row in connection.execute(query) if may_find(row.said, words)]
        found += [
            Hit("message", row.id, row.name, row.channel, _around(hidden(row.said), words), row.said_at)
            for row in rows[:MOST_OF_A_KIND]
        ]
    return sorted(found, key=lambda hit: hit.at, reverse=True)[:MOST_OF_A_KIND]


def _talks(*more: Any) -> Select[Any]:
    columns = conversations.c.id, conversations.c.channel, conversations.c.updated_at, shown_name().label("name")
    return (
        select(*columns, *more)
        .select_from(conversations)
        .outerjoin(identities, identities.c.id == conversations.c.identity_id)
        .outerjoin(persons, persons.c.id == identities.c.person_id)
    )


def _among_the_newest(table: Table) -> tuple[ColumnElement[bool], ...]:
    newest = select(func.coalesce(func.max(table.c.id), 0) - NEWEST).scalar_subquery()
    human = () if table is not notes else (table.c.kind == "note",)
    return table.c.id > newest, *human


def _holds(column: Column[Any], words: str) -> ColumnElement[bool]:
    return func.lower(column).like(f"%{_escaped(words.lower())}%", escape="\\")


def _escaped(words: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", words)


def _around(said: str, words: str) -> str:
    flat = " ".join(said.split())
    at = max(0, flat.lower().find(words.lower()))
    start, end = max(0, at - AROUND), at + len(words) + AROUND
    return f"{'…' if start else ''}{flat[start:end]}{'…' if end < len(flat) else ''}"

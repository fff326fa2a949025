"""Whom a campaign is for: filters over people, as data that becomes one query. Never text.

A person is everybody whom the shop knows as the same customer: what one of their accounts says, speaks or is tagged
with holds for all, and they are counted and written to once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, exists, func, or_, select

from bot.delivery.sleep import NOT_BOUGHT
from bot.messages import ChatKind
from bot.store.tables import (
    conversations,
    customers,
    identities,
    order_lines,
    orders,
    person_tags,
    persons,
    variants,
)


class Language(StrEnum):
    """A language that customers speak with the bot."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Span:
    """From and to, both included; None: no bound."""

    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """Who is meant: whoever passes every filter. An empty set, and a span without bounds, lets everybody pass.

    Attributes:
        tiers: member tiers; who is not known as a customer is `regular`.
        spent_minor: what the customer has spent with the shop, in its currency.
        bought_days: whole days since the last paid order; with a bound, only who has bought.
        products: ids of products, one of which they have bought.
        channels: on one of which they can be written to in a private chat; only there they are.
        tags: with one of which they are tagged.
    """

    tiers: frozenset[str] = frozenset()
    spent_minor: Span = Span()
    bought_days: Span = Span()
    products: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    languages: frozenset[Language] = frozenset()
    tags: frozenset[str] = frozenset()


def members(segment: Segment, now: datetime) -> Select[Any]:
    """Return the query for who is meant now: `id` of the oldest account, `customer_id`, and `bought_at`, by id."""
    return (
        select(persons.c.id, persons.c.customer_id, last_bought().label("bought_at"))
        .outerjoin(customers, persons.c.customer_id == customers.c.id)
        .where(_is_oldest(), *_passes(segment, now))
        .order_by(persons.c.id)
    )


def passes(segment: Segment, now: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions on a person, with `customers` joined, for whether their human is meant now."""
    return list(_passes(segment, now))


def last_bought() -> ScalarSelect[Any]:
    """Return when the customer of the person around it bought last; null: never."""
    return (
        select(func.max(func.coalesce(orders.c.paid_at, orders.c.created_at)))
        .where(orders.c.customer_id == persons.c.customer_id, orders.c.status.not_in(NOT_BOUGHT))
        .correlate(persons)
        .scalar_subquery()
    )


def accounts() -> Select[Any]:
    """Return the query for the ids of all accounts of the customer that the person around it is."""
    other = persons.alias("other")
    return select(other.c.id).where(other.c.customer_id == persons.c.customer_id).correlate(persons)


def _somebody(found: Select[Any]) -> ColumnElement[bool]:
    """Return whether an account of the person around it is among `found`, a query for ids of persons.

    The query is asked once for all: asked for each person, databases may go through everything each time.
    """
    other = persons.alias("other")
    customers_of = select(other.c.customer_id).where(other.c.id.in_(found), other.c.customer_id.is_not(None))
    return or_(persons.c.id.in_(found), persons.c.customer_id.in_(customers_of))


def _is_oldest() -> ColumnElement[bool]:
    """Return whether no other account of the same human was there before."""
    older = persons.alias("older")
    before = or_(
        older.c.created_at < persons.c.created_at,
        and_(older.c.created_at == persons.c.created_at, older.c.id < persons.c.id),
    )
    return ~exists().where(older.c.customer_id == persons.c.customer_id, before)


def _passes(segment: Segment, now: datetime) -> Iterator[ColumnElement[bool]]:
    if segment.tiers:
        yield func.coalesce(customers.c.tier, "regular").in_(sorted(segment.tiers))
    yield from _within(func.coalesce(customers.c.spent_minor, 0), segment.spent_minor)
    yield from _bought_within(segment.bought_days, now)
    if segment.products:
        yield _has_bought(segment.products)
    if segment.channels:
        yield _can_be_written_to(segment.channels)
    if segment.languages:
        speaks = [language.value for language in sorted(segment.languages)]
        one = persons.alias("speaking")
        yield _somebody(select(one.c.id).where(one.c.language.in_(speaks)))
    if segment.tags:
        yield _somebody(select(person_tags.c.person_id).where(person_tags.c.tag.in_(sorted(segment.tags))))


def _within(column: ColumnElement[Any], span: Span) -> Iterator[ColumnElement[bool]]:
    if span.least is not None:
        yield column >= span.least
    if span.most is not None:
        yield column <= span.most


def _bought_within(days: Span, now: datetime) -> Iterator[ColumnElement[bool]]:
    if days.least is not None:
        yield last_bought() <= now - timedelta(days=days.least)
    if days.most is not None:  # the day itself is in: 59 days ago ends when the sixtieth begins
        yield last_bought() > now - timedelta(days=days.most + 1)


def _has_bought(products: frozenset[str]) -> ColumnElement[bool]:
    return persons.c.customer_id.in_(
        select(orders.c.customer_id)
        .join(order_lines, order_lines.c.order_number == orders.c.number)
        .join(variants, order_lines.c.sku == variants.c.sku)
        .where(orders.c.status.not_in(NOT_BOUGHT), variants.c.product_id.in_(sorted(products)))
    )


def _can_be_written_to(channels: frozenset[str]) -> ColumnElement[bool]:
    return _somebody(
        select(identities.c.person_id)
        .join(conversations, conversations.c.identity_id == identities.c.id)
        .where(conversations.c.channel.in_(sorted(channels)), conversations.c.unreachable.is_(False))
        .where(conversations.c.chat_kind == ChatKind.PRIVATE.value)
    )

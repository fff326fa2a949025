"""Tells customers once that what they watch has become cheaper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.delivery.outbox import Draft, put
from bot.messages import Notice, Purpose, Source
from bot.shop.port import Line, Money, Product, Shop, Variant
from bot.shop.price_watch import TIER_NOW
from bot.shop.rows import tier_minor
from bot.skills import shown
from bot.skills.turn import Say
from bot.store.database import AnyRow
from bot.store.tables import conversations, customers, identities, persons, price_watches
from bot.voice import Listener, Voice


@dataclass(frozen=True, slots=True)
class Fall:
    """A variant that costs less than when somebody asked; `of_all`: so does every other that can be had."""

    variant: Variant
    before: Money
    after: Money
    of_all: bool


@dataclass(frozen=True, slots=True)
class PriceDrops:
    """Handles the timer `price_drop`: writes to everyone for whom a product has become cheaper.

    They wait until it is sent: see `bot.shop.price_watch.settle`.
    """

    shop_of: Callable[[Connection], Shop]
    voice: Callable[[], Voice]
    default_language: str

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        product = self.shop_of(connection).product(payload["product"])
        if product is None:
            return
        for row in connection.execute(_waiting(product.id)).all():
            fall = _fall(product, row)
            if fall is None:
                continue  # no cheaper, or sold out: they wait on
            put(connection, self._draft(row, product, fall), now)

    def _draft(self, row: AnyRow, product: Product, fall: Fall) -> Draft:
        language = row.language or self.default_language
        goods = shown.name(product.name, language) if fall.of_all else shown.line(_as_line(product, fall), language)
        price = shown.money(fall.after, language)
        fields = {"line.goods": goods, "price.before": shown.money(fall.before, language), "price.now": price}
        source = Source(f"product:{product.id}", f"{fall.variant.sku}-{fall.after.amount_minor}")
        say = Say("shop.price_drop", fields, sources=(source,))
        spoken = self.voice().speak([say], language, Listener(row.channel.partition(":")[0]))
        return Draft(
            key=f"price_drop:{product.id}:{row.conversation_id}:{row.asked_at:%Y%m%d%H%M%S%f}",
            conversation_id=row.conversation_id,
            purpose=Purpose.TRANSACTIONAL,
            text=spoken.text,
            sources=spoken.sources,
            guard={
                "priced": fall.variant.sku,
                "minor": fall.after.amount_minor,
                "currency": fall.after.currency,
                "tier": row.tier_now,
                "talk": row.conversation_id,
                "product": product.id,
                "asked_at": row.asked_at.isoformat(),
            },
            notice=Notice("price_drop", {"product": goods, "price": price}),
        )


def _waiting(product_id: str) -> Any:
    """Return the query for who waits; their rows are locked, so that nobody hears of it twice."""
    return (
        select(price_watches, conversations.c.channel, persons.c.language, TIER_NOW)
        .join(conversations, price_watches.c.conversation_id == conversations.c.id)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .join(persons, identities.c.person_id == persons.c.id)
        .outerjoin(customers, persons.c.customer_id == customers.c.id)
        .where(price_watches.c.product_id == product_id)
        .order_by(price_watches.c.asked_at, price_watches.c.conversation_id)
        .with_for_update(of=price_watches)
    )


def _fall(product: Product, row: AnyRow) -> Fall | None:
    """Return the cheapest variant that can be had and costs less than it did; new ones never cost anything else."""
    there = [one for one in product.variants if one.stock > 0]
    fallen = [fall for one in there if (fall := _fell(one, row)) is not None]
    if not fallen:
        return None
    lowest = min(fallen, key=lambda fall: (fall[2].amount_minor, fall[0].sku))
    return Fall(*lowest, of_all=_are_alike(fallen) and len(fallen) == len(there))


def _fell(variant: Variant, row: AnyRow) -> tuple[Variant, Money, Money] | None:
    """Return the variant with what it cost and costs. Another tier than when they asked is no fall.

    It counts from what they saw, or from what their tier of now paid then, whichever was less.
    """
    now = variant.price_for(row.tier_now)
    if variant.sku not in row.prices_minor:
        return None
    price_minor, currency, of_tiers = row.prices_minor[variant.sku]
    before = min(tier_minor(price_minor, of_tiers, tier) for tier in (row.tier, row.tier_now))
    if currency != now.currency or now.amount_minor >= before:
        return None
    return variant, Money(before, currency), now


def _are_alike(fallen: Sequence[tuple[Variant, Money, Money]]) -> bool:
    return len({(before, after) for _, before, after in fallen}) == 1


def _as_line(product: Product, fall: Fall) -> Line:
    one = fall.variant
    return Line("", one.sku, product.id, product.name, one.colour, one.size, quantity=1, price=fall.after)

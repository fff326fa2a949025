"""Tells customers once that what they waited for can be bought again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from bot.delivery.outbox import Draft, put
from bot.messages import Notice, Purpose, Source
from bot.shop.port import Line, Shop, Variant
from bot.skills import shown
from bot.skills.turn import Say
from bot.store.database import AnyRow
from bot.store.tables import conversations, identities, persons, variants, watches
from bot.voice import Listener, Voice


@dataclass(frozen=True, slots=True)
class BackInStock:
    """Handles the timer `back_in_stock`: writes to everyone who waits for a variant, and forgets that they wait."""

    shop_of: Callable[[Connection], Shop]
    voice: Callable[[], Voice]
    default_language: str

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        sku = payload["sku"]
        product_id = connection.execute(select(variants.c.product_id).where(variants.c.sku == sku)).scalar()
        product = self.shop_of(connection).product(product_id) if product_id else None
        variant = next((one for one in product.variants if one.sku == sku), None) if product else None
        if product is None or variant is None or not variant.stock:
            return  # sold out again: they wait on
        goods = _as_line(variant, product.name)
        for row in connection.execute(_waiting(sku)).all():
            key = watches.c.conversation_id == row.conversation_id, watches.c.sku == sku
            connection.execute(delete(watches).where(*key))
            put(connection, self._draft(row, goods), now)

    def _draft(self, row: AnyRow, goods: Line) -> Draft:
        language = row.language or self.default_language
        fields = {"line.goods": shown.line(goods, language)}
        say = Say("shop.back_in_stock", fields, sources=(Source(f"product:{goods.product_id}", goods.sku),))
        spoken = self.voice().speak([say], language, Listener(row.channel.partition(":")[0]))
        return Draft(
            key=f"back_in_stock:{goods.sku}:{row.conversation_id}:{row.asked_at:%Y%m%d%H%M%S}",
            conversation_id=row.conversation_id,
            purpose=Purpose.TRANSACTIONAL,
            text=spoken.text,
            sources=spoken.sources,
            guard={"in_stock": goods.sku},
            notice=Notice("back_in_stock", {"product": fields["line.goods"]}),
        )


def _waiting(sku: str) -> Any:
    """Return the query for who waits; their rows are locked, so that nobody hears of it twice."""
    return (
        select(watches, conversations.c.channel, persons.c.language)
        .join(conversations, watches.c.conversation_id == conversations.c.id)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .join(persons, identities.c.person_id == persons.c.id)
        .where(watches.c.sku == sku)
        .order_by(watches.c.asked_at, watches.c.conversation_id)
        .with_for_update(of=watches)
    )


def _as_line(variant: Variant, name: dict[str, str]) -> Line:
    return Line(
        "", variant.sku, variant.product_id, name, variant.colour, variant.size, quantity=1, price=variant.price
    )

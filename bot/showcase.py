"""The sales that a customer sees on the shop's own page: how they stand now, and nothing about anybody else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, exists, or_, select

from bot.delivery.standing import consent
from bot.messages import Chat
from bot.shop.port import Money
from bot.skills import shown
from bot.store.tables import conversations, identities, products, sale_points, sales, variants
from connectors.webchat.transcript import SaleCard, SaleState

AHEAD = timedelta(hours=24)
AFTER = timedelta(minutes=30)
"""For how long it says that a sale is over."""
_STATES: dict[str, SaleState] = {"planned": "soon", "running": "running", "paused": "paused"}


def cards(connection: Connection, channel: str, now: datetime) -> list[SaleCard]:
    """Return the cards of the sales that are told on a channel, the first to end first.

    A sale is seen a day ahead, while it runs or is paused, and for half an hour after it has ended, by itself
    or by people.
    """
    took_place = or_(sales.c.status == "ended", exists().where(sale_points.c.sale_id == sales.c.id))
    over = sales.c.status.in_(("ended", "cancelled")), sales.c.starts_at <= now, sales.c.ends_at > now - AFTER
    seen = or_(
        sales.c.status.in_(("running", "paused")),
        and_(sales.c.status == "planned", sales.c.starts_at <= now + AHEAD),
        and_(*over, took_place),  # what was called off before it began keeps its times
    )
    query = (
        select(sales, products.c.name_zh, products.c.name_en)
        .join(variants, sales.c.sku == variants.c.sku)
        .join(products, variants.c.product_id == products.c.id)
        .where(seen)
        .order_by(sales.c.ends_at, sales.c.id)
    )
    rows = connection.execute(query).all()
    return [_card(row) for row in rows if any(one["channel"] == channel for one in row.audiences)]


def _card(row: Any) -> SaleCard:
    price = Money(row.price_minor, row.currency)
    return SaleCard(
        id=row.id,
        product={"zh": row.name_zh, "en": row.name_en},
        price={language: shown.money(price, language) for language in ("zh", "en")},
        left=row.available,
        total=row.total,
        state=_STATES.get(row.status, "over"),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


def hears_offers(connection: Connection, chat: Chat) -> bool:
    """Return whether the customer of a chat has not said no to offers, whoever else they are to the shop.

    On the shop's own page no yes is needed.
    """
    query = (
        select(identities.c.person_id)
        .join(conversations, conversations.c.identity_id == identities.c.id)
        .where(conversations.c.channel == chat.channel, conversations.c.chat == chat.id)
    )
    person_id = connection.execute(query).scalar()
    return person_id is None or consent(connection, person_id, chat.channel) is not False

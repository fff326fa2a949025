"""What tests of segments and recalls share: a shop with customers, what they bought when, and their chats."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.messages import Purpose
from bot.store import tables as t

NOW = datetime.fromisoformat("2026-11-23T03:00:00+00:00")
"""Monday, 11:00 in Shanghai."""
TELEGRAM, WEB, WECHAT = "telegram:shopbot", "web:shop", "wechat:gh"


def goods(connection: Connection) -> None:
    """Put a shirt and a dress, each in one variant."""
    for product_id, name in (("shirt", "衬衫"), ("dress", "连衣裙")):
        row = {"id": product_id, "name_zh": name, "name_en": product_id.title(), "category": "tops"}
        connection.execute(t.products.insert().values(row))
        variant = {"sku": f"{product_id}-1", "product_id": product_id, "colour_zh": "白", "colour_en": "White"}
        connection.execute(t.variants.insert().values(**variant, size="M", price_minor=9900, currency="CNY", stock=9))


def person(
    connection: Connection,
    ident: str,
    *,
    customer: str | None = None,
    channel: str = TELEGRAM,
    language: str = "zh",
    agreed: bool | None = True,
    created_at: datetime = NOW,
    tags: tuple[str, ...] = (),
) -> None:
    """Put a person with a private chat, whose id is `talk-` and theirs."""
    row = {"id": ident, "name": ident, "language": language, "customer_id": customer, "created_at": created_at}
    connection.execute(t.persons.insert().values(row))
    identity = {"id": f"i-{ident}", "person_id": ident, "channel": channel, "user": ident, "created_at": created_at}
    connection.execute(t.identities.insert().values(identity))
    talk = {"id": f"talk-{ident}", "channel": channel, "chat": ident, "identity_id": f"i-{ident}"}
    connection.execute(t.conversations.insert().values(**talk, created_at=created_at, updated_at=created_at))
    for tag in tags:
        connection.execute(t.person_tags.insert().values(person_id=ident, tag=tag, source="vote:linen", at=created_at))
    if agreed is not None:
        answer = {"person_id": ident, "channel": channel, "purpose": Purpose.MARKETING.value, "granted": agreed}
        connection.execute(t.consents.insert().values(**answer, proof="ja", at=created_at))


def customer(connection: Connection, ident: str, *, tier: str = "regular", spent_minor: int = 0) -> None:
    row = {"id": ident, "name": ident, "tier": tier, "spent_minor": spent_minor, "created_at": NOW}
    connection.execute(t.customers.insert().values(row))


def order(
    connection: Connection,
    customer_id: str,
    days_ago: float,
    *,
    sku: str = "shirt-1",
    status: str = "delivered",
    now: datetime = NOW,
) -> str:
    """Put an order that was made, and unless it waits for that, paid so many days ago. Return its number."""
    at = now - timedelta(days=days_ago)
    number = f"{customer_id}-{sku}-{at:%y%m%d%H%M}"
    paid_at = None if status in ("unpaid", "cancelled") else at
    row = {"number": number, "customer_id": customer_id, "status": status, "total_minor": 9900, "currency": "CNY"}
    connection.execute(t.orders.insert().values(**row, created_at=at, paid_at=paid_at))
    line = {"order_number": number, "sku": sku, "quantity": 1, "price_minor": 9900}
    connection.execute(t.order_lines.insert().values(line))
    return number

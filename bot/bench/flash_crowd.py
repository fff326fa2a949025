"""The people of a flash-sale run: on three channels, some of them with several accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import Connection

from bot.bench.flash_worker import SALE
from bot.campaigns import line
from bot.store import tables as t

CHANNELS = ("telegram:bench", "wechat:bench", "web:bench")
SEVERAL = 0.1
"""The share of accounts whose customer has more of them."""
AT_ONCE = 5_000


def gather(connection: Connection, count: int, chance: Random, now: datetime) -> list[str]:
    """Store `count` accounts and return their persons, in the order in which they come to the sale."""
    several = int(count * SEVERAL)
    owners: Sequence[str | None] = [f"c{number // 3}" if number < several else None for number in range(count)]
    known = sorted({owner for owner in owners if owner})
    if known:
        connection.execute(t.customers.insert(), [{"id": one, "name": one, "created_at": now} for one in known])
    for begin in range(0, count, AT_ONCE):
        some = range(begin, min(begin + AT_ONCE, count))
        people = [{"id": f"p{n}", "customer_id": owners[n], "language": "zh", "created_at": now} for n in some]
        connection.execute(t.persons.insert(), people)
        account = [
            {"id": f"p{n}", "person_id": f"p{n}", "channel": CHANNELS[n % 3], "user": f"u{n}", "created_at": now}
            for n in some
        ]
        connection.execute(t.identities.insert(), account)
        talk = {"created_at": now, "updated_at": now}
        talks = [
            {"id": f"p{n}", "channel": CHANNELS[n % 3], "chat": f"u{n}", "identity_id": f"p{n}", **talk} for n in some
        ]
        connection.execute(t.conversations.insert(), talks)
    coming = [f"p{number}" for number in range(count)]
    chance.shuffle(coming)
    return coming


def open_sale(connection: Connection, pieces: int, hold_s: int, offer_s: int, now: datetime) -> None:
    """Put a sale that runs."""
    connection.execute(t.products.insert().values(id="shirt", name_zh="衬衫", name_en="Shirt", category="tops"))
    variant = {"sku": "s1", "product_id": "shirt", "colour_zh": "白", "colour_en": "White", "size": "M"}
    connection.execute(t.variants.insert().values(**variant, price_minor=9900, currency="CNY", stock=0))
    row = {"id": SALE, "sku": "s1", "price_minor": 5900, "currency": "CNY", "total": pieces, "available": pieces}
    times = {"starts_at": now, "ends_at": now + timedelta(hours=2), "hold_s": hold_s, "offer_s": offer_s}
    connection.execute(t.sales.insert().values(**row, **times, status="running", audiences=[]))
    line.begin(connection, line.locked_sale(connection, SALE), now)

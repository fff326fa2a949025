"""Coupons that come with a touch: a customer has one as soon as they were told of it, and not before."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select, update

from bot.store.insert import insert_once
from bot.store.tables import coupons, touches


def give(connection: Connection, keys: Collection[str]) -> None:
    """Put the coupons that touches promise, by the keys of these. One that is there unused lasts as long as was said.

    A touch's gift is a row of `coupons`, with `ends_at` in ISO 8601.
    """
    promised = select(touches.c.gift).where(touches.c.key.in_(keys), touches.c.gift.is_not(None))
    for gift in connection.execute(promised).scalars().all():
        row = {**gift, "ends_at": datetime.fromisoformat(gift["ends_at"])}
        if not insert_once(connection, coupons, row):
            same = coupons.c.customer_id == row["customer_id"], coupons.c.code == row["code"]
            connection.execute(update(coupons).where(*same, coupons.c.used.is_(False)).values(row))

"""A crowd for measurements: people with their conversations and their consent, made by the database itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, String, Table, case, cast, literal, select

from bot.messages import Purpose
from bot.store.tables import consents, conversations, identities, persons

AT_ONCE = 50_000
SCATTER, RANGE = 2_654_435_761, 2**32
"""Ids in no order, as random ones are: neighbours in one table are far apart in the others."""
ONE_IN_REFUSES = 50
FIRST_CHAT = 1_000_000_000


def gather(connection: Connection, channel: str, first: int, count: int, now: datetime) -> None:
    """Store people number `first` and following, each with one private chat; one in fifty said no to marketing."""
    numbers = select(literal(first).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < first + count - 1))
    number = cast(numbers.c.n, BigInteger)
    ident = literal("bench-").concat(cast((number * SCATTER) % RANGE, String))
    chat = cast(number + FIRST_CHAT, String)
    language = case((numbers.c.n % 3 == 0, "en"), else_="zh")
    said_yes = numbers.c.n % ONE_IN_REFUSES != 0
    at = literal(now, persons.c.created_at.type)
    rows: list[tuple[Table, list[str], Select[Any]]] = [
        (persons, ["id", "language", "created_at"], select(ident, language, at)),
        (
            identities,
            ["id", "person_id", "channel", "user", "created_at"],
            select(ident, ident, literal(channel), chat, at),
        ),
        (
            conversations,
            ["id", "channel", "chat", "identity_id", "created_at", "updated_at"],
            select(ident, literal(channel), chat, ident, at, at),
        ),
        (
            consents,
            ["person_id", "channel", "purpose", "granted", "proof", "at"],
            select(ident, literal(channel), literal(Purpose.MARKETING.value), said_yes, literal("bench"), at),
        ),
    ]
    for table, names, query in rows:
        connection.execute(table.insert().from_select(names, query))

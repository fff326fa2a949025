"""Small facts that connectors keep: tokens, cursors, how far a long message got. Rows of `channel_facts`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from bot.store.insert import insert_once
from bot.store.tables import channel_facts


def recall(connection: Connection, channel: str, name: str) -> str:
    """Return what is kept under `name`, or an empty text."""
    of_fact = channel_facts.c.channel == channel, channel_facts.c.name == name
    return connection.execute(select(channel_facts.c.value).where(*of_fact)).scalar() or ""


def keep(connection: Connection, channel: str, name: str, value: str, now: datetime) -> None:
    """Keep `value` under `name`; an empty one forgets it."""
    of_fact = channel_facts.c.channel == channel, channel_facts.c.name == name
    if not value:
        connection.execute(delete(channel_facts).where(*of_fact))
        return
    row = {"channel": channel, "name": name, "value": value, "kept_at": now}
    if not insert_once(connection, channel_facts, row):
        connection.execute(update(channel_facts).where(*of_fact).values(value=value, kept_at=now))

"""Which campaigns have stopped by themselves: the task that tells of it says so, see `bot.campaigns.leaving`."""

from __future__ import annotations

from sqlalchemy import Connection, select

from bot.store.tables import tasks


def key_of(kind: str, ident: str) -> str:
    """Return the key of the task, and of the timer that looks at a campaign."""
    return f"leaving:{kind}:{ident}"


def is_stopped(connection: Connection, kind: str, ident: str) -> bool:
    """Return whether nobody else is to hear of a campaign in a private chat."""
    return connection.execute(select(tasks.c.id).where(tasks.c.key == key_of(kind, ident))).first() is not None

"""Windows: the rights to send that customers' actions opened, and how many messages are left in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from bot.messages import Grant, Purpose
from bot.store.tables import grants


@dataclass(frozen=True, slots=True)
class Right:
    """The best open window of a conversation for one purpose; `left` is None where the platform does not count."""

    grant_id: int
    left: int | None
    expires_at: datetime


def open_grants(connection: Connection, conversation_id: str, opened: Sequence[Grant], at: datetime) -> None:
    """Open windows. They do not add up: a new one takes the place of those it outlasts (WeChat resets to 5).

    An action that is reported late opens nothing: the window of a newer action that outlasts its own took its place.
    """
    of_conversation = grants.c.conversation_id == conversation_id
    for grant in opened:
        expires_at = at + timedelta(seconds=grant.window_s)
        newer = select(grants.c.id).where(of_conversation, grants.c.opened_at > at, grants.c.expires_at >= expires_at)
        if connection.execute(newer.limit(1)).first() is not None:
            continue
        connection.execute(delete(grants).where(of_conversation, grants.c.expires_at <= expires_at))
        connection.execute(
            grants.insert().values(
                conversation_id=conversation_id,
                count=grant.count,
                purposes=sorted(purpose.value for purpose in grant.purposes),
                opened_at=at,
                expires_at=expires_at,
            )
        )


def best_right(connection: Connection, conversation_id: str, purpose: Purpose, now: datetime) -> Right | None:
    """Return the open window with the most messages left for `purpose`, or None."""
    rows = connection.execute(
        select(grants).where(grants.c.conversation_id == conversation_id, grants.c.expires_at > now)
    ).all()
    rights = [
        Right(row.id, None if row.count is None else row.count - row.used, row.expires_at)
        for row in rows
        if purpose.value in row.purposes and (row.count is None or row.used < row.count)
    ]
    return max(rights, key=lambda r: (r.left is None, r.left or 0, r.expires_at), default=None)


def consume(connection: Connection, grant_id: int, by: int = 1) -> None:
    """Take `by` messages off a window (see `Connector.cost`); a negative number gives them back."""
    connection.execute(update(grants).where(grants.c.id == grant_id).values(used=grants.c.used + by))


def close(connection: Connection, conversation_id: str) -> None:
    """Close every window of a conversation: the platform said so."""
    connection.execute(delete(grants).where(grants.c.conversation_id == conversation_id))

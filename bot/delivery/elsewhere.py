"""Another road to the same person: where one channel has none open, a channel that asks for no right carries it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import Connection, select

from bot.messages import Purpose
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import conversations, identities, outbox

MOVABLE = frozenset({Purpose.SERVICE.value, Purpose.TRANSACTIONAL.value, Purpose.MARKETING.value})
"""An answer belongs where the question was asked; what an agent writes, the agent sends."""
_COPIED = (
    "purpose", "rank", "author", "text", "choices", "sources", "notice", "poll", "guard", "not_before", "not_after",
)  # fmt: skip


def send_elsewhere(connection: Connection, row: AnyRow, open_channels: AbstractSet[str], now: datetime) -> str | None:
    """Write `row` anew for another conversation of the same person. Return its channel, None if there is none.

    The gate asks for consent and everything else there again.
    """
    if row.purpose not in MOVABLE or row.person_id is None or not open_channels:
        return None
    found = connection.execute(
        select(conversations.c.id, conversations.c.channel)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .where(
            identities.c.person_id == row.person_id,
            conversations.c.channel.in_(sorted(open_channels - {row.channel})),
            conversations.c.unreachable.is_(False),
        )
        .order_by(conversations.c.updated_at.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        return None
    copied = {name: getattr(row, name) for name in _COPIED}
    # A campaign that goes to that chat as well has this key there, and goes there once.
    to_all = row.key.endswith(f":{row.conversation_id}")
    key = row.key.removesuffix(row.conversation_id) + found.id if to_all else f"{row.key}@{found.channel}"
    new = {"key": key, "conversation_id": found.id, "channel": found.channel, "created_at": now, **copied}
    insert_once(connection, outbox, new)
    return str(found.channel)

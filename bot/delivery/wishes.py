"""Carries a wish from a group into the private chat: what was asked there is answered where nobody else reads it.

The payload of the link names the stored message and is signed; only who wrote the message has it answered.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from bot.messages import Event
from bot.store.database import AnyRow
from bot.store.tables import inbox

GOOD_FOR = timedelta(days=7)
"""Later the wish is forgotten, and the link only opens the chat."""
_SIGNED_BYTES = 12
"""Enough against guessing, and short: a link carries 64 characters (Telegram: Bot features, deep linking)."""
_PAYLOAD = re.compile(r"wish-([0-9a-f]{1,16})-([A-Za-z0-9_-]{16})")
_SAID = select(inbox.c.id, inbox.c.text, inbox.c.identity_id).where(
    inbox.c.id.in_(bindparam("messages", expanding=True)), inbox.c.received_at > bindparam("since")
)


class Wishes:
    """Signs and reads the payloads of a shop."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"wishes that are carried into the private chat", "sha256")

    def payload(self, inbox_id: int) -> str:
        """Return the payload that carries a stored message: at most 38 of `A-Za-z0-9_-`."""
        return f"wish-{inbox_id:x}-{self._signature(inbox_id)}"

    def read(self, payload: str) -> int | None:
        """Return which message a payload carries, None if it was not made here."""
        found = _PAYLOAD.fullmatch(payload)
        if found is None:
            return None
        inbox_id = int(found[1], 16)
        return inbox_id if hmac.compare_digest(self._signature(inbox_id), found[2]) else None

    def _signature(self, inbox_id: int) -> str:
        signed = hmac.digest(self._key, str(inbox_id).encode(), "sha256")[:_SIGNED_BYTES]
        return base64.urlsafe_b64encode(signed).decode()

    def carried(self, connection: Connection, rows: Sequence[AnyRow], now: datetime) -> dict[int, str]:
        """Return by message what those of `rows` that open a chat carry there: what the same person said in a group.

        Args:
            rows: of the inbox, as `bot.delivery.thinking` reads them.
        """
        wanted = {row.inbox_id: wish for row in rows if row.event == Event.STARTED and (wish := self.read(row.payload))}
        if not wanted:
            return {}
        asked = connection.execute(_SAID, {"messages": sorted(set(wanted.values())), "since": now - GOOD_FOR})
        said = {row.id: row for row in asked}
        return {
            row.inbox_id: said[wish].text
            for row in rows
            if (wish := wanted.get(row.inbox_id)) in said and said[wish].identity_id == row.identity_id
        }

"""How much marketing a group has heard lately: too much of it, and people leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, or_, select

from bot.messages import Purpose
from bot.store.database import AnyRow
from bot.store.tables import outbox

COUNTED_FOR = timedelta(days=7)
_WENT_OUT_AT = func.coalesce(outbox.c.sent_at, outbox.c.not_before)
_HEARD = select(outbox.c.author, outbox.c.status, _WENT_OUT_AT.label("at")).where(
    outbox.c.conversation_id == bindparam("talk"),
    outbox.c.purpose == Purpose.MARKETING.value,
    outbox.c.edits == "",
    or_(
        outbox.c.status == "sending",
        outbox.c.status.in_(("sent", "unsure", "confirming")) & (bindparam("since") < _WENT_OUT_AT),
    ),
)


def campaign_of(author: str) -> str:
    """Return the campaign that an author speaks for: all moments of a sale are one."""
    return ":".join(author.split(":")[:3])


def heard_by_group(connection: Connection, row: AnyRow, now: datetime) -> Sequence[tuple[datetime, str]]:
    """Return when the group of `row` (of the outbox) heard marketing in the last seven days, and of which campaign.

    Changing what stands there already disturbs nobody and counts for nothing.
    """
    heard = connection.execute(_HEARD, {"talk": row.conversation_id, "since": now - COUNTED_FOR})
    return [(now if one.status == "sending" else one.at, campaign_of(one.author)) for one in heard]

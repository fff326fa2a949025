"""What customers asked lately, to try an edit on. What tells who someone is is made unreadable."""

from __future__ import annotations

import re

from sqlalchemy import Connection, select

from bot.masking import masked
from bot.store.tables import conversations, inbox

LONG_NUMBER = re.compile(r"\d{5,}")


def last_questions(connection: Connection, most: int = 1000) -> list[str]:
    """Return up to `most` messages that customers typed in chats of their own, the newest first, masked."""
    query = (
        select(inbox.c.text)
        .join(conversations, inbox.c.conversation_id == conversations.c.id)
        .where(inbox.c.text != "", inbox.c.event.is_(None), inbox.c.choice.is_(None))
        .where(conversations.c.chat_kind == "private")
        .order_by(inbox.c.id.desc())
        .limit(most)
    )
    return [unreadable(text) for text in connection.execute(query).scalars()]


def unreadable(text: str) -> str:
    """Return `text` masked, with 0 for masked digits and those of long numbers: what was a number still is one."""
    signs = zip(text, masked(text), strict=True)
    said = "".join("0" if old.isdecimal() and new != old else new for old, new in signs)
    return LONG_NUMBER.sub(lambda found: "0" * len(found[0]), said)

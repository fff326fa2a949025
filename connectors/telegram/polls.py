"""Remembers where each poll is shown: a vote names its poll only (Bot API, PollAnswer)."""

from __future__ import annotations

import json

from bot.connector import Host
from bot.messages import Chat, ChatKind, Receipt
from connectors.telegram.updates import Poll

LOCK = "polls"
"""Held while a poll is sent, so that a quick vote waits until it is known which poll it is for."""


async def remember(host: Host, chat: Chat, receipt: Receipt) -> None:
    """Keep the poll that `receipt` is of, if Telegram said which it is."""
    poll_id, colon, _ = receipt.platform_id.partition(":")
    if colon:
        await host.keep(f"poll:{poll_id}", json.dumps([chat.id, chat.kind, receipt.platform_id]))


async def find(host: Host, channel: str, poll_id: str) -> Poll | None:
    """Return the poll with this id, None if the shop did not send it or never learned its id."""
    kept = await host.recall(f"poll:{poll_id}")
    if not kept:
        async with host.alone(LOCK):
            kept = await host.recall(f"poll:{poll_id}")
    if not kept:
        return None
    chat_id, kind, platform_id = json.loads(kept)
    return Poll(Chat(channel, chat_id, ChatKind(kind)), platform_id)

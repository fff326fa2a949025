"""Remembers where each poll is shown: a vote names its poll only (Bot API, PollAnswer)."""

from __future__ import annotations

import json

from bot.connector import Host
from bot.messages import Chat, ChatKind, Inbound, Outbound, Receipt
from connectors.telegram.updates import Poll

LOCK = "polls"
"""Held while a poll is sent, so that a quick vote waits until it is known which poll it is for."""


async def remember(host: Host, message: Outbound, receipt: Receipt) -> None:
    """Keep which poll became of `message`, if Telegram said which it is."""
    poll_id, colon, _ = receipt.platform_id.partition(":")
    if colon:
        await host.keep(f"poll:{poll_id}", json.dumps([message.chat.id, message.chat.kind, message.id]))


async def follow(host: Host, moved: Inbound) -> None:
    """Keep where a group went: the votes in its polls belong there from now on."""
    await host.keep(f"moved:{moved.chat.id}", moved.payload)


async def find(host: Host, channel: str, poll_id: str) -> Poll | None:
    """Return the poll with this id, None if the shop did not send it or never learned its id."""
    kept = await host.recall(f"poll:{poll_id}")
    if not kept:
        async with host.alone(LOCK):
            kept = await host.recall(f"poll:{poll_id}")
    if not kept:
        return None
    chat_id, kind, message_id = json.loads(kept)
    chat_id = await host.recall(f"moved:{chat_id}") or chat_id
    return Poll(Chat(channel, chat_id, ChatKind(kind)), message_id)

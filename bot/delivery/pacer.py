"""Keeps each channel below its platform's rates: a bucket for the channel and a pause for each chat."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.messages import ChatKind, Limits


@dataclass(slots=True)
class Pacer:
    """The pace of one channel. One process sends for a channel, so the counts may live in memory."""

    limits: Limits
    _channel_free_at: datetime | None = None
    _chat_free_at: dict[str, datetime] = field(default_factory=dict)

    def free_at(self, chat: str, now: datetime) -> datetime:
        """Return the earliest time at which `chat` may get a message."""
        return max(self._chat_free_at.get(chat, now), self.channel_free_at(now))

    def channel_free_at(self, now: datetime) -> datetime:
        """Return the earliest time at which the channel may carry anything."""
        return max(now, self._channel_free_at or now)

    def sent(self, chat: str, kind: ChatKind, now: datetime) -> None:
        """Count a message."""
        if self.limits.per_second:
            pause = timedelta(seconds=1 / self.limits.per_second)
            self._channel_free_at = self.channel_free_at(now) + pause
        pause_s = self.limits.per_group_s if kind is ChatKind.GROUP else self.limits.per_chat_s
        if pause_s:
            self._chat_free_at[chat] = now + timedelta(seconds=pause_s)
        if len(self._chat_free_at) > 10_000:  # forget chats whose pause is long over
            self._chat_free_at = {c: t for c, t in self._chat_free_at.items() if t > now}

    def pause(self, until: datetime) -> None:
        """Send nothing on the channel before `until`: the platform asked for it."""
        self._channel_free_at = max(until, self._channel_free_at or until)

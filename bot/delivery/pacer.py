"""Keeps a channel below its platform's rates, so exactly that the platform never has to refuse.

A platform allows `count` messages in any `per_s` seconds, counted when they arrive there, which we do not see. A place
is therefore taken from the moment a message leaves until `per_s` seconds after its answer came: between two messages
that take the same place the platform sees at least `per_s` seconds, however long either was on its way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.messages import ChatKind, Limits, Rate

REMEMBERED_CHATS = 10_000


@dataclass(slots=True)
class _Places:
    rate: Rate
    flying: int = 0
    taken_until: deque[datetime] = field(default_factory=deque)

    def free(self, now: datetime) -> int:
        while self.taken_until and self.taken_until[0] <= now:
            self.taken_until.popleft()
        return self.rate.count - self.flying - len(self.taken_until)

    def free_at(self, now: datetime) -> datetime:
        """Return when a place is free, as far as that depends on time: a message on its way may end at any moment."""
        return now if self.free(now) > 0 or not self.taken_until else self.taken_until[0]

    def landed(self, now: datetime) -> None:
        self.flying = max(0, self.flying - 1)
        self.taken_until.append(now + timedelta(seconds=self.rate.per_s))


@dataclass(slots=True)
class Pacer:
    """The pace of one channel. One process sends for a channel, so the counts live in memory."""

    limits: Limits
    _overall: _Places | None = field(init=False)
    _chats: dict[str, _Places] = field(default_factory=dict)
    _paused: dict[str, datetime] = field(default_factory=dict)
    _all_paused_until: datetime | None = None

    def __post_init__(self) -> None:
        self._overall = _Places(self.limits.overall) if self.limits.overall else None

    def room(self, now: datetime, most: int) -> int:
        """Return how many messages may leave now, `most` at most."""
        if self._all_paused_until is not None and now < self._all_paused_until:
            return 0
        return most if self._overall is None else max(0, min(most, self._overall.free(now)))

    def free_at(self, now: datetime) -> datetime:
        """Return when the channel may carry anything again."""
        at = now if self._overall is None else self._overall.free_at(now)
        return max(at, self._all_paused_until or at)

    def chat_free_at(self, chat: str, now: datetime) -> datetime:
        """Return when `chat` may get a message."""
        places = self._chats.get(chat)
        at = now if places is None else places.free_at(now)
        return max(at, self._paused.get(chat, at))

    def left(self, chat: str, kind: ChatKind) -> None:
        """Count a message that leaves."""
        for places in self._of(chat, kind):
            places.flying += 1

    def landed(self, chat: str, kind: ChatKind, now: datetime) -> None:
        """Count the answer to it, whatever it is."""
        for places in self._of(chat, kind):
            places.landed(now)
        if len(self._chats) > REMEMBERED_CHATS:
            self._chats = {c: p for c, p in self._chats.items() if p.flying or (p.free(now) < p.rate.count)}
            self._paused = {c: until for c, until in self._paused.items() if until > now}

    def refused(self, chat: str, now: datetime, until: datetime) -> None:
        """Keep `chat` quiet: the platform asked for it. When it asks in a second chat, it means the whole channel."""
        others = [c for c, paused_until in self._paused.items() if c != chat and paused_until > now]
        self._paused[chat] = until
        if others:
            self._all_paused_until = max(until, self._all_paused_until or until)

    def _of(self, chat: str, kind: ChatKind) -> list[_Places]:
        rate = self.limits.per_group if kind is ChatKind.GROUP else self.limits.per_chat
        found = [] if self._overall is None else [self._overall]
        if rate is not None:
            found.append(self._chats.setdefault(chat, _Places(rate)))
        return found

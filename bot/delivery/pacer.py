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
EVENNESS = 0.95
"""Campaigns leave one by one and not in bursts, so that a reply always finds a place free in a moment. A little closer
than evenly, to catch up with what was late."""


@dataclass(slots=True)
class _Places:
    rate: Rate
    flying: int = 0
    taken_until: deque[datetime] = field(default_factory=deque)
    """When those who landed leave their places, the earliest first."""

    def free(self, at: datetime) -> int:
        return self.rate.count - self.flying - sum(until > at for until in self.taken_until)

    def free_at(self, now: datetime) -> datetime:
        """Return when a place is free, as far as that depends on time: a message on its way may end at any moment."""
        if self.free(now) > 0:
            return now
        return next((until for until in self.taken_until if until > now), now)

    def take(self, now: datetime) -> datetime:
        """Take the place that is free first. Return from when on."""
        while self.taken_until and self.taken_until[0] <= now:
            self.taken_until.popleft()
        is_full = self.flying + len(self.taken_until) >= self.rate.count
        self.flying += 1
        return self.taken_until.popleft() if is_full and self.taken_until else now

    def landed(self, now: datetime) -> None:
        self.flying = max(0, self.flying - 1)
        self.taken_until.append(now + timedelta(seconds=self.rate.per_s))


@dataclass(slots=True)
class Pacer:
    """The pace of one channel. One process sends for a channel, so the counts live in memory."""

    limits: Limits
    _overall: _Places | None = field(init=False)
    _gap: timedelta = field(init=False)
    _next_campaign_at: datetime | None = None
    _chats: dict[str, list[_Places]] = field(default_factory=dict)
    _paused: dict[str, datetime] = field(default_factory=dict)
    _all_paused_until: datetime | None = None

    def __post_init__(self) -> None:
        rate = self.limits.overall
        self._overall = None if rate is None else _Places(rate)
        self._gap = timedelta() if rate is None else timedelta(seconds=EVENNESS * rate.per_s / rate.count)

    def room(self, at: datetime, most: int) -> int:
        """Return how many messages may leave until `at`, `most` at most."""
        if self._all_paused_until is not None and at < self._all_paused_until:
            return 0
        return most if self._overall is None else max(0, min(most, self._overall.free(at)))

    def campaign_room(self, now: datetime, at: datetime, most: int) -> int:
        """Return how many of them may be of campaigns."""
        if not self._gap:
            return most
        return max(0, min(most, 1 + (at - self.campaign_at(now)) // self._gap))

    def campaign_at(self, now: datetime) -> datetime:
        """Return when the next message of a campaign may leave."""
        return max(now, self._next_campaign_at or now)

    def free_at(self, now: datetime) -> datetime:
        """Return when the channel may carry anything again."""
        at = now if self._overall is None else self._overall.free_at(now)
        return max(at, self._all_paused_until or at)

    def chat_free_at(self, chat: str, now: datetime) -> datetime:
        """Return when `chat` may get a message."""
        free_at = (places.free_at(now) for places in self._chats.get(chat, ()))
        return max([*free_at, self._paused.get(chat, now)], default=now)

    def leave(self, chat: str, kind: ChatKind, now: datetime, is_campaign: bool = False) -> datetime:
        """Count a message that is to leave. Return when it may."""
        free_at = [places.take(now) for places in self._of(chat, kind)]
        leaves_at = max([now, *free_at, self._all_paused_until or now])
        if is_campaign:
            leaves_at = max(leaves_at, self.campaign_at(now))
        self._next_campaign_at = max(self.campaign_at(now), leaves_at) + self._gap
        return leaves_at

    def left_before(self, chat: str, kind: ChatKind, now: datetime) -> None:
        """Count a message that another process sent a moment ago."""
        for places in self._of(chat, kind):
            places.flying += 1
            places.landed(now)

    def landed(self, chat: str, kind: ChatKind, now: datetime) -> None:
        """Count the answer to it, whatever it is."""
        for places in self._of(chat, kind):
            places.landed(now)
        if len(self._chats) > REMEMBERED_CHATS:
            self._chats = {c: p for c, p in self._chats.items() if any(x.free(now) < x.rate.count for x in p)}
            self._paused = {c: until for c, until in self._paused.items() if until > now}

    def refused(self, chat: str, now: datetime, until: datetime) -> None:
        """Keep `chat` quiet: the platform asked for it. When it asks in a second chat, it means the whole channel."""
        others = [c for c, paused_until in self._paused.items() if c != chat and paused_until > now]
        self._paused[chat] = until
        if others:
            self._all_paused_until = max(until, self._all_paused_until or until)

    def _of(self, chat: str, kind: ChatKind) -> list[_Places]:
        """Return the places that a message takes: of the channel, of the chat, and a group's own."""
        if chat not in self._chats:
            rates = [self.limits.per_chat, None if kind is ChatKind.PRIVATE else self.limits.per_group]
            self._chats[chat] = [_Places(rate) for rate in rates if rate is not None]
        return [*([] if self._overall is None else [self._overall]), *self._chats[chat]]

"""The words that connectors, the bot, the queue and the campaigns share. Plain frozen data, no I/O."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Purpose(StrEnum):
    """Why something is sent; decides which rights it needs."""

    REPLY = "reply"
    SERVICE = "service"
    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"
    HUMAN = "human"


class ChatKind(StrEnum):
    PRIVATE = "private"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Chat:
    """One place to talk on one channel.

    Attributes:
        channel: name of the channel as in shop.toml, e.g. `telegram:shopbot`, `wechat:gh_1`, `web:shop`.
        id: the platform's id of the chat (Telegram chat id, WeChat openid, web visitor id).
    """

    channel: str
    id: str
    kind: ChatKind = ChatKind.PRIVATE


@dataclass(frozen=True, slots=True)
class Grant:
    """A right to send that a customer's action opened on a platform.

    Attributes:
        count: messages allowed, or None where the platform does not count.
        window_s: seconds until the right ends, from the moment of the action.
    """

    count: int | None
    window_s: int
    purposes: frozenset[Purpose] = frozenset(Purpose)


class Event(StrEnum):
    """What an inbound reports when it is not something that was said."""

    STARTED = "started"
    """The customer opened the chat: /start, follow, first visit. `Inbound.payload` has the deep link or scene."""
    LEFT = "left"
    """Unfollowed, blocked the bot, or removed it from the group: nothing can be sent any more."""
    JOINED = "joined"
    """The bot was added to a group."""
    MEDIA = "media"
    """A picture, voice or file came; `Inbound.text` has its caption or is empty."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message in.

    Attributes:
        key: unique for ever, from the platform's own ids: `tg:{bot}:{update_id}`, `oa:{appid}:{MsgId}`, `web:{id}`.
        user: the platform's id of the sender; equals `chat.id` in private chats on most platforms.
        sent_at: the platform's time, aware UTC.
        choice: token of the button that was tapped, if one was.
    """

    key: str
    chat: Chat
    user: str
    sent_at: datetime
    text: str = ""
    name: str = ""
    language: str | None = None
    event: Event | None = None
    payload: str = ""
    choice: str | None = None
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer offered to the customer; a button where the channel has them, else a line of a numbered list.

    Attributes:
        token: at most 64 bytes, comes back as `Inbound.choice`.
    """

    token: str
    label: str


@dataclass(frozen=True, slots=True)
class Source:
    """The knowledge entry, order or product that a sentence comes from, and which version of it."""

    id: str
    version: str


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message out, as a connector gets it after the gate let it pass.

    Attributes:
        id: unique for ever; the idempotency key where the platform takes one.
        author: `bot`, `agent:{id}` or `campaign:{name}`.
    """

    id: str
    chat: Chat
    purpose: Purpose
    text: str
    choices: tuple[Choice, ...] = ()
    sources: tuple[Source, ...] = ()
    author: str = "bot"


class SendStatus(StrEnum):
    SENT = "sent"
    RATE_LIMITED = "rate_limited"
    """Come back after `retry_after_s`."""
    WINDOW_CLOSED = "window_closed"
    """The platform says that the right to send is used up or has ended."""
    UNREACHABLE = "unreachable"
    """Blocked, unfollowed, kicked: no message will arrive until the customer writes again."""
    REFUSED = "refused"
    """The platform will never take this message (bad request, capability missing)."""
    TRANSIENT = "transient"
    """Not sent, for certain; worth trying again."""
    UNSURE = "unsure"
    """Nobody knows whether it was sent (time-out after the request left)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a send."""

    status: SendStatus
    platform_id: str = ""
    reason: str = ""
    retry_after_s: float = 0.0


Receive = Callable[[Sequence[Inbound]], Awaitable[None]]
"""Stores inbound messages durably, each once. Returns only when they are on disk: acknowledge the platform after it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel can carry.

    Attributes:
        per_second: messages a second over the whole channel, None if not limited.
        per_chat_s: least seconds between two messages to one private chat.
        per_group_s: least seconds between two messages to one group.
        counts_windows: whether sends need an open window (WeChat) or not (Telegram, web); see `Connector.cost`.
        own_page: whether messages show only on the shop's own page while the customer has it open: nobody is written
            to, so marketing needs no consent there (a stored no still counts).
        takes_key: whether the platform drops a repeated `Outbound.id` by itself: an unsure send may be repeated.
    """

    per_second: float | None = None
    per_chat_s: float = 0.0
    per_group_s: float = 0.0
    counts_windows: bool = False
    own_page: bool = False
    takes_key: bool = False

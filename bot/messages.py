"""The words that connectors, the bot, the queue and the campaigns share. Plain frozen data, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, get_args


class Purpose(StrEnum):
    """Why something is sent; decides which rights it needs."""

    REPLY = "reply"
    SERVICE = "service"
    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"
    HUMAN = "human"
    STAFF = "staff"
    """For the shop's own people in their group: it needs no customer's right, and nobody is called up for it."""


class ChatKind(StrEnum):
    PRIVATE = "private"
    GROUP = "group"
    STAFF = "staff"
    """The group in which the shop's own people answer customers: what is said there is no customer's word."""


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


CUSTOMER_TYPES_FOR = timedelta(seconds=6)
"""How long a customer counts as writing after a key was pressed; the web chat tells every three seconds."""
MAIL = "mail"
"""The channel of one-time codes by e-mail; nobody writes on it, and its chats are numbers of orders."""
WINDOW = "window"
"""The right that a customer's action opens for a while; other rights are credits, `credit:{name}`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A right to send that a customer's action opened on a platform.

    Attributes:
        count: messages allowed, or None where the platform does not count.
        window_s: seconds until the right ends, from the moment of the action; None for one that waits to be used.
        action: what opened it (`said`, `acted`). A later grant of the same action takes the place of this one.
        right: `WINDOW`, or `credit:{name}`; what `Road.needs` asks for.
        adds_up: whether it is added to what an earlier one left, instead of taking its place.
    """

    count: int | None
    window_s: int | None
    action: str = "said"
    purposes: frozenset[Purpose] = frozenset(Purpose)
    right: str = WINDOW
    adds_up: bool = False


class Event(StrEnum):
    """What an inbound reports when it is not something that was said."""

    STARTED = "started"
    """The customer opened the chat: /start, follow, first visit. `Inbound.payload` has the deep link or scene."""
    LEFT = "left"
    """Unfollowed, blocked the bot, or removed it from the group: nothing can be sent any more."""
    JOINED = "joined"
    """The bot was added to a group."""
    ARRIVED = "arrived"
    """People came into the group that the bot is in; `Inbound.payload` has their ids, separated by commas."""
    DEPARTED = "departed"
    """Somebody left that group or was removed from it: `Inbound.payload` has the id."""
    MOVED = "moved"
    """The chat has another id from now on, which is in `Inbound.payload` (a Telegram group became a supergroup)."""
    MEDIA = "media"
    """A picture, voice or file came, see `Inbound.media`; `Inbound.text` has its caption or is empty."""
    EDITED = "edited"
    """The customer changed an earlier message; `Inbound.text` is the new wording. Agents see it, the bot is silent."""
    VOTED = "voted"
    """The customer voted in a poll: `Inbound.payload` is its `Outbound.id`, `text` the options taken by number from 0,
    separated by commas, empty for a vote taken back."""
    SUBSCRIBED = "subscribed"
    """The customer asked for a notice or refused it; the credit is in `Inbound.grants`."""


@dataclass(frozen=True, slots=True)
class File:
    """A picture, voice or document with its bytes."""

    body: bytes = field(repr=False)
    mime: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Media:
    """A file that a customer sent.

    Attributes:
        kind: `image`, `voice`, `video` or `file`.
        ref: what `MediaSource.fetch` of the connector takes.
        file: the file itself, where it came along with the message.
    """

    kind: str
    ref: str = ""
    file: File | None = None


TOPIC_GONE = "topic_gone"
"""The reason of a receipt whose topic is not there any more: somebody deleted it."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A thread of its own in a group, and what a message has to do with it.

    Attributes:
        id: the platform's; empty in the part of the group that is no topic, and for one that is to be made.
        message: of an inbound its own id on the platform; of an outbound the message that it answers.
        act: what is done to the topic instead of writing in it; the receipt of `open` has its id as `platform_id`.
        name: of a topic that is to be made.
        priority: the conversation's, shown where topics have colours.
    """

    id: str = ""
    message: str = ""
    act: Literal["", "open", "close", "reopen"] = ""
    name: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message in.

    Attributes:
        key: unique for ever, from the platform's own ids: `tg:{bot}:{update_id}`, `oa:{appid}:{MsgId}`, `web:{id}`.
        user: the platform's id of the sender; equals `chat.id` in private chats on most platforms.
        sent_at: the platform's time, aware UTC.
        choice: token of the button that was tapped, if one was.
        topic: where in a group it was said; None elsewhere.
        addressed: how somebody in a group speaks to the bot: by its `name` (a mention, a command to it) or by a `reply`
            to what it said; empty for what people say to each other, and outside of groups.
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
    media: Media | None = None
    topic: Topic | None = None
    addressed: Literal["", "name", "reply"] = ""


OPENS_CHAT = "start:"
"""Begins the token of a choice that opens the private chat with the bot instead of coming back: what follows, of
`A-Za-z0-9_-`, is the `payload` of the `Event.STARTED` there."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer offered to the customer; a button where the channel has them, else a line of a numbered list.

    Attributes:
        token: at most 64 bytes, comes back as `Inbound.choice`; see `OPENS_CHAT` for one that does not.
    """

    token: str
    label: str


@dataclass(frozen=True, slots=True)
class Source:
    """The knowledge entry, order or product that a sentence comes from, and which version of it."""

    id: str
    version: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What a message says in fields, for platforms that only take a form (template, subscription notice).

    Attributes:
        name: which form, e.g. `cart`, `shipped`; shop.toml maps it to the platform's template.
        fields: values by our own names, e.g. `product`, `total`.
    """

    name: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Road:
    """One way on which a channel can carry a message.

    Attributes:
        name: `open` (no right needed), `passive` (in the answer to a callback), `window`, `subscription`, `template`,
            `task` (a person of the staff confirms it).
        cost: messages it takes off the right: more than one where a long text is cut.
        needs: the right it takes them off, see `Grant.right`; empty if none.
    """

    name: str
    cost: int = 1
    needs: str = ""


OPEN = Road("open")


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message out, as a connector gets it after the gate let it pass.

    Attributes:
        id: unique for ever; the idempotency key where the platform takes one.
        author: `bot`, `agent:{id}` or `campaign:{name}`.
        road: name of the road that the gate chose among `Connector.roads`; empty before that.
        picture: shown above the text.
        poll: the options of a vote on `text`. Channels without polls show them as a numbered list.
        edits: platform id of an earlier message whose text this takes the place of, where the channel can; with `poll`
            that of a poll, which takes no more votes then.
        topic: where in a group it is said and what it answers there, or what is done to a topic of the staff.
        pins: whether it is pinned to the top of its group, where the channel can.
    """

    id: str
    chat: Chat
    purpose: Purpose
    text: str
    choices: tuple[Choice, ...] = ()
    sources: tuple[Source, ...] = ()
    author: str = "bot"
    road: str = ""
    picture: File | None = None
    notice: Notice | None = None
    poll: tuple[str, ...] = ()
    edits: str = ""
    topic: Topic | None = None
    pins: bool = False


class SendStatus(StrEnum):
    SENT = "sent"
    CONFIRMING = "confirming"
    """The platform has it, and a person of the staff has to confirm it; a `Report` will tell."""
    RATE_LIMITED = "rate_limited"
    """Come back after `retry_after_s`."""
    WINDOW_CLOSED = "window_closed"
    """The platform says that the right to send is used up or has ended."""
    UNREACHABLE = "unreachable"
    """Blocked, unfollowed, kicked: no message will arrive until the customer writes again."""
    MOVED = "moved"
    """The chat has another id, `Receipt.moved_to`: not sent, to be sent there."""
    NOT_ALLOWED = "not_allowed"
    """The account may not use this road; the connector offers it no more, another may be open."""
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
    moved_to: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What the platform tells later about a message that it took.

    Attributes:
        platform_id: the receipt's.
        status: SENT, or why it did not arrive after all.
    """

    channel: str
    platform_id: str
    status: SendStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` messages in any `per_s` seconds."""

    count: int
    per_s: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel can carry.

    Attributes:
        overall: over the whole channel, None if not limited; `per_chat` and `per_group` to one chat.
        counts_windows: whether sends may need an open window (WeChat); shown to agents. See `Connector.roads`.
        own_page: whether messages show only on the shop's own page while the customer has it open: nobody is written
            to, so marketing needs no consent there (a stored no still counts).
        takes_key: whether the platform drops a repeated `Outbound.id` by itself: an unsure send may be repeated.
    """

    overall: Rate | None = None
    per_chat: Rate | None = None
    per_group: Rate | None = None
    counts_windows: bool = False
    own_page: bool = False
    takes_key: bool = False


EventName = Literal[
    "conversation.queued",
    "conversation.assigned",
    "conversation.closed",
    "message.received",
    "message.sent",
    "message.failed",
    "task.created",
    "csat.rated",
]
"""What subscribers can be told of."""
EVENTS: tuple[EventName, ...] = get_args(EventName)

"""What the web chat reads: both sides of one conversation, in order. Implemented over the database by the app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from bot.messages import Chat, Choice, File

Author = Literal["customer", "bot", "agent", "campaign"]
Typist = Literal["", "bot", "agent"]
SaleState = Literal["soon", "running", "paused", "over"]


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """One message as the customer sees it.

    Attributes:
        id: rises in the order in which messages become visible; below 2**53, because browsers read it as a float.
        mine: whether the customer said it.
        author_name: the agent's display name; empty where the page has a word of its own (bot, customer).
        at: aware UTC.
        key: `Inbound.key` of a message of the customer, so that the page knows its own words again; else empty.
        picture: whether `Transcript.picture` has one for it.
    """

    id: int
    mine: bool
    author: Author
    author_name: str
    text: str
    choices: tuple[Choice, ...]
    at: datetime
    key: str = ""
    picture: bool = False


@dataclass(frozen=True, slots=True)
class SaleCard:
    """A flash sale as the page shows it.

    Attributes:
        id: a tap on its button says the choice `claim:{id}`.
        product, price: as customers read them, by language (`zh`, `en`).
        left: pieces that can be claimed, of `total`; it was true when this was read.
        starts_at, ends_at: aware UTC.
    """

    id: str
    product: Mapping[str, str]
    price: Mapping[str, str]
    left: int
    total: int
    state: SaleState
    starts_at: datetime
    ends_at: datetime


class Transcript(Protocol):
    """Reads what was said. The web chat never learns where it is kept."""

    async def after(self, chat: Chat, seen: int, limit: int) -> tuple[Sequence[ShownMessage], Typist]:
        """Return the messages with an id above `seen`, oldest first, `limit` at most, and who prepares an answer now.

        Both come of one read: every open stream asks whenever anything changes anywhere.
        """
        ...

    async def picture(self, chat: Chat, shown_id: int) -> File | None:
        """Return the picture of the message `shown_id` of `chat`, None if that chat has none under this id."""
        ...

    async def types(self, chat: Chat) -> None:
        """Note that the customer is writing now. Where nobody would see it, nothing is noted."""
        ...

    async def sales(self, channel: str) -> Sequence[SaleCard]:
        """Return the sales that the page of a channel shows now."""
        ...

    async def hears_offers(self, chat: Chat) -> bool:
        """Return whether the customer has not said no to offers."""
        ...

    async def wait(self, timeout_s: float) -> None:
        """Return when something may be new anywhere, or after `timeout_s` seconds."""
        ...

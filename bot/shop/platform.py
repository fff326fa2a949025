"""A shop's own system behind the bot: what it tells of itself, and what it can be asked to do.

The bot never waits for it while it thinks. What it tells is copied into the tables of the embedded shop
(`bot/shop/mirror.py`), from which skills read, and the copy knows its age. What a turn wants done waits in
`shop_errands` and is carried out by a loop (`bot/shop/errands.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.errors import ZhangguiError
from bot.shop.bodies import CaseBody, CustomerBody, OrderBody, ProductBody
from bot.shop.commands import Command, Outcome


class PlatformDown(ZhangguiError):
    """The shop's system does not answer or is busy. It is asked again later; look at its status page if it lasts."""

    code = "platform"

    def __init__(self, message: str, retry_after_s: float = 0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PlatformRefuses(ZhangguiError):
    """The shop's system refused a request. Check the key and its rights in shop.toml with `zhanggui doctor`."""

    code = "platform"


class Kind(StrEnum):
    PRODUCT = "product"
    CUSTOMER = "customer"
    ORDER = "order"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Told:
    """One thing as the shop's system has it.

    Attributes:
        body: None if it is gone there.
        changed_at: when it was last changed there; what is older than the copy is passed over.
    """

    kind: Kind
    id: str
    body: ProductBody | CustomerBody | OrderBody | CaseBody | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform said to a command. `reference` is its own id of what came of it, `why` its words."""

    outcome: Outcome
    reference: str = ""
    why: str = ""


class Platform(Protocol):
    """One shop on one platform. Every method may raise PlatformDown (ask again) or PlatformRefuses (do not)."""

    name: str
    """As in `[shop] platform`."""

    can: frozenset[type[Command]]
    """What it does by its API. Everything else becomes a task for the staff."""

    def changes(self, since: datetime | None) -> AsyncIterator[Sequence[Told]]:
        """Yield pages of all that was changed at `since` or later, everything if None; customers before orders."""
        ...

    async def order(self, number: str) -> Sequence[Told]:
        """Read one order as it is now, its customer in front and its cases behind; empty if there is none."""
        ...

    def hook(self, headers: Mapping[str, str], body: bytes) -> tuple[str, Sequence[Told]]:
        """Check the signature of a webhook; return its delivery id and what it tells.

        Header names come in lower case.

        Raises:
            BadCallback: the signature is wrong, or it is not one of this shop's.
        """
        ...

    async def do(self, command: Command, key: str) -> Answer:
        """Carry out a command. The same `key` again finds what was done instead of doing it twice.

        `CaseLine.line_id` and `RefundDifference.line_id` are skus here: an order holds a sku once. The reference of an
        `OpenCase` that is done is the number of the case.
        """
        ...

    async def close(self) -> None:
        """Release the connections."""
        ...

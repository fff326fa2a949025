"""What the conformance suite needs of a shop: to change it as its owner would, and to look at it as the bot does.

To hold a new platform against the suite: write a `ShopStand` beside the others in `tests/shops/stands/`, over a
stand-in that speaks the platform's wire, and name it in `tests/shops/conftest.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from bot.shop.bodies import CustomerBody, OrderBody, ProductBody, ShipmentBody
from bot.shop.commands import Command, Outcome
from bot.shop.port import Shop
from bot.shop.sql import SqlShop
from bot.store.database import Database
from tests.conftest import StandingClock

T = TypeVar("T")


class ShopStand(Protocol):
    """One shop with the bot beside it.

    Attributes:
        can: commands that it does; every other one is left to the staff.
        says: what its wire can say beyond the least: `discount`, `tier_prices`, `country`, `parcels`.
        is_remote: whether it has a system of its own, which may be down and whose words may be lost.
    """

    database: Database
    clock: StandingClock
    can: frozenset[type[Command]]
    says: frozenset[str]
    is_remote: bool

    def called(self, ident: str) -> str:
        """Return the shop's own id of the product or customer that was put as `ident`; `ident` if there is none."""
        ...

    async def puts_product(self, ident: str, body: ProductBody) -> None:
        """The shop sells this; the bot is told."""
        ...

    async def puts_customer(self, ident: str, body: CustomerBody) -> None: ...

    async def puts_order(self, number: str, body: OrderBody) -> None:
        """Somebody orders this; the bot is told."""
        ...

    async def moves_order(self, number: str, status: str, parcel: ShipmentBody | None = None) -> None:
        """The order goes on to `paid`, `shipped`, `delivered` or `cancelled`, a minute later; the bot is told."""
        ...

    async def sets_stock(self, sku: str, pieces: int) -> None:
        """So many pieces are there now; the bot is told."""
        ...

    async def tells_again(self) -> None:
        """Everything that the bot was told arrives once more, the newest first."""
        ...

    async def status_there(self, number: str) -> tuple[str, str]:
        """Return status and address of an order as the shop itself has them."""
        ...

    async def does(self, command: Command) -> Outcome:
        """Have a command carried out as a turn would; return what became of it once that is decided."""
        ...

    # --- only where it is remote ---
    def loses_its_words(self, lost: bool) -> None:
        """From now on the bot is told nothing, or of everything again."""
        ...

    async def is_compared(self) -> int:
        """Compare everything, as every night; return how much was news."""
        ...

    def goes_down(self, times: int) -> None:
        """The next `times` requests are not answered."""
        ...


async def seen(stand: ShopStand, look: Callable[[Shop], T]) -> T:
    """Return what the bot reads."""

    def job(connection: Connection) -> T:
        return look(SqlShop(connection))

    return await stand.database.read(job)


def minute_later(clock: StandingClock) -> datetime:
    clock.advance(timedelta(minutes=1))
    return clock.now()

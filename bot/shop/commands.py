"""What a turn can have a shop do. The embedded shop does it in the turn's transaction; a remote one is sent it.

A remote platform gets each command with an idempotency key (`bot/shop/errands.py`), so that repeating is harmless,
and with skus in place of the ids of lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.shop.port import CaseKind, Money


class Outcome(StrEnum):
    """What became of a command: done; `pending` until the shop's system confirms it; refused, as it comes too late."""

    DONE = "done"
    PENDING = "pending"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel an order that has not left; what was paid goes back."""

    order_number: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """Send an order that has not left to another address, written as the customer wrote it."""

    order_number: str
    address: str


@dataclass(frozen=True, slots=True)
class CaseLine:
    """Pieces of one line of an order that go back; `wanted_sku` is what comes instead in an exchange."""

    line_id: str
    quantity: int
    wanted_sku: str = ""


@dataclass(frozen=True, slots=True)
class OpenCase:
    """Open a return, an exchange or a refund without return; in an exchange the new pieces are held.

    Attributes:
        reason: small, large, quality, look, wrong, missing, damaged, other; empty where the customer told none.
        words: what the customer said, for the staff.
        refund: what goes back in the end; nothing in an exchange of equal price.
        photos: ids of `media`.
        condition: unopened, opened, worn, washed; empty if nobody asked.
        to_pay: what the new pieces of an exchange cost more, which the staff settle with the customer.
    """

    kind: CaseKind
    order_number: str
    lines: tuple[CaseLine, ...]
    reason: str
    words: str
    refund: Money
    photos: tuple[str, ...] = ()
    condition: str = ""
    to_pay: Money | None = None


@dataclass(frozen=True, slots=True)
class CancelCase:
    """Close a case that nobody has acted on: the customer keeps the goods, held pieces are free again."""

    number: str


@dataclass(frozen=True, slots=True)
class AskInvoice:
    """Issue an invoice (发票, VAT) for a paid order to a person or company, by e-mail."""

    order_number: str
    title: str
    tax_id: str
    email: str


@dataclass(frozen=True, slots=True)
class RefundDifference:
    """Pay back what a line has become cheaper by since it was paid (price protection)."""

    order_number: str
    line_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class WatchStock:
    """Tell this customer once when the variant can be bought again."""

    sku: str


@dataclass(frozen=True, slots=True)
class WatchPrice:
    """Tell this customer once when the product costs less than today for members of the tier."""

    product_id: str
    tier: str


@dataclass(frozen=True, slots=True)
class UnwatchPrices:
    """Tell this customer of no price any more."""


Command = (
    CancelOrder
    | ChangeAddress
    | OpenCase
    | CancelCase
    | AskInvoice
    | RefundDifference
    | WatchStock
    | WatchPrice
    | UnwatchPrices
)


def order_of(command: Command) -> str:
    """Return the number of the order that a command is about, empty if none; a remote shop's cases begin with it."""
    if isinstance(command, CancelCase):
        return command.number.rpartition("-")[0]
    return str(getattr(command, "order_number", ""))

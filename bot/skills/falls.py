"""By how much the pieces of an order have become cheaper since they were paid, and until when that is paid back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.shop.port import Case, Line, Money, Order, Product
from bot.skills.refunds import left, paid_for_lines


@dataclass(frozen=True, slots=True)
class Fall:
    """What a line cost and costs, for the pieces that the customer keeps.

    Attributes:
        pieces: that are not sent back.
        paid, today: for all of them, in minor units; `paid` with the line's share of coupons taken off.
    """

    line: Line
    pieces: int
    paid: Money
    today: Money

    @property
    def difference(self) -> Money:
        """What is paid back; nothing where today's price is no lower than what was paid."""
        return Money(max(0, self.paid.amount_minor - self.today.amount_minor), self.paid.currency)


def last_moment(paid_at: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Return the end of the last day on which a lower price counts; the day of payment is not counted."""
    day = paid_at.astimezone(zone).date() + timedelta(days=days + 1)
    return datetime.combine(day, time(), zone)


def fall_of(line: Line, paid_minor: int, product: Product | None, tier: str, cases: tuple[Case, ...]) -> Fall | None:
    """Compare what was paid for a line with the shop's own price for the customer's tier today.

    Returns None where that cannot be told: a gift, a piece no longer sold, another currency, nothing left of it.
    """
    variant = next((one for one in product.variants if one.sku == line.sku), None) if product else None
    pieces = left(line, cases)
    if variant is None or line.gift or pieces <= 0:
        return None
    today = variant.price_for(tier)
    if today.currency != line.price.currency:
        return None
    paid = Money(paid_minor * pieces // line.quantity, line.price.currency)
    return Fall(line, pieces, paid, Money(today.amount_minor * pieces, today.currency))


def falls_of(order: Order, products: dict[str, Product | None], tier: str, cases: tuple[Case, ...]) -> list[Fall]:
    """Return the lines of an order that can be compared."""
    paid = paid_for_lines(order)
    found = (fall_of(line, paid[line.id], products[line.product_id], tier, cases) for line in order.lines)
    return [fall for fall in found if fall is not None]

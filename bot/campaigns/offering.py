"""The coupon of a campaign: one that the customer has already, or one that they have once the message is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from bot.campaigns.plans import Offer
from bot.shop.port import Money
from bot.store.tables import coupons

LASTS_AT_LEAST = timedelta(days=2)
"""A coupon that ends sooner might be over when the message is read: it is put anew."""


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon as it is told of."""

    code: str
    amount: Money
    least: Money
    ends_at: datetime


def offered(
    connection: Connection, offer: Offer | None, customer_id: str, zone: ZoneInfo, now: datetime
) -> tuple[Coupon | None, dict[str, Any] | None]:
    """Return the coupon that a message names, and its row where that is to be put once it is sent.

    What was used is not offered again, and of one without an end, or for some goods or tiers only, nothing is said.
    """
    if offer is None:
        return None, None
    mine = coupons.c.customer_id == customer_id, coupons.c.code == offer.code
    has = connection.execute(select(coupons).where(*mine)).one_or_none()
    if has is not None and (has.used or has.ends_at is None or has.product_ids or has.categories or has.tiers):
        return None, None
    if has is not None and has.ends_at > now + LASTS_AT_LEAST:
        amount, least = Money(has.amount_minor, has.currency), Money(has.least_minor, has.currency)
        return Coupon(offer.code, amount, least, has.ends_at), None
    ends_at = offer_ends(offer, zone, now)
    row = {
        "customer_id": customer_id,
        "code": offer.code,
        "amount_minor": offer.amount.amount_minor,
        "least_minor": offer.least.amount_minor,
        "currency": offer.amount.currency,
        "ends_at": ends_at.isoformat(),
    }
    return Coupon(offer.code, offer.amount, offer.least, ends_at), row


def offer_ends(offer: Offer, zone: ZoneInfo, now: datetime) -> datetime:
    """Return when a coupon ends that is offered now: at the end of a day of the shop."""
    return datetime.combine(now.astimezone(zone).date() + timedelta(days=offer.days), time(23, 59), zone)

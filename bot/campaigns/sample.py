"""What a recall would say, before anybody hears it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.campaigns.follow_up import Reader
from bot.campaigns.plans import WAVES, Plan
from bot.campaigns.recall_coupon import FROM_WAVE, Coupon, offer_ends
from bot.campaigns.recall_words import worded
from bot.campaigns.segments import Language
from bot.voice import Voice


def samples(voice: Voice, plan: Plan, zone: ZoneInfo, now: datetime) -> list[dict[str, str]]:
    """Return the text of each wave in each language, to somebody without a name who bought just so long ago."""
    bought_at = now - timedelta(days=plan.segment.bought_days.least or 0)
    return [
        {
            "wave": wave,
            "language": language.value,
            "text": worded(
                voice, plan, wave, Reader("", language.value, "", ""), bought_at, _coupon(plan, number, zone, now), zone
            ).text,
        }
        for number, wave in enumerate(WAVES, 1)
        for language in sorted(plan.segment.languages or Language)
    ]


def _coupon(plan: Plan, number: int, zone: ZoneInfo, now: datetime) -> Coupon | None:
    if plan.offer is None or number < FROM_WAVE:
        return None
    offer = plan.offer
    return Coupon(offer.code, offer.amount, offer.least, offer_ends(offer, zone, now))

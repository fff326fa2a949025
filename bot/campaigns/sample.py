"""What a campaign would say, before anybody hears it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.campaigns.follow_up import Reader
from bot.campaigns.greeting_words import greeted
from bot.campaigns.offering import Coupon, offer_ends
from bot.campaigns.plans import GREETING, OFFERED_FROM, RECALL, Plan, Wave
from bot.campaigns.recall_words import worded
from bot.campaigns.segments import Language
from bot.voice import Voice


def samples(voice: Voice, plan: Plan, zone: ZoneInfo, now: datetime) -> list[dict[str, str]]:
    """Return the text of each wave in each language, to somebody without a name who bought just so long ago."""
    bought_at = now - timedelta(days=plan.segment.bought_days.least or 0)

    def said(number: int, wave: Wave, language: str) -> str:
        reader, coupon = Reader("", language, "", ""), _coupon(plan, number, zone, now)
        if wave == GREETING:
            return greeted(voice, plan, reader, coupon, zone).text
        return worded(voice, plan, wave, reader, bought_at, coupon, zone).text

    return [
        {"wave": wave, "language": language.value, "text": said(number, wave, language.value)}
        for number, wave in enumerate(plan.waves, 1)
        for language in sorted(plan.segment.languages or Language)
    ]


def _coupon(plan: Plan, number: int, zone: ZoneInfo, now: datetime) -> Coupon | None:
    if plan.offer is None or (plan.kind == RECALL and number < OFFERED_FROM):
        return None
    offer = plan.offer
    return Coupon(offer.code, offer.amount, offer.least, offer_ends(offer, zone, now))

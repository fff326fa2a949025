"""The words of a sale's announcements, with the button to claim: the shop's own for this sale, else the phrases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from bot.campaigns.announcing import Announce
from bot.campaigns.moments import CLOSED, PHRASES, SOLD_OUT, START
from bot.knowledge.entries import version_of
from bot.knowledge.fields import fill
from bot.messages import Choice, Source
from bot.shop.port import Money
from bot.skills import shown
from bot.skills.turn import Say
from bot.voice import Spoken, Voice

FIELDS = frozenset({"sale.product", "sale.price", "sale.total", "sale.left", "sale.limit", "sale.starts", "sale.ends"})
"""What an announcement may say of its sale."""


def announcement(voice: Voice, zone: ZoneInfo) -> Announce:
    """Return the function that words the announcements of a sale in one language."""

    def announce(language: str, sale: Mapping[str, Any]) -> Spoken:
        fields = {
            "sale.product": sale["product"],
            "sale.price": shown.money(Money(sale["price_minor"], sale["currency"]), language),
            "sale.total": str(sale["total"]),
            "sale.left": str(sale["left"]),
            "sale.limit": str(sale["limit_each"]),
            "sale.starts": shown.time_of(sale["starts_at"], language, zone),
            "sale.as_of": f"{sale['now'].astimezone(zone):%H:%M:%S}" if "now" in sale else "",
            "sale.ends": shown.time_of(sale["ends_at"], language, zone),
        }
        moment = sale.get("moment", START)
        source = Source(f"sale:{sale['sale_id']}", version_of(*fields.values()))
        claim = Choice(f"claim:{sale['sale_id']}", voice.knowledge.phrases["flash.claim_button", language].text)
        choices = () if moment in (SOLD_OUT, CLOSED) else (claim,)
        own = own_text(sale.get("texts", {}), language, moment, sale.get("channel_kind", ""))
        if own:
            return Spoken(fill(own, {**voice.fields[language], **fields}), choices, (source,))
        return voice.speak([Say(PHRASES[moment], fields, choices, (source,))], language)

    return announce


def own_text(texts: Mapping[str, Mapping[str, str]], language: str, moment: str, channel_kind: str) -> str:
    """Return the shop's own text for a moment: the one for this kind of channel (`start@web`) before the general."""
    of_language = texts.get(language, {})
    return of_language.get(f"{moment}@{channel_kind}") or of_language.get(moment, "")

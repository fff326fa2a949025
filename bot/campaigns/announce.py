"""The words of a flash-sale announcement, with the button to claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from bot.campaigns.flash import Announce
from bot.knowledge.entries import version_of
from bot.messages import Choice, Source
from bot.shop.port import Money
from bot.skills import shown
from bot.skills.turn import Say
from bot.voice import Spoken, Voice


def announcement(voice: Voice, zone: ZoneInfo) -> Announce:
    """Return the function that words the announcement of a sale in one language."""

    def announce(language: str, sale: Mapping[str, Any]) -> Spoken:
        fields = {
            "sale.product": sale["product"],
            "sale.price": shown.money(Money(sale["price_minor"], sale["currency"]), language),
            "sale.total": str(sale["total"]),
            "sale.ends": shown.time_of(sale["ends_at"], language, zone),
        }
        source = Source(f"sale:{sale['sale_id']}", version_of(*fields.values()))
        claim = Choice(f"claim:{sale['sale_id']}", voice.knowledge.phrases["flash.claim_button", language].text)
        say = Say("flash.announce", fields, (claim,), (source,))
        return voice.speak([say], language)

    return announce

"""Turns what is to be said into text, with the source of every sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.knowledge.entries import Knowledge
from bot.knowledge.fields import FIELD, fill
from bot.messages import Choice, Source
from bot.settings import Settings
from bot.shop.port import Money
from bot.skills import shown
from bot.skills.turn import Say


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message: its text, choices, and where each sentence comes from."""

    text: str
    choices: tuple[Choice, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Voice:
    """Speaks from one set of knowledge and the shop's settings."""

    knowledge: Knowledge
    fields: Mapping[str, Mapping[str, str]]
    """Language → field → value; see `shop_fields`."""

    def speak(self, says: Sequence[Say], language: str, channel_kind: str = "", tier: str = "regular") -> Spoken:
        """Merge `says` into one message.

        Raises:
            KeyError: a phrase or field is missing (the loader refuses such a set before it gets here).
        """
        texts: list[str] = []
        sources: list[Source] = []
        for say in says:
            text, version = self._text(say.id, language, channel_kind, tier)
            texts.append(fill(without_holes(text, self.fields[language]), {**self.fields[language], **say.fields}))
            sources += [Source(say.id, version), *say.sources]
        choices = tuple(choice for say in says for choice in say.choices)
        return Spoken("\n".join(texts), choices, tuple(dict.fromkeys(sources)))

    def _text(self, text_id: str, language: str, channel_kind: str, tier: str) -> tuple[str, str]:
        phrase = self.knowledge.phrases.get((text_id, language))
        if phrase is not None:
            return phrase.text, phrase.version
        entry = self.knowledge.entry(text_id, language)
        if entry is None:
            raise KeyError(text_id)
        return entry.answer_for(channel_kind, tier), entry.version


def without_holes(text: str, fields: Mapping[str, str]) -> str:
    """Leave out every line with a field that is empty in shop.toml: a shop without a phone says no phone number."""
    lines = text.split("\n")
    return "\n".join(line for line in lines if all(fields.get(name, "filled") for name in FIELD.findall(line)))


def shop_fields(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the fields that come from shop.toml, by language."""
    shop, policy = settings.shop, settings.policy

    def amount(minor: int, language: str) -> str:
        return shown.money(Money(minor, shop.currency), language).removesuffix(".00")

    return {
        language: {
            "shop.name": shown.name(shop.name, language),
            "shop.hours": f"{shop.opens:%H:%M}–{shop.closes:%H:%M}",
            "shop.phone": shop.phone,
            "shop.email": shop.email,
            "shop.address": shown.name(shop.address, language),
            "policy.return_days": str(policy.return_days),
            "policy.exchange_days": str(policy.exchange_days),
            "policy.dispatch_h": str(policy.dispatch_h),
            "policy.refund_days": str(policy.refund_days),
            "policy.price_protection_days": str(policy.price_protection_days),
            "policy.order_close_h": str(policy.order_close_h),
            "policy.free_shipping": amount(policy.free_shipping_minor, language),
            "policy.shipping_fee": amount(policy.shipping_fee_minor, language),
            "policy.hmt_fee": amount(policy.hmt_fee_minor, language),
            "policy.presale_days": str(policy.presale_days),
            "policy.coupon_new": amount(policy.coupon_new_minor, language),
            "policy.points_per_yuan": str(policy.points_per_yuan),
        }
        for language in ("zh", "en")
    }

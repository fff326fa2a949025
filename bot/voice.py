"""Turns what is to be said into text, with the source of every sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.knowledge.entries import Knowledge
from bot.knowledge.fields import FIELD, fill
from bot.messages import Choice, Source
from bot.settings import Settings
from bot.shop.port import Money
from bot.skills import shown
from bot.skills.turn import Say, Turn


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message: its text, choices, and where each sentence comes from."""

    text: str
    choices: tuple[Choice, ...]
    sources: tuple[Source, ...]


Speak = Callable[[Sequence[Say]], Spoken]
"""Puts into words what is said to a customer."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom an answer is for, where that makes a difference to it.

    Attributes:
        channel_kind: `wechat`, `telegram`, `web` …; empty if none.
        regions: that the message names, see the entity `region`.
        now_local: the moment, in the shop's zone; None where answers that hold for a while are not asked for.
    """

    channel_kind: str = ""
    tier: str = "regular"
    regions: tuple[str, ...] = ()
    now_local: datetime | None = None


NOBODY = Listener()


def listener(turn: Turn, channel_kind: str = "") -> Listener:
    """Return who hears the answer to this turn."""
    return Listener(channel_kind, turn.person.tier, turn.meaning.values("region"), turn.now.astimezone(turn.zone))


@dataclass(frozen=True, slots=True)
class Voice:
    """Speaks from one set of knowledge and the shop's settings."""

    knowledge: Knowledge
    fields: Mapping[str, Mapping[str, str]]
    """Language → field → value; see `shop_fields`."""

    def speak(self, says: Sequence[Say], language: str, to: Listener = NOBODY) -> Spoken:
        """Merge `says` into one message.

        Raises:
            KeyError: a phrase or field is missing (the loader refuses such a set before it gets here).
        """
        texts: list[str] = []
        sources: list[Source] = []
        for say in says:
            text, version = self._text(say.id, language, to)
            texts.append(fill(without_holes(text, self.fields[language]), {**self.fields[language], **say.fields}))
            sources += [Source(say.id, version), *say.sources]
        choices = tuple(choice for say in says for choice in say.choices)
        return Spoken("\n".join(texts), choices, tuple(dict.fromkeys(sources)))

    def _text(self, text_id: str, language: str, to: Listener) -> tuple[str, str]:
        phrase = self.knowledge.phrases.get((text_id, language))
        if phrase is not None:
            return phrase.text, phrase.version
        entry = self.knowledge.entry(text_id, language)
        if entry is None:
            raise KeyError(text_id)
        answer = entry.answer_for(to.channel_kind, to.tier, to.regions, to.now_local)
        said = answer if without_holes(answer, self.fields[language]) else entry.answer
        return said, entry.version


def without_holes(text: str, fields: Mapping[str, str]) -> str:
    """Leave out every line with a field that is empty in shop.toml: a shop without a phone says no phone number."""
    lines = text.split("\n")
    return "\n".join(line for line in lines if all(fields.get(name, "filled") for name in FIELD.findall(line)))


def shop_fields(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the fields that come from shop.toml, by language."""
    shop, policy, returns = settings.shop, settings.policy, settings.returns

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
            "policy.complaint_answer_h": str(policy.complaint_answer_h),
            "policy.complaint_solve_h": str(policy.complaint_solve_h),
            "policy.free_shipping": amount(policy.free_shipping_minor, language),
            "policy.shipping_fee": amount(policy.shipping_fee_minor, language),
            "policy.hmt_fee": amount(policy.hmt_fee_minor, language),
            "policy.presale_days": str(policy.presale_days),
            "policy.coupon_new": amount(policy.coupon_new_minor, language),
            "policy.points_per_yuan": str(policy.points_per_yuan),
            "policy.stuck_h": str(policy.stuck_h),
            "returns.fault_days": str(returns.fault_days),
            "returns.send_days": str(returns.send_days),
            "returns.address": shown.name(returns.address, language),
        }
        for language in ("zh", "en")
    }

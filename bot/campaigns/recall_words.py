"""The words of a recall: what is new and help, the coupon if there is one, and always why they got it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.campaigns.follow_up import STOP, Reader
from bot.campaigns.offering import Coupon
from bot.campaigns.plans import Plan, Wave
from bot.knowledge.entries import version_of
from bot.knowledge.fields import fill
from bot.messages import Choice, Source
from bot.skills import shown
from bot.skills.turn import HUMAN, Say
from bot.voice import Listener, Spoken, Voice

FIELDS = frozenset({"customer.name", "recall.bought"})
"""What a plan's own texts may say beside the shop's fields."""
HELP = ("new_arrivals", "recommend")
"""Intents behind the buttons."""


def worded(
    voice: Voice, plan: Plan, wave: Wave, reader: Reader, bought_at: datetime, coupon: Coupon | None, zone: ZoneInfo
) -> Spoken:
    """Return what a wave says to somebody who bought last at `bought_at`, with its buttons."""
    language = reader.language
    fields = {"customer.name": reader.name, "recall.bought": shown.day(bought_at, language, zone)}
    source = Source(f"campaign:{plan.id}", version_of(*plan.texts.get(language, {}).values()))
    says = coupon_words(coupon, language, zone, is_last=wave == "last")
    says.append(Say("recall.why", {"recall.bought": fields["recall.bought"]}))
    listener = Listener(reader.channel_kind)
    own = plan.texts.get(language, {}).get(wave)
    if own is None:
        opening = Say(f"recall.{wave}", {"customer.name": reader.name}, buttons(voice, reader), (source,))
        return voice.speak([opening, *says], language, listener)
    rest = voice.speak(says, language, listener)
    said = fill(own, {**voice.fields[language], **fields})
    return Spoken(f"{said}\n{rest.text}", buttons(voice, reader), (source, *rest.sources))


def coupon_words(coupon: Coupon | None, language: str, zone: ZoneInfo, *, is_last: bool = False) -> list[Say]:
    """Return what is said of a coupon; of one that was told of before, where `is_last`, that it is still good."""
    if coupon is None:
        return []
    fields = {
        "coupon.code": coupon.code,
        "coupon.amount": shown.money(coupon.amount, language),
        "coupon.ends": shown.time_of(coupon.ends_at, language, zone),
    }
    of_all = "_of_all" if not coupon.least.amount_minor else ""
    if not of_all:
        fields["coupon.least"] = shown.money(coupon.least, language)
    source = Source(f"coupon:{coupon.code}", "unused")
    return [Say(f"recall.coupon{'_last' if is_last else ''}{of_all}", fields, sources=(source,))]


def buttons(voice: Voice, reader: Reader) -> tuple[Choice, ...]:
    """Return what can be tapped: what is new, a recommendation, a human, and the end of it."""

    def words(phrase: str) -> str:
        return voice.knowledge.phrases[phrase, reader.language].text

    human = words("cart.agent_button" if reader.agent else "cart.human_button").replace("{agent.name}", reader.agent)
    return (
        *(Choice(f"label:{intent}", words(f"intent.{intent}")) for intent in HELP),
        Choice(HUMAN, human),
        Choice(STOP, words("cart.stop_button")),
    )

"""The words of a greeting: the wish, the coupon if there is one, and always why they got it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bot.campaigns.follow_up import Reader
from bot.campaigns.offering import Coupon
from bot.campaigns.plans import BIRTHDAY, GREETING, Plan
from bot.campaigns.recall_words import buttons, coupon_words
from bot.knowledge.entries import version_of
from bot.knowledge.fields import fill
from bot.messages import Source
from bot.skills.turn import Say
from bot.voice import Listener, Spoken, Voice

FIELDS = frozenset({"customer.name"})
"""What a plan's own texts may say beside the shop's fields."""


def greeted(voice: Voice, plan: Plan, reader: Reader, coupon: Coupon | None, zone: ZoneInfo) -> Spoken:
    """Return what a greeting says, with its buttons. The words of a festival are always the plan's own."""
    language, listener = reader.language, Listener(reader.channel_kind)
    is_birthday, name = plan.kind == BIRTHDAY, {"customer.name": reader.name}
    own = plan.texts.get(language, {})
    source = Source(f"campaign:{plan.id}", version_of(*own.values()))
    says = [*coupon_words(coupon, language, zone), Say("greeting.why_birthday" if is_birthday else "greeting.why")]
    choices = buttons(voice, reader)
    if GREETING not in own:
        return voice.speak([Say("greeting.birthday", name, choices, (source,)), *says], language, listener)
    rest = voice.speak(says, language, listener)
    said = fill(own[GREETING], {**voice.fields[language], **name})
    return Spoken(f"{said}\n{rest.text}", choices, (source, *rest.sources))

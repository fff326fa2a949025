"""The words of a follow-up: help first, no pressure, no discount, and why they got it."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot.campaigns.left import CART, Left
from bot.knowledge.entries import Knowledge
from bot.messages import Choice, Source
from bot.settings import Policy
from bot.shop.port import Money
from bot.skills import shown
from bot.skills.turn import HUMAN, Say
from bot.voice import Listener, Spoken, Voice

HELP = ("size_advice", "shipping-fee", "returns-seven-days")
"""What usually keeps people from paying: intents and entries."""
HELP_WHERE_GONE = ("restock_notice", "product_search")
STOP = "label:unsubscribe"
LOW, MID, HIGH = "low", "mid", "high"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads it; `agent` is the name of the human who is there for them, empty if there is none."""

    channel_kind: str
    language: str
    name: str
    agent: str


def band_of(total: Money, policy: Policy, currency: str) -> str:
    """Return by value how a follow-up speaks: `low`, `mid` or `high`. An amount in another currency is `low`."""
    if total.currency != currency or total.amount_minor < policy.follow_up_mid_minor:
        return LOW
    return HIGH if total.amount_minor >= policy.follow_up_high_minor else MID


def worded(voice: Voice, left: Left, step: int, band: str, reader: Reader, zone: ZoneInfo) -> Spoken:
    """Return what a step says about what was left, with its buttons."""
    language = reader.language
    fields = {
        "cart.goods": shown.lines(left.lines, language),
        "cart.total": shown.money(left.total, language),
        "cart.gone": shown.lines(tuple(left.gone), language),
        "cart.link": left.pay_url,
        "order.number": left.id,
        "order.closes": shown.time_of(left.closes_at, language, zone) if left.closes_at else "",
        "customer.name": reader.name,
    }
    source = Source(f"{left.what}:{left.id}", left.version)
    says = [Say(_opening(left, step), fields, _buttons(voice.knowledge, left, reader), (source,))]
    if not left.gone:
        says.append(Say(f"cart.{band}"))
        says += [Say("cart.pay", fields)] if left.pay_url else []
    says.append(Say("cart.why" if left.what == CART else "cart.why_order"))
    return voice.speak(says, language, Listener(reader.channel_kind))


def _opening(left: Left, step: int) -> str:
    if left.gone:
        return "cart.sold_out"
    of_step = {1: "first", 2: "second", 3: "last"}[step]
    return f"cart.{of_step}" if left.what == CART else f"cart.order_{of_step}"


def _buttons(knowledge: Knowledge, left: Left, reader: Reader) -> tuple[Choice, ...]:
    language = reader.language
    labels = [(label, _label(knowledge, label, language)) for label in (HELP_WHERE_GONE if left.gone else HELP)]
    words = knowledge.phrases["cart.agent_button" if reader.agent else "cart.human_button", language].text
    return (
        *(Choice(f"label:{label}", text) for label, text in labels if text),
        Choice(HUMAN, words.replace("{agent.name}", reader.agent)),
        Choice(STOP, knowledge.phrases["cart.stop_button", language].text),
    )


def _label(knowledge: Knowledge, label: str, language: str) -> str:
    """Return how a button words an intent or an entry; empty where the operator has taken the entry away."""
    entry = knowledge.entries.get((label, language))
    if entry is not None:
        return entry.ask[0] if entry.ask else ""
    phrase = knowledge.phrases.get((f"intent.{label}", language))
    return phrase.text if phrase else ""

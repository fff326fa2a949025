"""May this be sent now? Asked once, at send time, in one place, for bot, human and campaign alike. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.messages import WINDOW, ChatKind, Purpose, Road

HUMAN_RESERVE = 1
"""Messages of a counted window that only a human, or the reply that calls one, may use."""


class Answer(StrEnum):
    SEND = "send"
    WAIT = "wait"
    DROP = "drop"
    TASK = "task"
    """No legal road is open: a human gets a task. Never for marketing that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says, and why: people read `reason`."""

    answer: Answer
    reason: str = ""
    until: datetime | None = None
    road: Road | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The shop's own limits on marketing."""

    zone: ZoneInfo
    quiet_from: time
    quiet_until: time
    marketing_per_day: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the gate needs to know, read in the transaction that sends.

    Attributes:
        epoch: under which the message was written, None for any; `current_epoch` is the conversation's.
        consent: the person's stored answer for this purpose, None if never asked.
        own_page: see `bot.messages.Limits`.
        roads: the ways that the platform leaves open, best first, each with how many messages are left of the right
            it needs (infinite where it needs none).
        guard_holds: whether the message's own condition still holds (the cart is still open).
        to_many: whether it is one of a campaign to many people, of whom nobody is to be called up one by one.
        touches_today: marketing messages to this person in the last 24 hours, over all channels.
    """

    purpose: Purpose
    chat_kind: ChatKind
    owner: str
    epoch: int | None
    current_epoch: int
    unreachable: bool
    consent: bool | None
    own_page: bool
    roads: Sequence[tuple[Road, float]]
    guard_holds: bool
    touches_today: int
    not_after: datetime | None
    to_many: bool = False


def judge(facts: Facts, rules: Rules, now: datetime) -> Verdict:
    """Return whether to send, wait, drop or make a task of a message."""
    if facts.not_after is not None and now > facts.not_after:
        return Verdict(Answer.DROP, "too_late")
    if not facts.guard_holds:
        return Verdict(Answer.DROP, "no_longer_true")
    if facts.epoch is not None and facts.epoch != facts.current_epoch and _would_interrupt(facts):
        return Verdict(Answer.DROP, "owner_changed")
    if facts.unreachable:
        return Verdict(Answer.DROP if facts.purpose is Purpose.MARKETING else Answer.TASK, "unreachable")
    if facts.purpose is Purpose.MARKETING and (verdict := _judge_marketing(facts, rules, now)) is not None:
        return verdict
    return _best_road(facts)


def _would_interrupt(facts: Facts) -> bool:
    """Return whether what was written under an older owner would now talk over someone.

    What an agent has said is sent whoever has the conversation since; what the bot said before it called a human
    itself is sent as long as none has come.
    """
    return facts.purpose is not Purpose.HUMAN and facts.owner != "queue"


def _judge_marketing(facts: Facts, rules: Rules, now: datetime) -> Verdict | None:
    if facts.owner in ("queue", "agent"):
        return Verdict(Answer.DROP, "a_human_is_talking")
    if facts.chat_kind is ChatKind.PRIVATE:  # who joined a group has asked for its announcements
        if facts.consent is False:
            return Verdict(Answer.DROP, "refused_by_customer")
        if facts.consent is None and not facts.own_page:
            return Verdict(Answer.DROP, "no_consent")
        if facts.touches_today >= rules.marketing_per_day:
            return Verdict(Answer.DROP, "enough_for_today")
    end = quiet_end(now, rules)
    return Verdict(Answer.WAIT, "quiet_hours", end) if end is not None else None


def _best_road(facts: Facts) -> Verdict:
    """Return the first road whose right is there; for the bot, with enough of a window kept back for a human."""
    human = facts.purpose is Purpose.HUMAN or _calls_human(facts)
    for road, left in facts.roads:
        reserve = HUMAN_RESERVE if road.needs == WINDOW and not human else 0
        if left - reserve >= road.cost:
            why = road.name if math.isinf(left) else f"{road.name}, {left - road.cost:.0f} left"
            return Verdict(Answer.SEND, why, road=road)
    why = "no_window" if facts.roads else "no_road"
    return Verdict(Answer.DROP if facts.to_many else Answer.TASK, why)


def _calls_human(facts: Facts) -> bool:
    """Return whether this is the reply of the very turn that put the conversation into the queue."""
    return facts.purpose is Purpose.REPLY and facts.owner == "queue" and facts.epoch == facts.current_epoch


def quiet_end(now: datetime, rules: Rules) -> datetime | None:
    """Return when the quiet hours in which `now` lies end, or None if it lies in none."""
    local = now.astimezone(rules.zone)
    start, end = rules.quiet_from, rules.quiet_until
    inside = start <= local.time() < end if start <= end else local.time() >= start or local.time() < end
    if not inside:
        return None
    today_end = datetime.combine(local.date(), end, rules.zone)
    return (today_end if today_end > local else today_end + timedelta(days=1)).astimezone(now.tzinfo)

"""May this be sent now? Asked once, at send time, in one place, for bot, human and campaign alike. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.messages import WINDOW, ChatKind, Purpose, Road

DAY, WEEK = timedelta(days=1), timedelta(days=7)
GROUP_A_DAY, GROUP_CAMPAIGNS_A_WEEK = 5, 3
"""What a group hears at most: messages in 24 hours, and campaigns in 7 days. Of more, people leave it."""
WELCOME = "campaign:welcome"
"""The author of what is said to newcomers of a group."""
WELCOMES_A_DAY = 2
"""Of what a group hears at most: the rest is for what its members came for."""
PAUSED_FOR = timedelta(minutes=1)
"""How long an announcement waits that was written just as its sale was paused."""
LOOK_AGAIN_AFTER = timedelta(minutes=10)
"""How long a follow-up waits where the shop's system tells nothing, before it is asked about again."""
HUMAN_RESERVE = 1
"""Messages of a counted window that only a human, or the reply that calls one, may use."""
HELD_OUT = "held_out"
"""The reason of what people of the held-out share do not get."""
NO_LONGER_TRUE = "no_longer_true"
"""The reason of what its own condition keeps back."""
_MOST_STEPS = 10
"""A country so wide that it is always quiet somewhere waits for one of its zones only."""


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
    """The shop's own limits on marketing.

    Attributes:
        zone: the shop's, for people whose own is not known.
        marketing_per_day, marketing_per_week: messages to one person in 24 hours and in 7 days, over all channels.
        holdout_pct: percent of people who get no follow-ups, so that it shows what these do.
    """

    zone: ZoneInfo
    quiet_from: time
    quiet_until: time
    marketing_per_day: int
    marketing_per_week: int
    holdout_pct: int


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
        paused: whether it does not hold only because its sale or campaign is paused.
        dispensable: whether nobody is to be called up for it where no road is open: one of a campaign to many people,
            news of a parcel, the question how it was.
        awaited: whether the conversation came to its agent out of the queue, and the agent has not answered yet.
        touched_at: when this person got marketing in the last 7 days, over all channels, in any order.
        human_elsewhere: whether a human has another of the person's chats, or one is called to it.
        complaint_open: whether a complaint of the person is not solved: they get help, and no offers.
        zones: all time zones that the person may live in; empty where nothing is known.
        follow_up: whether it is to this one person, about something they left open or that they stay away. It waits
            where a cap says no, and the people who are held out do not get it.
        drawn_by: the id by which it is drawn who is held out: of a person with several, the oldest.
        stale: whether the shop's system does not answer, so that nobody knows what was paid meanwhile.
        campaign: which one speaks here.
        group_heard: when a group heard marketing in the last 7 days, and of which campaign; empty for what only changes
            a message that is there.
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
    touched_at: Sequence[datetime]
    not_after: datetime | None
    paused: bool = False
    dispensable: bool = False
    awaited: bool = False
    human_elsewhere: bool = False
    complaint_open: bool = False
    zones: Sequence[ZoneInfo] = ()
    follow_up: bool = False
    drawn_by: str = ""
    stale: bool = False
    campaign: str = ""
    group_heard: Sequence[tuple[datetime, str]] = ()


def judge(facts: Facts, rules: Rules, now: datetime) -> Verdict:
    """Return whether to send, wait, drop or make a task of a message."""
    if facts.not_after is not None and now > facts.not_after:
        return Verdict(Answer.DROP, "too_late")
    if facts.paused:
        return Verdict(Answer.WAIT, "sale_paused", now + PAUSED_FOR)
    if not facts.guard_holds:
        return Verdict(Answer.DROP, NO_LONGER_TRUE)
    if facts.epoch is not None and facts.epoch != facts.current_epoch and _would_interrupt(facts):
        return Verdict(Answer.DROP, "owner_changed")
    if facts.unreachable:
        unmissed = facts.dispensable or facts.purpose is Purpose.MARKETING
        return Verdict(Answer.DROP if unmissed else Answer.TASK, "unreachable")
    if facts.purpose is Purpose.MARKETING and (verdict := _judge_marketing(facts, rules, now)) is not None:
        return verdict
    verdict = _best_road(facts)
    # Last, so that who is held out is like who is not: both might have got it now.
    if facts.follow_up and verdict.answer is not Answer.DROP and held_out(facts.drawn_by, rules.holdout_pct):
        return Verdict(Answer.DROP, HELD_OUT)
    return verdict


def _would_interrupt(facts: Facts) -> bool:
    """Return whether what was written under an older owner would now talk over someone.

    What an agent has said is sent whoever has the conversation since; what the bot said before it called a human
    itself is sent as long as none has come, and that a human was called until one has spoken.
    """
    return facts.purpose is not Purpose.HUMAN and facts.owner != "queue" and not _calls_human(facts)


def _judge_marketing(facts: Facts, rules: Rules, now: datetime) -> Verdict | None:
    if facts.owner in ("queue", "agent") or facts.human_elsewhere:
        return Verdict(Answer.DROP, "a_human_is_talking")
    if facts.complaint_open:
        return Verdict(Answer.DROP, "complaint_open")
    if facts.chat_kind is ChatKind.PRIVATE:  # who joined a group has asked for its announcements
        if facts.consent is False:
            return Verdict(Answer.DROP, "refused_by_customer")
        if facts.consent is None and not facts.own_page:
            return Verdict(Answer.DROP, "no_consent")
        if (verdict := _judge_caps(facts, rules, now)) is not None:
            return verdict
    elif (verdict := _judge_group(facts, now)) is not None:
        return verdict
    if (end := quiet_end(now, rules, facts.zones)) is not None:
        return Verdict(Answer.WAIT, "quiet_hours", end)
    if facts.follow_up and facts.stale:
        return Verdict(Answer.WAIT, "shop_unreachable", now + LOOK_AGAIN_AFTER)
    return None


def _judge_caps(facts: Facts, rules: Rules, now: datetime) -> Verdict | None:
    caps = (
        ("enough_for_today", rules.marketing_per_day, DAY),
        ("enough_for_this_week", rules.marketing_per_week, WEEK),
    )
    for reason, most, span in caps:
        lately = sorted(at for at in facts.touched_at if at > now - span)
        if len(lately) < most:
            continue
        free_at = lately[-most] + span if most else None
        if facts.follow_up and free_at is not None and facts.not_after is not None and free_at <= facts.not_after:
            return Verdict(Answer.WAIT, reason, free_at)
        return Verdict(Answer.DROP, reason)
    return None


def _judge_group(facts: Facts, now: datetime) -> Verdict | None:
    if sum(at > now - DAY for at, _ in facts.group_heard) >= GROUP_A_DAY:
        return Verdict(Answer.DROP, "group_has_heard_enough_today")
    if facts.campaign == WELCOME:
        welcomes = sum(at > now - DAY for at, campaign in facts.group_heard if campaign == WELCOME)
        return Verdict(Answer.DROP, "group_has_welcomed_enough_today") if welcomes >= WELCOMES_A_DAY else None
    others = {campaign for at, campaign in facts.group_heard if at > now - WEEK} - {facts.campaign, WELCOME}
    if len(others) >= GROUP_CAMPAIGNS_A_WEEK:
        return Verdict(Answer.DROP, "group_has_heard_enough_this_week")
    return None


def held_out(person_id: str, share_pct: int) -> bool:
    """Return whether a person belongs to the share that gets no follow-ups.

    It depends on nothing but the id, so that it is drawn once and for ever; a larger share only adds people.
    """
    drawn = int.from_bytes(hashlib.sha256(f"holdout:{person_id}".encode()).digest()[:8])
    return drawn % 10_000 < share_pct * 100


def _best_road(facts: Facts) -> Verdict:
    """Return the first road whose right is there; for the bot, with enough of a window kept back for a human."""
    human = facts.purpose is Purpose.HUMAN or _calls_human(facts)
    for road, left in facts.roads:
        reserve = HUMAN_RESERVE if road.needs == WINDOW and not human else 0
        if left - reserve >= road.cost:
            why = road.name if math.isinf(left) else f"{road.name}, {left - road.cost:.0f} left"
            return Verdict(Answer.SEND, why, road=road)
    why = "no_window" if facts.roads else "no_road"
    return Verdict(Answer.DROP if facts.dispensable else Answer.TASK, why)


def _calls_human(facts: Facts) -> bool:
    """Return whether this is the reply of the very turn that put the conversation into the queue."""
    called_under = {"queue": facts.current_epoch, "agent": facts.current_epoch - 1 if facts.awaited else None}
    return facts.purpose is Purpose.REPLY and facts.epoch is not None and called_under.get(facts.owner) == facts.epoch


def quiet_end(now: datetime, rules: Rules, zones: Sequence[ZoneInfo] = ()) -> datetime | None:
    """Return when the quiet hours in which `now` lies end, or None if it lies in none.

    Args:
        zones: where the person may live: while it is quiet in one of them, it is quiet. Empty: the shop's.
    """
    at = now
    for _ in range(_MOST_STEPS):
        ends = [end for zone in zones or (rules.zone,) if (end := _quiet_end_in(zone, at, rules)) is not None]
        if not ends:
            break
        at = max(ends).astimezone(now.tzinfo)
    return at if at > now else None


def _quiet_end_in(zone: ZoneInfo, at: datetime, rules: Rules) -> datetime | None:
    local = at.astimezone(zone)
    start, end = rules.quiet_from, rules.quiet_until
    inside = start <= local.time() < end if start <= end else local.time() >= start or local.time() < end
    if not inside:
        return None
    # Where clocks are turned the same time of day comes twice, or never: the later moment counts.
    today, tomorrow = (
        max(datetime.combine(day, end, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        for day in (local.date(), local.date() + timedelta(days=1))
    )
    return today if today > at else tomorrow

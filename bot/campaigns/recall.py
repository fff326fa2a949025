"""Calls back who has not bought for a while: a round a day finds them, three waves write to each.

On day 0 what is new, on day 3 and day 7 the coupon if the plan has one. It ends for a person as soon as they buy or
say no. Who has a complaint open is made good first: that is a task for a human, and no message. Everything else is
asked by the gate at the moment of sending.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, exists, or_, select, update

from bot.campaigns.chats import Chat, chats_of, complaining
from bot.campaigns.cycle import cycle_of, moved_to
from bot.campaigns.follow_up import Reader
from bot.campaigns.offering import Coupon, offered
from bot.campaigns.own_agent import own_agent
from bot.campaigns.plans import OFFERED_FROM, WAVES, Plan
from bot.campaigns.recall_words import worded
from bot.campaigns.rounds import ROUND_EVERY, campaign_row, have_it_approved, heard_so_far, plan_in, set_look
from bot.campaigns.segments import Span, accounts, last_bought, members
from bot.delivery.gate import LOOK_AGAIN_AFTER
from bot.delivery.outbox import Draft
from bot.delivery.sleep import bought_since
from bot.delivery.standing import is_stale, locked
from bot.delivery.timers import set_timer
from bot.delivery.touches import NOT_OUT, Touch, episode, key_of, plan
from bot.messages import Notice, Purpose
from bot.settings import Settings
from bot.shop.todo import leave
from bot.skills import shown
from bot.store.tables import campaigns, persons, touches
from bot.voice import Voice

WAVE = "recall_wave"
"""Kind of the timer that writes to one person."""
AFTER = (timedelta(0), timedelta(days=3), timedelta(days=7))
"""When the waves come, counted from the first."""
AT_ONCE = 200
"""People whom one transaction of a round looks at."""
MAY_WAIT = timedelta(days=2)
"""How long a wave may be put off by night and caps."""
FAILED_FOR = timedelta(days=7)
"""After how long a wave that failed is tried again."""
PAUSED_FOR = timedelta(hours=1)
"""How long a wave waits where the campaign is paused, before it looks again."""


@dataclass(frozen=True, slots=True)
class Recalls:
    """Handles the timers of recalls."""

    voice: Callable[[], Voice]
    settings: Settings

    def look(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        """Set a timer for each of the next people who are to be called back; the round goes on behind them.

        Who has no road open is left for the day on which they have. Of a campaign that grows and that only one person
        has looked at, no more people hear than one may write to alone: the others wait until somebody approves it.
        """
        row = campaign_row(connection, payload["campaign"])
        if row.status != "running":
            return  # who lets it go on has it look anew
        if is_stale(connection, now):
            set_look(connection, row.kind, payload, now + LOOK_AGAIN_AFTER)
            return
        found, after = plan_in(row, self.settings), payload.get("after", "")
        # Every order of two years is read for the cycle: once a round, for all its people.
        days = Span(*payload["days"]) if "days" in payload else days_of(connection, found, now)
        people = connection.execute(_asleep(found, days, after, now)).all()
        chats = chats_of(connection, [one.id for one in people], found.segment.channels, now)
        reached = [one for one in people if one.id in chats and all(chats[one.id].rank)]
        heard = payload["heard"] if "heard" in payload else heard_so_far(connection, row)
        meant_now = reached if row.approved_by else reached[: max(0, self.settings.policy.sale_heard_alone - heard)]
        for one in meant_now:
            _set_wave(connection, row.id, one.id, one.bought_at, 1, now)
        if len(meant_now) < len(reached):
            have_it_approved(connection, row.id, heard + len(meant_now), now)
        elif len(people) == AT_ONCE:
            goes_on = {"campaign": row.id, "after": people[-1].id, "days": [days.least, days.most]}
            set_look(connection, row.kind, {**goes_on, "heard": heard + len(meant_now)}, now)
            return
        connection.execute(update(campaigns).where(campaigns.c.id == row.id).values(round_at=now))
        set_look(connection, row.kind, {"campaign": row.id}, now + ROUND_EVERY)

    def write(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        """Plan a wave for one person, and set the timer of the next."""
        row = campaign_row(connection, payload["campaign"])
        if row.status not in ("running", "paused"):
            return
        person_id, step, bought_at = payload["person"], payload["step"], datetime.fromisoformat(payload["bought_at"])
        if row.status == "paused" or is_stale(connection, now):
            later = now + (PAUSED_FOR if row.status == "paused" else LOOK_AGAIN_AFTER)
            _set_wave(connection, row.id, person_id, bought_at, step, later)
            return
        people = locked(connection, person_id)
        customer_id = next((one.customer_id for one in people if one.customer_id), None)
        if customer_id is None or bought_since(connection, customer_id, bought_at):
            return  # bought, or erased
        found = plan_in(row, self.settings)
        chat = chats_of(connection, [person_id], found.segment.channels, now).get(person_id)
        if chat is None or not chat.may_hear:
            return
        if complaining(connection, [person_id]):
            _have_it_made_good(connection, row.id, person_id, bought_at, chat, now)
            return
        so_far = episode(connection, f"{found.name}:{person_id}:{bought_at:%Y%m%d}", person_id)
        if so_far.reached(step) or (step > 1 and not so_far.reached(step - 1)):
            return
        offer = found.offer if step >= OFFERED_FROM else None
        coupon, gift = offered(connection, offer, customer_id, self.settings.shop.zone, now)
        sleeper = Sleeper(customer_id, person_id, bought_at, chat)
        draft = self._draft(connection, found, sleeper, step, coupon, key_of(so_far, step, now), now)
        touch = Touch(found.name, step, customer_id, "", 0, self.settings.shop.currency, gift)
        if plan(connection, so_far, touch, draft, now) and step < len(WAVES):
            first_at = now if step == 1 else next(one.planned_at for one in so_far.rows if one.step == 1)
            _set_wave(connection, row.id, person_id, bought_at, step + 1, max(now, first_at + AFTER[step]))

    def _draft(
        self,
        connection: Connection,
        found: Plan,
        sleeper: Sleeper,
        step: int,
        coupon: Coupon | None,
        key: str,
        now: datetime,
    ) -> Draft:
        chat, language = sleeper.chat, sleeper.chat.language or self.settings.shop.language
        agent = own_agent(connection, chat.id, sleeper.person_id)
        reader = Reader(chat.kind, language, chat.name, agent)
        wave, zone = WAVES[step - 1], self.settings.shop.zone
        spoken = worded(self.voice(), found, wave, reader, sleeper.bought_at, coupon, zone)
        since = sleeper.bought_at.isoformat()
        told = {"coupon": coupon.code, "amount": shown.money(coupon.amount, language)} if coupon else {}
        return Draft(
            key=key,
            conversation_id=chat.id,
            purpose=Purpose.MARKETING,
            text=spoken.text,
            author=f"campaign:{found.name}",
            choices=spoken.choices,
            sources=spoken.sources,
            guard={"asleep": sleeper.customer_id, "since": since, "campaign": found.id},
            not_after=now + MAY_WAIT,
            notice=Notice("recall", {"customer": chat.name, **told}),
        )


@dataclass(frozen=True, slots=True)
class Sleeper:
    """Somebody who has not bought since `bought_at`."""

    customer_id: str
    person_id: str
    bought_at: datetime
    chat: Chat


def meant(connection: Connection, found: Plan, now: datetime) -> Any:
    """Return the query for everybody whom a plan is for now: customers, by its days or by the shop's own cycle."""
    return _customers(found, days_of(connection, found, now), now)


def days_of(connection: Connection, found: Plan, now: datetime) -> Span:
    """Return for how many days since they bought last a plan is: its own, or moved to the shop's cycle."""
    segment = found.segment
    if found.by_cycle:
        segment = moved_to(segment, cycle_of(connection, segment.products, now))
    return segment.bought_days


def _customers(found: Plan, days: Span, now: datetime) -> Any:
    return members(replace(found.segment, bought_days=days), now).where(persons.c.customer_id.is_not(None))


def _asleep(found: Plan, days: Span, after: str, now: datetime) -> Any:
    """Return the query for the next of them who were not called back since they bought last.

    A wave that failed counts for some days: what a platform refuses it refuses the next day, too.
    """
    mine = touches.c.campaign == found.name, touches.c.planned_at > last_bought(), touches.c.person_id.in_(accounts())
    lately = and_(touches.c.status == "failed", touches.c.planned_at > now - FAILED_FOR)
    went_out = or_(touches.c.status.not_in(NOT_OUT), lately)
    called = exists(select(touches.c.id).where(*mine, went_out).correlate(persons))
    return _customers(found, days, now).where(persons.c.id > after, ~called).limit(AT_ONCE)


def _set_wave(
    connection: Connection, campaign_id: str, person_id: str, bought_at: datetime, step: int, at: datetime
) -> None:
    payload = {"campaign": campaign_id, "person": person_id, "bought_at": bought_at.isoformat(), "step": step}
    set_timer(connection, f"recall:{campaign_id}:{person_id}:{step}", WAVE, payload, at)


def _have_it_made_good(
    connection: Connection, campaign_id: str, person_id: str, bought_at: datetime, chat: Chat, now: datetime
) -> None:
    text = (
        f"This customer has not bought for a while and would be written to by campaign {campaign_id}, but has a "
        "complaint open. Make that good first, in a word of your own; no message is sent meanwhile."
    )
    leave(connection, f"repair:{campaign_id}:{person_id}:{bought_at:%Y%m%d}", "repair", chat.id, text, now)

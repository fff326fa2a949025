"""Greets customers on their birthday, or all of a segment on a festival: once a year, on the day, where they live.

A round a day finds whose day is near and sets a timer for each, at their own morning. Who has a complaint open is made
good first: that is a task for a human, and no wish. Everything else is asked by the gate at the moment of sending.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, exists, false, select, update

from bot.campaigns.chats import Chat, chats_of, complaining
from bot.campaigns.days import A_DAY, Day, day_in, hours_of, near, written
from bot.campaigns.follow_up import Reader
from bot.campaigns.greeting_words import greeted
from bot.campaigns.offering import Coupon, offered
from bot.campaigns.own_agent import own_agent
from bot.campaigns.plans import BIRTHDAY, Plan
from bot.campaigns.rounds import (
    ROUND_EVERY,
    campaign_row,
    have_it_approved,
    heard_so_far,
    is_of_them,
    plan_in,
    set_look,
)
from bot.campaigns.segments import members
from bot.delivery.outbox import Draft
from bot.delivery.standing import lives_in, locked
from bot.delivery.timers import set_timer
from bot.delivery.touches import NOT_OUT, Touch, episode, key_of, plan
from bot.messages import Notice, Purpose
from bot.settings import Settings
from bot.shop.todo import leave
from bot.skills import shown
from bot.store.database import AnyRow
from bot.store.tables import campaigns, customers, persons, touches
from bot.voice import Voice

GREET, NOTICE = "greeting", "greeting"
"""Kind of the timer that writes to one person, and what a platform that wants notices calls it."""
AT_ONCE = 200
"""People whom one transaction of a round looks at."""
AHEAD = ROUND_EVERY + timedelta(hours=2)
"""A round sets timers until a little after the next one: no morning lies between two."""
ONCE_IN = timedelta(days=300)
"""Who was greeted is not greeted again before: who changes their birthday has none twice a year. Between two days of
the same festival by the moon lie 354 days at least."""


@dataclass(frozen=True, slots=True)
class Greetings:
    """Handles the timers of greetings."""

    voice: Callable[[], Voice]
    settings: Settings

    def look(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        """Set a timer for each of the next people whose day is near; the round goes on behind them."""
        row = campaign_row(connection, payload["campaign"])
        if row.status != "running":
            return  # who lets it go on has it look anew
        found, after, today = plan_in(row, self.settings), payload.get("after", ""), self._today(now)
        people = connection.execute(_next(found, today, after, now)).all()
        for one in people:
            self._set(connection, found, one.id, one.customer_id, one.birthday, now)
        if len(people) == AT_ONCE:
            set_look(connection, row.kind, {"campaign": row.id, "after": people[-1].id}, now)
            return
        connection.execute(update(campaigns).where(campaigns.c.id == row.id).values(round_at=now))
        set_look(connection, row.kind, {"campaign": row.id}, now + ROUND_EVERY)

    def write(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        """Plan the greeting of one person."""
        row, on = campaign_row(connection, payload["campaign"]), date.fromisoformat(payload["day"])
        people = locked(connection, payload["person"])
        customer_id = next((one.customer_id for one in people if one.customer_id), None)
        if row.status != "running" or customer_id is None:
            return
        found = plan_in(row, self.settings)
        day = _day(found, _birthday(connection, customer_id))
        if day is None or near(day, on) != on:
            return  # it was changed meanwhile
        _, until = hours_of(on, self._zones(connection, customer_id))
        ids = [one.id for one in people]
        if now >= until or _was_greeted(connection, found, ids, now):
            return
        chat = chats_of(connection, [payload["person"]], found.segment.channels, now, NOTICE).get(payload["person"])
        if chat is None or not all(chat.rank):
            return
        if complaining(connection, ids):
            _have_it_made_good(connection, found, customer_id, on, chat, now)
            return
        if self._is_one_too_many(connection, row, ids, now):
            return
        # A year of the sun may have two days of the moon; who changes their birthday has one a year.
        when = on.year if found.kind == BIRTHDAY else on
        so_far = episode(connection, f"{found.name}:{customer_id}:{when}", payload["person"])
        coupon, gift = offered(connection, found.offer, customer_id, self.settings.shop.zone, now)
        draft = self._draft(connection, found, Guest(customer_id, so_far.person_id, chat), coupon, until)
        touch = Touch(found.name, 1, customer_id, "", 0, self.settings.shop.currency, gift)
        plan(connection, so_far, touch, draft(key_of(so_far, 1, now)), now)

    def _is_one_too_many(self, connection: Connection, row: AnyRow, people: Collection[str], now: datetime) -> bool:
        """Return whether somebody has to approve the campaign before this person hears of it, who never did."""
        if row.approved_by or (heard := heard_so_far(connection, row)) < self.settings.policy.sale_heard_alone:
            return False
        if is_of_them(connection, row, people):
            return False
        have_it_approved(connection, row.id, heard, now)
        return True

    def _set(
        self, connection: Connection, found: Plan, person_id: str, customer_id: str, birthday: str, now: datetime
    ) -> None:
        zones, day = self._zones(connection, customer_id), _day(found, birthday)
        on = near(day, now.astimezone(zones[0]).date()) if day else None
        if on is None:
            return
        begins, ends = hours_of(on, zones)
        if begins <= now + AHEAD and ends > now:
            payload = {"campaign": found.id, "person": person_id, "day": on.isoformat()}
            set_timer(connection, f"{found.name}:{person_id}", GREET, payload, max(begins, now))

    def _draft(
        self, connection: Connection, found: Plan, guest: Guest, coupon: Coupon | None, until: datetime
    ) -> Callable[[str], Draft]:
        chat, language = guest.chat, guest.chat.language or self.settings.shop.language
        reader = Reader(chat.kind, language, chat.name, own_agent(connection, chat.id, guest.person_id))
        spoken = greeted(self.voice(), found, reader, coupon, self.settings.shop.zone)
        told = {"coupon": coupon.code, "amount": shown.money(coupon.amount, language)} if coupon else {}
        return lambda key: Draft(
            key=key,
            conversation_id=chat.id,
            purpose=Purpose.MARKETING,
            text=spoken.text,
            author=f"campaign:{found.name}",
            choices=spoken.choices,
            sources=spoken.sources,
            guard={"greeting": guest.customer_id, "campaign": found.id},
            not_after=until,
            notice=Notice(NOTICE, {"customer": chat.name, **told}),
        )

    def _zones(self, connection: Connection, customer_id: str) -> Sequence[ZoneInfo]:
        return lives_in(connection, customer_id) or (self.settings.shop.zone,)

    def _today(self, now: datetime) -> date:
        return now.astimezone(self.settings.shop.zone).date()


@dataclass(frozen=True, slots=True)
class Guest:
    """Who is greeted, and where."""

    customer_id: str
    person_id: str
    chat: Chat


def meant(found: Plan, now: datetime) -> Select[Any]:
    """Return the query for everybody whom a plan is for, some day: customers, of a birthday those who have told it."""
    who = members(found.segment, now).where(persons.c.customer_id.is_not(None))
    return who.where(customers.c.birthday != "") if found.kind == BIRTHDAY else who


def _next(found: Plan, today: date, after: str, now: datetime) -> Select[Any]:
    """Return the query for the next of them whose day may be near, wherever they live, who were not greeted for it."""
    # A day further than `near` looks: somewhere it is another day than in the shop.
    days = [today + n * A_DAY for n in range(-2, 4)]
    who = meant(found, now).add_columns(customers.c.birthday).where(persons.c.id > after).limit(AT_ONCE)
    if found.kind == BIRTHDAY:
        return who.where(customers.c.birthday.in_(written(days)))
    if found.day is None or not any(near(found.day, day) == day for day in days):
        return who.where(false())
    mine = touches.c.campaign == found.name, touches.c.subject == persons.c.customer_id
    lately = touches.c.planned_at > now - ONCE_IN, touches.c.status.not_in(NOT_OUT)
    return who.where(~exists(select(touches.c.id).where(*mine, *lately).correlate(persons)))


def _day(found: Plan, birthday: str) -> Day | None:
    if found.kind != BIRTHDAY:
        return found.day
    return day_in(birthday) if birthday else None


def _birthday(connection: Connection, customer_id: str) -> str:
    told = select(customers.c.birthday).where(customers.c.id == customer_id, customers.c.erased_at.is_(None))
    return connection.execute(told).scalar() or ""


def _was_greeted(connection: Connection, found: Plan, people: Collection[str], now: datetime) -> bool:
    """Return whether they were greeted for this within a year: for a birthday, by whichever plan."""
    same = touches.c.campaign == found.name
    if found.kind == BIRTHDAY:
        same = touches.c.campaign.startswith(f"{BIRTHDAY}:")
    lately = touches.c.planned_at > now - ONCE_IN, touches.c.status.not_in(NOT_OUT)
    mine = select(touches.c.id).where(touches.c.person_id.in_(people), same, *lately)
    return connection.execute(mine.limit(1)).first() is not None


def _have_it_made_good(
    connection: Connection, found: Plan, customer_id: str, on: date, chat: Chat, now: datetime
) -> None:
    text = (
        f"Today campaign {found.id} would greet this customer, but they have a complaint open. Make that good first, "
        "in a word of your own; no greeting and no coupon is sent."
    )
    leave(connection, f"repair:{found.id}:{customer_id}:{on:%Y%m%d}", "repair", chat.id, text, now)

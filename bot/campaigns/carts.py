"""Follow-ups of unpaid orders and of carts: planned step by step by timers, never after the payment.

First touch 60 minutes after a cart was left and 30 after an order was made, the second 22 hours later, the last call an
hour before an order closes. What is planned goes into the outbox; the gate decides when the time has come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from bot.campaigns.follow_up import Reader, band_of, worded
from bot.campaigns.left import CART, Left, open_cart, unpaid_order
from bot.campaigns.own_agent import own_agent
from bot.delivery.gate import LOOK_AGAIN_AFTER
from bot.delivery.outbox import Draft
from bot.delivery.standing import consent, is_stale
from bot.delivery.timers import set_timer
from bot.delivery.touches import Episode, Touch, episode_of, key_of, plan
from bot.messages import Notice, Purpose
from bot.settings import Settings
from bot.shop.port import Shop
from bot.skills import shown
from bot.store.database import AnyRow
from bot.store.tables import conversations, identities, persons
from bot.voice import Voice

FIRST, SECOND, LAST = 1, 2, 3
SECOND_AFTER = timedelta(hours=22)
LAST_BEFORE = timedelta(hours=1)
APART = timedelta(hours=12)
"""A second touch that would come less than this before the last call is left out."""
FIRST_MAY_WAIT, SECOND_MAY_WAIT = timedelta(hours=14), timedelta(hours=26)
"""How long a touch may be put off: over a night, or until a day has passed since the touch before."""
MOST, MOST_OF_KIND = 3, {"wechat": 2, "wecom": 2, "miniprogram": 2}
"""Touches of an episode, by kind of channel."""


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Handles the timers `cart_followup` and `order_followup`: plans the step whose time has come."""

    shop_of: Callable[[Connection], Shop]
    voice: Callable[[], Voice]
    settings: Settings

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        step = payload.get("step", FIRST)
        left = self._left(connection, payload, now)
        if left is None:
            return  # paid, emptied, closed, or a newer cart has taken its place
        if is_stale(connection, now):
            _set(connection, left, step, now + LOOK_AGAIN_AFTER)
            return
        chat = _chat(connection, left.customer_id)
        if chat is None:
            return  # nobody who could have said yes
        agent = own_agent(connection, chat.id, chat.person_id)
        episode = episode_of(connection, chat.person_id, now)
        if episode.paid:
            return  # whoever has bought today leaves other things on purpose
        if not episode.has(step) and episode.taken < MOST_OF_KIND.get(_kind(chat), MOST):
            reader = Reader(_kind(chat), chat.language or self.settings.shop.language, chat.name, agent)
            draft = self._draft(left, step, key_of(episode, step, now), chat.id, reader, now)
            plan(connection, episode, _touch(left, step, self._band(left)), draft, now)
        if step == FIRST:
            self._set_next(connection, left, episode, now)

    def _left(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> Left | None:
        shop = self.shop_of(connection)
        if "cart_id" in payload:
            return open_cart(connection, shop, payload["cart_id"])
        open_for = timedelta(hours=self.settings.policy.order_close_h)
        return unpaid_order(connection, shop, payload["order_number"], open_for, now)

    def _band(self, left: Left) -> str:
        return band_of(left.total, self.settings.policy, self.settings.shop.currency)

    def _draft(self, left: Left, step: int, key: str, conversation_id: str, reader: Reader, now: datetime) -> Draft:
        spoken = worded(self.voice(), left, step, self._band(left), reader, self.settings.shop.zone)
        goods, total = shown.lines(left.lines, reader.language), shown.money(left.total, reader.language)
        return Draft(
            key=key,
            conversation_id=conversation_id,
            purpose=Purpose.MARKETING,
            text=spoken.text,
            author=f"campaign:{left.what}",
            choices=spoken.choices,
            sources=spoken.sources,
            guard=left.guard,
            not_after=_until(left, step, now),
            notice=Notice(left.what, {"product": goods, "total": total}),
        )

    def _set_next(self, connection: Connection, left: Left, episode: Episode, now: datetime) -> None:
        first_at = next((row.planned_at for row in episode.rows if row.step == FIRST), now)
        second_at = max(now, first_at + SECOND_AFTER)
        last_at = left.closes_at - LAST_BEFORE if left.closes_at else None
        if last_at is None or second_at <= last_at - APART:
            _set(connection, left, SECOND, second_at)
        if last_at is not None and last_at > now:
            _set(connection, left, LAST, last_at)


def _touch(left: Left, step: int, band: str) -> Touch:
    return Touch(left.what, step, left.id, band, left.total.amount_minor, left.total.currency)


def _until(left: Left, step: int, now: datetime) -> datetime:
    until = now + (FIRST_MAY_WAIT if step == FIRST else SECOND_MAY_WAIT)
    return min(until, left.closes_at) if left.closes_at else until


def _set(connection: Connection, left: Left, step: int, at: datetime) -> None:
    which = {"cart_id": left.id} if left.what == CART else {"order_number": left.id}
    set_timer(connection, f"{left.what}:{left.id}:{step}", f"{left.what}_followup", {**which, "step": step}, at)


def _kind(chat: AnyRow) -> str:
    return str(chat.channel.partition(":")[0])


def _chat(connection: Connection, customer_id: str) -> AnyRow | None:
    """Return the chat in which the customer was seen last; one in which they said yes comes before the others."""
    chats = connection.execute(
        select(
            conversations.c.id,
            conversations.c.channel,
            conversations.c.last_agent_id,
            persons.c.id.label("person_id"),
            persons.c.language,
            persons.c.name,
        )
        .join(identities, conversations.c.identity_id == identities.c.id)
        .join(persons, identities.c.person_id == persons.c.id)
        .where(persons.c.customer_id == customer_id, conversations.c.unreachable.is_(False))
        .order_by(conversations.c.updated_at.desc(), conversations.c.id)
    ).all()
    agreed = (chat for chat in chats if consent(connection, chat.person_id, chat.channel))
    return next(agreed, chats[0] if chats else None)

"""A customer was promised that the bot looks again: when the shop's system answers again, they are told so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from bot.delivery.outbox import Draft, put
from bot.delivery.timers import set_timer
from bot.messages import Choice, Purpose
from bot.shop.port import Shop
from bot.shop.todo import leave
from bot.skills.turn import Say
from bot.store.tables import conversations, identities, persons
from bot.voice import Listener, Voice

LOOK_AGAIN = "look_again"
"""Kind of the timer."""
LOOK_EVERY = timedelta(minutes=2)
GIVE_UP_AFTER = timedelta(hours=24)


def promise(connection: Connection, conversation_id: str, order_number: str, now: datetime) -> None:
    """Remember to look again; the same order is promised once at a time."""
    payload = {"conversation_id": conversation_id, "order_number": order_number, "since": now.isoformat()}
    set_timer(connection, f"{LOOK_AGAIN}:{conversation_id}:{order_number}", LOOK_AGAIN, payload, now + LOOK_EVERY)


@dataclass(frozen=True, slots=True)
class LookingAgain:
    """Handles the timer `look_again`. It says nothing of the order itself: who asks again proves it as always."""

    shop_of: Callable[[Connection], Shop]
    voice: Callable[[], Voice]
    default_language: str

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        talk_id, number, since = payload["conversation_id"], payload["order_number"], payload["since"]
        key = f"{LOOK_AGAIN}:{talk_id}:{number}"
        if self.shop_of(connection).freshness().down_since is not None:
            if now - datetime.fromisoformat(since) < GIVE_UP_AFTER:
                set_timer(connection, key, LOOK_AGAIN, payload, now + LOOK_EVERY)
                return
            text = f"Order {number}: the customer was promised an answer, and the shop's system is still down."
            leave(connection, f"{key}:{since}", "errand", talk_id, text, now)
            return
        row = connection.execute(
            select(conversations.c.channel, persons.c.language)
            .outerjoin(identities, conversations.c.identity_id == identities.c.id)
            .outerjoin(persons, identities.c.person_id == persons.c.id)
            .where(conversations.c.id == talk_id)
        ).one()
        language = row.language or self.default_language
        voice = self.voice()
        again = Choice("label:order_status", voice.knowledge.phrases["intent.order_status", language].text)
        say = Say("shop.answers_again", {"order.number": number}, (again,))
        spoken = voice.speak([say], language, Listener(row.channel.partition(":")[0]))
        draft = Draft(
            key=f"{key}:{since}",
            conversation_id=talk_id,
            purpose=Purpose.TRANSACTIONAL,
            text=spoken.text,
            choices=spoken.choices,
            sources=spoken.sources,
        )
        put(connection, draft, now)

"""Welcomes who comes into a group: each person once, several together in one message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from bot.delivery.gate import WELCOME
from bot.delivery.outbox import Draft, put
from bot.delivery.timers import set_timer_once
from bot.messages import Event, Inbound, Purpose
from bot.skills.in_group import welcome
from bot.store.insert import insert_once
from bot.store.tables import conversations, members
from bot.voice import Voice

TIMER = "welcome"
TOGETHER = timedelta(minutes=1)
"""Who comes within this time after the first is welcomed with them."""
LATEST = timedelta(hours=2)
"""A welcome that was put off for longer is left out: they have found their way."""


def note(connection: Connection, message: Inbound, conversation_id: str, now: datetime) -> None:
    """Write down who came into the group of a message, or left it."""
    users = message.payload.split(",")
    of_group = members.c.conversation_id == conversation_id, members.c.user.in_(users)
    if message.event is Event.DEPARTED:
        connection.execute(update(members).where(*of_group).values(left_at=now))
        return
    # First the timer: who fires one has its row and wants the members'.
    key, payload = f"welcome:{conversation_id}", {"conversation_id": conversation_id}
    set_timer_once(connection, key, TIMER, payload, now + TOGETHER)
    for user in users:
        insert_once(connection, members, {"conversation_id": conversation_id, "user": user, "came_at": now})
    connection.execute(update(members).where(*of_group).values(left_at=None))


@dataclass(frozen=True, slots=True)
class Welcome:
    """Handles the timer: says one welcome to all who wait for it. The gate keeps it within what the group may hear."""

    voice: Callable[[], Voice]
    default_language: str

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        talk_id = payload["conversation_id"]
        waiting = members.c.conversation_id == talk_id, members.c.welcomed_at.is_(None), members.c.left_at.is_(None)
        if not connection.execute(update(members).where(*waiting).values(welcomed_at=now)).rowcount:
            return  # all of them have left again
        state = connection.execute(select(conversations.c.state).where(conversations.c.id == talk_id)).scalar_one()
        voice, language = self.voice(), state.get("language") or self.default_language
        spoken = voice.speak([welcome(voice.knowledge, language)], language)
        draft = Draft(
            key=f"welcome:{talk_id}:{now:%Y%m%d%H%M%S}",
            conversation_id=talk_id,
            purpose=Purpose.MARKETING,
            text=spoken.text,
            author=WELCOME,
            choices=spoken.choices,
            sources=spoken.sources,
            not_after=now + LATEST,
        )
        put(connection, draft, now)

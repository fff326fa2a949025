"""Tells those who wait their place and how long it will take: at first, and when that has changed for the better."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from bot.delivery.outbox import Draft, put
from bot.delivery.timers import set_timer
from bot.messages import Purpose
from bot.skills.turn import Say
from bot.store.database import AnyRow
from bot.store.tables import conversations
from bot.voice import Spoken
from handoff import waits
from handoff.assigning import PLACES, waiters
from handoff.forecast import Range
from handoff.owner import Owner
from handoff.routing import order

TELL_EVERY = timedelta(minutes=1)
GOOD_FOR = timedelta(minutes=2)
"""A place that could not be told in this time is not told any more."""
Speak = Callable[[Connection, str, Say], Spoken]
"""Says something in a conversation (by id), in its language."""


@dataclass(frozen=True, slots=True)
class Places:
    """Handles the timer `places`.

    Attributes:
        counting: channels where each message takes from what may still be sent: there a place is told once.
    """

    speak: Speak
    counting: Collection[str]

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        """Tell everybody whose place is news to them."""
        places = {waiter.id: place for place, waiter in enumerate(order(waiters(connection)), start=1)}
        rows = _locked(connection, sorted(places))
        news = [row for row in rows if self._is_news(row, places[row.id], now)]
        known, slots = (waits.from_past(connection, now), waits.slots(connection)) if news else (None, 0)
        for row in news:
            place = places[row.id]
            wait = known.at(place, slots, now.timestamp()) if known else None
            self._tell(connection, row, place, wait, now)
        better = (row for row in rows if self._is_news(row, places[row.id], now + TELL_EVERY) and row not in news)
        if too_soon := [row.told_at + TELL_EVERY for row in better]:
            set_timer(connection, f"places:soon:{min(too_soon).isoformat()}", PLACES, {}, min(too_soon))

    def _is_news(self, row: AnyRow, place: int, now: datetime) -> bool:
        if row.told_place is None:
            return True
        if row.channel in self.counting or now - row.told_at < TELL_EVERY:
            return False
        return bool(place <= row.told_place // 2)

    def _tell(self, connection: Connection, row: AnyRow, place: int, wait: Range | None, now: datetime) -> None:
        fields = {"queue.place": str(place)}
        if wait is None:
            say = Say("handoff.place", fields=fields)
        else:
            minutes = {"queue.from_min": str(wait.from_min), "queue.to_min": str(wait.to_min)}
            say = Say("handoff.place_and_wait", fields=fields | minutes)
        spoken = self.speak(connection, row.id, say)
        draft = Draft(
            key=f"place:{row.id}:{row.epoch}:{place}",
            conversation_id=row.id,
            purpose=Purpose.SERVICE,
            text=spoken.text,
            choices=spoken.choices,
            sources=spoken.sources,
            epoch=row.epoch,
            guard={"place": place, "conversation": row.id},
            not_after=now + GOOD_FOR,
        )
        put(connection, draft, now)
        told = {"told_place": place, "told_at": now}
        connection.execute(update(conversations).where(conversations.c.id == row.id).values(told))


def _locked(connection: Connection, ids: Sequence[str]) -> Sequence[AnyRow]:
    """Return those that still wait, locked in the order of their ids."""
    query = select(conversations).where(conversations.c.id.in_(ids)).order_by(conversations.c.id)
    rows = connection.execute(query.with_for_update(key_share=True)).all()
    return [row for row in rows if row.owner == Owner.QUEUE.value and row.chat_kind == "private"]

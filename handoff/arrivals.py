"""Conversations that come into the queue: at once, or when people answer again; and those that waited too long."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from bot.delivery.outbox import Draft, put
from bot.delivery.outgoing import add_task
from bot.delivery.tasks import somebody
from bot.delivery.timers import set_timer
from bot.hours import Hours
from bot.messages import Purpose
from bot.skills.turn import Say
from bot.store.tables import conversations, customers, identities, notes, persons
from handoff import ownership
from handoff.owner import Owner
from handoff.ownership import PATIENCE
from handoff.places import Speak

AGAIN = timedelta(hours=1)
"""Who comes back into the queue, from an agent or in the morning, waits so long at least before the wait is over."""
RETURN = "return"
"""The timer that brings a conversation back when people answer."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What happens when the bot hands a conversation over.

    Attributes:
        hours: when people answer.
        patience: how long customers wait at most, by the first part of the channel; `other` for those not named.
        vip_tiers: customers who come one priority higher.
    """

    hours: Hours
    patience: Mapping[str, timedelta]
    vip_tiers: Collection[str]
    speak: Speak

    def hand_over(
        self, connection: Connection, conversation_id: str, reason: str, priority: int, now: datetime
    ) -> None:
        """Put a conversation into the queue or, while nobody answers, note it down for when somebody does.

        Raises:
            Conflict: it waits already, or an agent has it.
        """
        if self._is_important(connection, conversation_id):
            priority += 1
        if self.hours.is_open(now):
            self._queue(connection, conversation_id, reason, priority, now, place_at=None)
        else:
            place = select(conversations.c.place_at).where(conversations.c.id == conversation_id)
            place_at = connection.execute(place).scalar()
            self._note_down(connection, conversation_id, reason, priority, place_at, now)

    def close(self, connection: Connection, now: datetime) -> None:
        """Note down whoever waits when nobody answers any more, tell them when somebody will, and let the bot go on."""
        waiting = select(conversations).where(conversations.c.owner == Owner.QUEUE.value).order_by(conversations.c.id)
        for row in connection.execute(waiting.with_for_update(key_share=True)).all():
            noted = ownership.reopen(connection, row.id, now)
            self._note_down(connection, row.id, row.reason, row.priority, row.place_at, now)
            self._tell(connection, row.id, "handoff.closed_hours", f"closed:{row.id}:{noted.epoch}", noted.epoch, now)

    def _queue(
        self,
        connection: Connection,
        conversation_id: str,
        reason: str,
        priority: int,
        now: datetime,
        place_at: datetime | None,
    ) -> None:
        ownership.to_queue(connection, conversation_id, reason, priority, now, place_at=place_at)
        of_talk = conversations.c.id == conversation_id
        topic = reason.partition(" ")[0][:64]
        connection.execute(update(conversations).where(of_talk).values(topic=topic))

    def _note_down(
        self,
        connection: Connection,
        conversation_id: str,
        reason: str,
        priority: int,
        place_at: datetime | None,
        now: datetime,
    ) -> None:
        held = ownership.current(connection, conversation_id)
        of_talk = conversations.c.id == conversation_id
        kept = {"reason": reason, "priority": priority, "place_at": place_at or now, "updated_at": now}
        connection.execute(update(conversations).where(of_talk).values(kept))
        if place_at is None:
            mark = {"conversation_id": conversation_id, "author": "bot", "kind": "later", "text": reason, "at": now}
            connection.execute(notes.insert().values(mark))
        set_timer(
            connection,
            f"return:{conversation_id}:{held.epoch}:{now.isoformat()}",
            RETURN,
            {"id": conversation_id},
            self.hours.next_opening(now),
        )

    def come_back(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        """Handle the timer `return`: people answer again, and who asked for one before is served in that order."""
        of_talk = conversations.c.id == payload["id"]
        row = connection.execute(select(conversations).where(of_talk).with_for_update(key_share=True)).one()
        if row.owner in (Owner.BOT.value, Owner.CLOSED.value) and row.place_at is not None:
            self._queue(connection, row.id, row.reason, row.priority, now, row.place_at)

    def give_up(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        """Handle the timer `patience`: if nobody came, the matter becomes a task, and the customer hears that."""
        row = connection.execute(
            select(conversations).where(conversations.c.id == payload["id"]).with_for_update(key_share=True)
        ).one()
        if row.owner != Owner.QUEUE.value or row.epoch != payload["epoch"]:
            return
        patience = self.patience.get(row.channel.partition(":")[0], self.patience["other"])
        since = datetime.fromisoformat(payload["since"])
        ends_at = max((row.place_at or since) + patience, since + min(patience, AGAIN))
        if now < ends_at:
            set_timer(connection, f"patience:{row.id}:{row.epoch}", PATIENCE, payload, ends_at)
            return
        reopened = ownership.reopen(connection, row.id, now)
        task = {"kind": "waited_too_long", "conversation_id": row.id, "text": row.reason, "created_at": now}
        key = f"waited:{row.id}:{row.epoch}"
        add_task(connection, {"key": key, **task, "agent_id": somebody(connection)}, now)
        self._tell(connection, row.id, "handoff.nobody_came", key, reopened.epoch, now)

    def _tell(
        self, connection: Connection, conversation_id: str, phrase: str, key: str, epoch: int, now: datetime
    ) -> None:
        spoken = self.speak(connection, conversation_id, Say(phrase))
        draft = Draft(
            key=key,
            conversation_id=conversation_id,
            purpose=Purpose.SERVICE,
            text=spoken.text,
            sources=spoken.sources,
            epoch=epoch,
        )
        put(connection, draft, now)

    def _is_important(self, connection: Connection, conversation_id: str) -> bool:
        if not self.vip_tiers:
            return False
        tier = (
            select(customers.c.tier)
            .join(persons, persons.c.customer_id == customers.c.id)
            .join(identities, identities.c.person_id == persons.c.id)
            .join(conversations, conversations.c.identity_id == identities.c.id)
            .where(conversations.c.id == conversation_id)
        )
        return connection.execute(tier).scalar() in self.vip_tiers

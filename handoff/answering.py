"""Agents have to answer in time; who does not loses the conversation back to the queue, where it has its old place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, String, bindparam, select, update

from bot.delivery import clocks
from bot.delivery.timers import set_timer
from bot.errors import Conflict
from bot.store.tables import agents, conversations, notes
from handoff import ownership, presence
from handoff.owner import Owner
from handoff.ownership import ANSWER, look_through

ABSENT = ("off", presence.GONE)
"""Statuses of agents who do not answer what comes."""
SNOOZE = "snooze"
"""The timer that brings back what was put off."""


_HELD = (  # made once: it is asked with every message to an agent
    select(*(conversations.c[name] for name in ("agent_id", "answer_by", "place_at", "epoch")), agents.c.status)
    .join(agents, agents.c.id == conversations.c.agent_id)
    .where(conversations.c.id == bindparam("talk", type_=String), conversations.c.owner == Owner.AGENT.value)
)


_KEEP = update(conversations).where(conversations.c.id == bindparam("talk", type_=String))


@dataclass(frozen=True, slots=True)
class Answering:
    """What agents owe those who write to them.

    Attributes:
        first_s: seconds in which an agent says their first words to a customer who waited in the queue.
        again_s: seconds in which an agent answers a customer whom they have answered before.
        missed: conversations lost in a row after which an agent counts as away.
        winding: gives the clock of a customer's wait its end, at once: the timer would do so in a transaction more.
    """

    first_s: int
    again_s: int
    missed: int
    winding: clocks.Winding

    def customer_wrote(self, connection: Connection, conversation_id: str, seq: int, now: datetime) -> None:
        """Let the wait be timed, end a snooze, and give the agent a time to answer; in the transaction of the turn."""
        clock_id = clocks.customer_wrote(connection, conversation_id, seq)
        if clock_id is not None:
            self.winding.fire(connection, {"id": clock_id}, now)
        row = connection.execute(_HELD, {"talk": conversation_id}).one_or_none()
        if row is None:
            return
        if row.status in ABSENT:
            ownership.lose(connection, conversation_id, row.agent_id, now)
            return
        answer_by = row.answer_by or now + timedelta(seconds=self.again_s)
        kept = {"answer_by": answer_by, "place_at": row.place_at or now, "snoozed_until": None}
        connection.execute(_KEEP, {"talk": conversation_id, **kept})
        if row.answer_by is None:
            payload = {"id": conversation_id, "epoch": row.epoch}
            set_timer(connection, f"answer:{conversation_id}:{row.epoch}:{seq}", ANSWER, payload, answer_by)

    def take_away(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        """Handle the timer `answer`: the agent had the time, and did not answer."""
        of_talk = conversations.c.id == payload["id"]
        row = connection.execute(select(conversations).where(of_talk).with_for_update(key_share=True)).one()
        if row.epoch != payload["epoch"] or row.owner != Owner.AGENT.value:
            return
        if row.answer_by is None and row.place_at is not None:  # taken by hand from the queue a moment ago
            answer_by = row.assigned_at + timedelta(seconds=self.first_s)
            connection.execute(update(conversations).where(of_talk).values(answer_by=answer_by))
            set_timer(connection, f"answer:{row.id}:{row.epoch}", ANSWER, payload, answer_by)
            return
        if row.answer_by is None or row.answer_by > now:
            return
        ownership.lose(connection, row.id, row.agent_id, now)
        mine = agents.c.id == row.agent_id
        connection.execute(update(agents).where(mine).values(missed=agents.c.missed + 1))
        too_often = mine, agents.c.missed >= self.missed, agents.c.status == "on"
        connection.execute(update(agents).where(*too_often).values(status="away"))


class StillWaits(Conflict):
    """The customer waits for an answer. Answer first, then put it off."""

    code = "still_waits"


def answered(connection: Connection, conversation_id: str, agent_id: str, now: datetime) -> None:
    """Note that an agent has answered: nothing is owed, and the place in the queue is used up."""
    clocks.human_answered(connection, conversation_id, agent_id, now)
    done = {"answer_by": None, "place_at": None, "snoozed_until": None}
    connection.execute(update(conversations).where(conversations.c.id == conversation_id).values(done))
    behind = agents.c.id == agent_id, agents.c.missed > 0
    connection.execute(update(agents).where(*behind).values(missed=0))


def snooze(connection: Connection, conversation_id: str, agent_id: str, until: datetime, now: datetime) -> None:
    """Put a conversation off: it takes none of the agent's room until then, or until the customer writes.

    Raises:
        Conflict: it is not this agent's, or `until` is past.
        StillWaits: the customer waits for an answer.
    """
    held = ownership.held_by(connection, conversation_id, agent_id)
    of_talk = conversations.c.id == conversation_id, conversations.c.epoch == held.epoch
    if until <= now:
        raise Conflict("Choose a time that is still to come.")
    quiet = connection.execute(
        update(conversations).where(*of_talk, conversations.c.answer_by.is_(None)).values(snoozed_until=until)
    )
    if quiet.rowcount != 1:
        raise StillWaits
    mark = {"conversation_id": conversation_id, "author": f"agent:{agent_id}", "kind": "snoozed", "at": now}
    connection.execute(notes.insert().values(mark | {"text": until.isoformat(timespec="minutes")}))
    payload = {"id": conversation_id, "epoch": held.epoch, "until": until.isoformat()}
    set_timer(connection, f"snooze:{conversation_id}:{held.epoch}:{until.isoformat()}", SNOOZE, payload, until)
    look_through(connection, f"{conversation_id}:{held.epoch}:{now.isoformat()}", now)


def wake(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
    """Handle the timer `snooze`: the conversation is back among those that want something.

    If its agent is not there any more, it goes to another one.
    """
    until = datetime.fromisoformat(payload["until"])
    of_talk = conversations.c.id == payload["id"], conversations.c.epoch == payload["epoch"]
    woken = update(conversations).where(*of_talk, conversations.c.snoozed_until == until).values(snoozed_until=None)
    agent_id = connection.execute(woken.returning(conversations.c.agent_id)).scalar()
    if agent_id is None:
        return
    mark = {"conversation_id": payload["id"], "author": "bot", "kind": "woken", "text": "", "at": now}
    connection.execute(notes.insert().values(mark))
    if connection.execute(select(agents.c.status).where(agents.c.id == agent_id)).scalar() in ABSENT:
        ownership.lose(connection, payload["id"], agent_id, now)

"""How long customers wait for a human: clocks that start and stop with what happens, and warn before they run out.

A conversation in human hands has at most one response clock (`first`, later `next`) and one for the `resolution`. Each
event starts or stops them in its own transaction; a timer, which knows the shop's targets, gives each its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Integer, Select, String, bindparam, delete, exists, or_, select, update

from bot.delivery.timers import cancel, set_timer
from bot.hours import Hours
from bot.messages import Event, Purpose
from bot.store.tables import clocks, conversations, inbox, notes, outbox

TIMER = "clock"
HUMAN = frozenset({"queue", "agent"})
"""Owners under which a customer waits for a human."""
WARN_AT = 2 / 3
"""Of the time that a clock is given: then there is still time to act."""


class Kind(StrEnum):
    """What is waited for."""

    FIRST = "first"
    """A human's first words since the conversation was handed over."""
    NEXT = "next"
    """A human's next words, once one has answered."""
    RESOLUTION = "resolution"
    """The end of the conversation with a human."""


RESPONSES = (Kind.FIRST.value, Kind.NEXT.value)
ANSWERED = "answered"
"""The result of a response clock that a human's words ended; of others it is the owner that did."""
NO_ANSWER = ("failed", "task", "dropped")
"""What becomes of words that the customer certainly did not get, see `outbox.status`: they are no answer."""


@dataclass(frozen=True, slots=True)
class Targets:
    """How long each may take, within the hours in which clocks run."""

    response: timedelta
    resolution: timedelta
    hours: Hours

    def due(self, kind: Kind, start: datetime, share: float = 1.0) -> datetime:
        """Return when `share` of the time is over for a clock that started at `start`."""
        length = self.resolution if kind is Kind.RESOLUTION else self.response
        return self.hours.after(start, length * share)


# --- what happens -----------------------------------------------------------------------------------------------------
def customer_wrote(connection: Connection, conversation_id: str, seq: int) -> int | None:
    """Start the response clock of a conversation in human hands, unless one runs or a human was quicker.

    Return its id, if it was started.

    Args:
        seq: of the message, which was stored a moment ago.
    """
    row = connection.execute(_WROTE, {"talk": conversation_id, "seq": seq}).first()
    if row is None or row.answered:
        return None
    return _start(connection, conversation_id, Kind.NEXT if row.again else Kind.FIRST, row.received_at)


def _wrote() -> Select[Any]:
    """Return when a message came, whether a human spoke after it, and whether one has answered since the customer was
    handed over. Made once: it is asked with every message to a human, and making it takes longer than asking.
    """
    talk = bindparam("talk", type_=String)
    human = exists().where(
        outbox.c.conversation_id == talk,
        outbox.c.purpose == Purpose.HUMAN.value,
        outbox.c.created_at >= inbox.c.received_at,
        outbox.c.status.not_in(NO_ANSWER),
    )
    since = select(clocks.c.started_at).where(
        clocks.c.conversation_id == talk, clocks.c.kind == Kind.RESOLUTION.value, clocks.c.ended_at.is_(None)
    )
    before = clocks.alias()
    again = exists().where(
        before.c.conversation_id == talk,
        before.c.result == ANSWERED,
        before.c.ended_at >= since.limit(1).scalar_subquery(),
    )
    wrote = or_(inbox.c.event.is_(None), inbox.c.event == Event.MEDIA.value)
    found = select(inbox.c.received_at, human.correlate(inbox).label("answered"), again.label("again"))
    return found.where(inbox.c.conversation_id == talk, inbox.c.seq == bindparam("seq", type_=Integer), wrote)


_WROTE = _wrote()


def human_answered(connection: Connection, conversation_id: str, agent_id: str, now: datetime) -> None:
    """Stop the response clock."""
    _stop(connection, conversation_id, RESPONSES, ANSWERED, agent_id, now)


def not_answered(connection: Connection, conversation_id: str, now: datetime) -> None:
    """Follow words of a human that did not arrive, which are marked so already.

    What only they had answered is not: the customer waits as from their own message on, by one clock. Where the
    conversation is in human hands no more, the clock only tells that nobody answered.
    """
    talk = select(conversations.c.id).where(conversations.c.id == conversation_id).with_for_update(key_share=True)
    connection.execute(talk)
    whole = clocks.c.conversation_id == conversation_id, clocks.c.kind == Kind.RESOLUTION.value
    now_or_last = select(clocks).where(*whole).order_by(clocks.c.id.desc()).limit(1)
    resolution = connection.execute(now_or_last).first()
    if resolution is None:
        return
    ids = list(connection.execute(_UNANSWERED, {"talk": conversation_id, "since": resolution.started_at}).scalars())
    if not ids:
        return
    if resolution.ended_at is not None:
        connection.execute(update(clocks).where(clocks.c.id.in_(ids)).values(result=resolution.result))
        return
    runs = select(clocks.c.id).where(*_open(conversation_id, RESPONSES))
    later = [*ids[1:], *connection.execute(runs).scalars()]
    for clock_id in later:  # the one wait began before theirs
        cancel(connection, f"clock:{clock_id}:")
    connection.execute(delete(clocks).where(clocks.c.id.in_(later)))
    goes_on = {"ended_at": None, "result": "", "agent_id": None}
    connection.execute(update(clocks).where(clocks.c.id == ids[0]).values(goes_on))
    set_timer(connection, f"clock:{ids[0]}:", TIMER, {"id": ids[0]}, now)


def _unanswered() -> Select[tuple[int]]:
    """Return the clocks that stopped for an answer, in the time that a human has had the conversation, although every
    word that a human said since they began was lost; the first one first.
    """
    said_since = or_(outbox.c.created_at >= clocks.c.started_at, outbox.c.not_before >= clocks.c.started_at)
    alive = exists().where(
        outbox.c.conversation_id == clocks.c.conversation_id,
        outbox.c.purpose == Purpose.HUMAN.value,
        outbox.c.status.not_in(NO_ANSWER),
        said_since,
    )
    of_talk = clocks.c.conversation_id == bindparam("talk", type_=String), clocks.c.kind.in_(RESPONSES)
    stopped = clocks.c.result == ANSWERED, clocks.c.ended_at >= bindparam("since", type_=clocks.c.ended_at.type)
    query = select(clocks.c.id).where(*of_talk, *stopped, ~alive.correlate(clocks))
    return query.order_by(clocks.c.started_at, clocks.c.id)


_UNANSWERED = _unanswered()


def moved(
    connection: Connection, conversation_id: str, was: str, owner: str, agent_id: str | None, now: datetime
) -> None:
    """Follow a change of owner.

    Args:
        was, owner: before and after: bot, queue, agent or closed.
        agent_id: who did it or had it, if an agent.
    """
    if owner not in HUMAN:
        _stop(connection, conversation_id, (*RESPONSES, Kind.RESOLUTION.value), owner, agent_id, now)
    elif was not in HUMAN:
        _start(connection, conversation_id, Kind.RESOLUTION, now)
        if owner == "queue":  # who is taken from the bot has not asked for a human
            _start(connection, conversation_id, Kind.FIRST, now)


def _start(connection: Connection, conversation_id: str, kind: Kind, at: datetime) -> int | None:
    # Locked, so that of two who start at once the second sees the first one's clock.
    connection.execute(_LOCK, {"talk": conversation_id})
    same = (kind.value,) if kind is Kind.RESOLUTION else RESPONSES
    if connection.execute(_RUNS, {"talk": conversation_id, "kinds": same}).first() is not None:
        return None
    row = {"conversation_id": conversation_id, "kind": kind.value, "started_at": at}
    clock_id: int = connection.execute(_NEW, row).scalar_one()
    set_timer(connection, f"clock:{clock_id}:", TIMER, {"id": clock_id}, at)
    return clock_id


_LOCK = select(conversations.c.id).where(conversations.c.id == bindparam("talk")).with_for_update(key_share=True)
_RUNS = (
    select(clocks.c.id)
    .where(
        clocks.c.conversation_id == bindparam("talk"),
        clocks.c.kind.in_(bindparam("kinds", expanding=True)),
        clocks.c.ended_at.is_(None),
    )
    .limit(1)
)
_NEW = clocks.insert().returning(clocks.c.id)


def _stop(
    connection: Connection,
    conversation_id: str,
    kinds: tuple[str, ...],
    result: str,
    agent_id: str | None,
    now: datetime,
) -> None:
    ids = connection.execute(select(clocks.c.id).where(*_open(conversation_id, kinds)).order_by(clocks.c.id)).scalars()
    for clock_id in ids.all():
        ended = {"ended_at": now, "result": result, "agent_id": agent_id}
        connection.execute(update(clocks).where(clocks.c.id == clock_id).values(ended))
        cancel(connection, f"clock:{clock_id}:")


def _open(conversation_id: str, kinds: tuple[str, ...]) -> tuple[Any, ...]:
    return clocks.c.conversation_id == conversation_id, clocks.c.kind.in_(kinds), clocks.c.ended_at.is_(None)


# --- what time does ---------------------------------------------------------------------------------------------------
_WOUND = select(clocks).where(clocks.c.id == bindparam("id")).with_for_update()
_MARK = update(clocks).where(clocks.c.id == bindparam("clock"))


@dataclass(frozen=True, slots=True)
class Winding:
    """Handles the timer `clock`: gives a clock its end, warns before it, and marks that it ran out; each once."""

    targets: Targets

    def fire(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        row = connection.execute(_WOUND, {"id": payload["id"]}).one_or_none()
        if row is None or row.ended_at is not None:
            return
        kind = Kind(row.kind)
        warn_at = self.targets.due(kind, row.started_at, WARN_AT)
        due_at = self.targets.due(kind, row.started_at)
        marks: dict[str, Any] = {"due_at": due_at}
        if now >= warn_at and row.warned_at is None:
            marks["warned_at"] = now
        if now >= due_at and row.late_at is None:
            marks["late_at"] = now
        connection.execute(_MARK, {"clock": row.id, **marks})
        if said := "clock_late" if "late_at" in marks else "clock_soon" if "warned_at" in marks else "":
            mark = {"conversation_id": row.conversation_id, "author": "bot", "kind": said, "text": "", "at": now}
            connection.execute(notes.insert().values(mark))
        if now < due_at:
            set_timer(connection, f"clock:{row.id}:", TIMER, payload, warn_at if now < warn_at else due_at)
        else:  # of a message whose turn came late: nothing is left to be marked
            cancel(connection, f"clock:{row.id}:")

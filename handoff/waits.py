"""How long a wait in the queue will be: told as a range, and kept beside how long it was."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, tuple_, update

from bot.delivery.clocks import NO_ANSWER
from bot.messages import Purpose
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import agents, clocks, conversations, outbox, waits
from handoff.crew import ANSWERS
from handoff.forecast import Forecast, Range, Wait, forecast
from handoff.owner import Owner
from handoff.precedence import BY_PRECEDENCE, PRECEDENCE

LAST, LAST_ENDED = 200, 100
"""How many ended waits and conversations the pace is read off."""
DAYS, DAYS_SAMPLE = timedelta(days=7), 600
"""How far back past errors and the crew's usual hours are looked for, in about so many waits of that time."""


TAKEN = "taken"
"""The result of a wait that an agent ended; else it is the owner that did."""


def enter(connection: Connection, conversation_id: str, epoch: int, now: datetime) -> None:
    """Note that a conversation comes into the queue: a wait begins, or the one that nobody has answered goes on."""
    since = select(clocks.c.started_at).where(
        clocks.c.conversation_id == conversation_id, clocks.c.kind == "resolution", clocks.c.ended_at.is_(None)
    )
    answered = select(outbox.c.id).where(
        outbox.c.conversation_id == conversation_id,
        outbox.c.purpose == Purpose.HUMAN.value,
        outbox.c.created_at >= waits.c.began_at,
        outbox.c.status.not_in(NO_ANSWER),
    )
    of_now = waits.c.conversation_id == conversation_id, waits.c.began_at >= since.limit(1).scalar_subquery()
    unanswered = select(waits.c.id).where(*of_now, waits.c.result == TAKEN, ~answered.exists())
    goes_on = connection.execute(unanswered.order_by(waits.c.id.desc()).limit(1)).scalar()
    if goes_on is None:
        _begin(connection, conversation_id, epoch, now)
    else:
        again = {"epoch": epoch, "ended_at": None, "result": ""}
        connection.execute(update(waits).where(waits.c.id == goes_on).values(again))


def end(connection: Connection, conversation_id: str, epoch: int, result: str, now: datetime) -> None:
    """Note how the wait of a conversation ended. If the agent who took it does not answer, it will go on."""
    of_wait = waits.c.conversation_id == conversation_id, waits.c.epoch == epoch
    connection.execute(update(waits).where(*of_wait).values(ended_at=now, result=result))


def _begin(connection: Connection, conversation_id: str, epoch: int, now: datetime) -> None:
    number = place(connection, conversation_id)
    wait = foretell(connection, number, now)
    row = {"conversation_id": conversation_id, "epoch": epoch, "began_at": now, "place": number}
    row |= {"slots": slots(connection), "foretold_s": None if wait is None else round(wait.likely_s)}
    insert_once(connection, waits, row)


def foretell(connection: Connection, number: int, now: datetime) -> Range | None:
    """Return how long the one at place `number` will wait; None where nobody is on duty or too little is known."""
    room = slots(connection)
    known = from_past(connection, now) if room else None
    return known.at(number, room, now.timestamp()) if known else None


def from_past(connection: Connection, now: datetime) -> Forecast | None:
    """Return what the shop's past says of its waits; None while there is too little of it."""
    ended = select(waits).where(waits.c.ended_at.is_not(None))
    newest = connection.execute(ended.order_by(waits.c.ended_at.desc(), waits.c.id.desc()).limit(LAST)).all()
    lately = ended.where(waits.c.ended_at > now - DAYS)
    how_many = connection.execute(select(func.count()).select_from(lately.subquery())).scalar_one()
    some = connection.execute(lately.where(waits.c.id % (1 + how_many // DAYS_SAMPLE) == 0)).all()
    return forecast([_wait(row) for row in reversed(newest)], _took_s(connection), [_wait(row) for row in some])


def _took_s(connection: Connection) -> list[float]:
    """Return for how many seconds agents had the last conversations that they ended."""
    ended = select(clocks).where(
        clocks.c.kind == "resolution", clocks.c.ended_at.is_not(None), clocks.c.agent_id.is_not(None)
    )
    last = ended.order_by(clocks.c.id.desc()).limit(LAST_ENDED).subquery()
    own = (waits.c.conversation_id == last.c.conversation_id) & (waits.c.result == TAKEN)
    within = waits.c.ended_at.between(last.c.started_at, last.c.ended_at)
    taken_at = func.max(waits.c.ended_at).label("taken_at")
    query = select(last.c.ended_at, taken_at).join(waits, own & within).group_by(last.c.id, last.c.ended_at)
    return [(row.ended_at - row.taken_at).total_seconds() for row in connection.execute(query)]


def _wait(row: AnyRow) -> Wait:
    began_s, ended_s = row.began_at.timestamp(), row.ended_at.timestamp()
    return Wait(began_s, ended_s, row.place, row.slots, row.foretold_s, row.result == TAKEN)


def place(connection: Connection, conversation_id: str) -> int:
    """Return the place of a conversation that waits, from 1."""
    own: int = connection.execute(select(PRECEDENCE).where(conversations.c.id == conversation_id)).scalar_one()
    queued = conversations.c.owner == Owner.QUEUE.value
    ahead = tuple_(*BY_PRECEDENCE) < (own, conversation_id)
    return 1 + connection.execute(select(func.count()).select_from(conversations).where(queued, ahead)).scalar_one()


def slots(connection: Connection) -> int:
    """Return how many conversations the agents on duty have room for in all."""
    on = agents.c.status == "on", *ANSWERS
    return int(connection.execute(select(func.coalesce(func.sum(agents.c.capacity), 0)).where(*on)).scalar_one())

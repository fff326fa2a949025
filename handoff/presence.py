"""Whether agents are there: what they say of themselves, and whether their page is still open."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, literal, or_, select, update

from bot.delivery.timers import set_timer
from bot.errors import NotAllowed, NotFound
from bot.knowledge.entries import LANGUAGES
from bot.store.tables import agents, clocks, conversations
from handoff import ownership
from handoff.crew import ANSWERS
from handoff.owner import Owner
from handoff.ownership import look_through

GONE = "gone"
"""The timer that looks whether an agent's page is still open, and the status of one whose is not."""
STATUSES = ("on", "away", "off")
"""What agents say of themselves: on gets conversations, away and off get none."""
BEAT_EVERY = timedelta(seconds=30)
GONE_AFTER = timedelta(minutes=2)


class NoSuchAgent(NotFound):
    """There is no such agent at work. Choose another one."""

    code = "no_such_agent"


class NoSuchStatus(NotAllowed):
    """There is no such status. Choose one of: on, away, off."""

    code = "no_such_status"


class NoSuchLanguage(NotAllowed):
    """The bot does not know this language. Write of zh, en, or leave it empty."""

    code = "no_such_language"


class BelowZero(NotAllowed):
    """An agent can have 0 conversations at once, or more."""

    code = "below_zero"


class NotThere(NotAllowed):
    """This agent has no console open, and gets conversations as soon as there is one."""

    code = "not_there"


def set_status(connection: Connection, agent_id: str, status: str, now: datetime) -> None:
    """Change whether an agent gets conversations. From one who is off, those whose customer waits go back.

    Raises:
        NotAllowed: there is no such status.
        NotFound: there is no such agent at work.
    """
    if status not in STATUSES:
        raise NoSuchStatus
    at_work = agents.c.id == agent_id, *ANSWERS
    if connection.execute(update(agents).where(*at_work).values(status=status, missed=0)).rowcount != 1:
        raise NoSuchAgent
    if status == "off":
        give_up_waiting(connection, agent_id, now)
    look_through(connection, f"agent:{agent_id}:{now.isoformat()}", now)


def comes_to_work(connection: Connection, agent_id: str) -> None:
    """Note that an agent logs in: who said `off` yesterday is only not here yet, and on once a page is open."""
    said_off = agents.c.id == agent_id, agents.c.status == "off"
    connection.execute(update(agents).where(*said_off).values(status=GONE))


def beat(
    connection: Connection, agent_id: str, now: datetime, *, opens: bool = False, lasts: timedelta = GONE_AFTER
) -> bool:
    """Note that an agent's page is open. Return whether the agent is back.

    Args:
        opens: whether the page was opened a moment ago: that also ends an absence for not answering.
        lasts: how long the agent counts as there without another beat; who was there for longer already stays so.
    """
    # First the timer, then the agent, as when it fires: the two never wait for each other.
    set_timer(connection, f"gone:{agent_id}", GONE, {"id": agent_id}, now + lasts)
    seen_at = now + lasts - GONE_AFTER
    longest = case((agents.c.seen_at > seen_at, agents.c.seen_at), else_=literal(seen_at, agents.c.seen_at.type))
    connection.execute(update(agents).where(agents.c.id == agent_id).values(seen_at=longest))
    absent = agents.c.status == GONE
    if opens:
        absent |= (agents.c.status == "away") & (agents.c.missed > 0)
    was_gone = agents.c.id == agent_id, absent, *ANSWERS
    if connection.execute(update(agents).where(*was_gone).values(status="on", missed=0)).rowcount != 1:
        return False
    look_through(connection, f"agent:{agent_id}:{now.isoformat()}", now)
    return True


def beat_is_due(connection: Connection, agent_id: str, now: datetime) -> bool:
    """Return whether it is time for an open page to beat again."""
    seen_at = connection.execute(select(agents.c.seen_at).where(agents.c.id == agent_id)).scalar()
    return seen_at is None or seen_at <= now - BEAT_EVERY


def is_there(seen_at: datetime | None, now: datetime) -> bool:
    """Return whether an agent whose page was seen open at `seen_at` counts as there."""
    return seen_at is not None and seen_at > now - GONE_AFTER


def look_whether_gone(connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
    """Handle the timer `gone`: an agent without an open page gets nothing new, and who waits for them goes back.

    It is set anew for who is there for longer than the last beat said.
    """
    seen_at = connection.execute(select(agents.c.seen_at).where(agents.c.id == payload["id"])).scalar()
    if seen_at is not None and is_there(seen_at, now):
        set_timer(connection, f"gone:{payload['id']}", GONE, payload, seen_at + GONE_AFTER)
        return
    silent = or_(agents.c.seen_at.is_(None), agents.c.seen_at <= now - GONE_AFTER)
    was_there = agents.c.id == payload["id"], agents.c.status.in_(("on", "away")), silent
    if connection.execute(update(agents).where(*was_there).values(status=GONE)).rowcount == 1:
        give_up_waiting(connection, payload["id"], now)


def give_up_waiting(connection: Connection, agent_id: str, now: datetime) -> None:
    """Put an agent's conversations whose customer waits for an answer back into the queue, where they were."""
    waits = select(clocks.c.id).where(
        clocks.c.conversation_id == conversations.c.id,
        clocks.c.kind.in_(("first", "next")),
        clocks.c.ended_at.is_(None),
    )
    held = conversations.c.owner == Owner.AGENT.value, conversations.c.agent_id == agent_id
    rows = connection.execute(
        select(conversations.c.id)
        .where(*held, or_(waits.exists(), conversations.c.answer_by.is_not(None)))
        .order_by(conversations.c.id)
        .with_for_update(key_share=True)
    )
    for conversation_id in rows.scalars().all():
        ownership.lose(connection, conversation_id, agent_id, now)


def statuses(connection: Connection, agent_ids: Collection[str]) -> dict[str, str]:
    """Return what these agents say of themselves, `gone` for those whose page is not open."""
    rows = connection.execute(select(agents.c.id, agents.c.status).where(agents.c.id.in_(agent_ids)))
    return {row.id: row.status for row in rows}


def set_abilities(
    connection: Connection,
    agent_id: str,
    now: datetime,
    capacity: int | None = None,
    languages: Sequence[str] | None = None,
    topics: Sequence[str] | None = None,
) -> None:
    """Change how many conversations an agent has at once (0: none are given), and which; None leaves it as it is.

    Raises:
        NotAllowed: the capacity is below 0, or the bot does not know such a language.
        NotFound: there is no such agent at work.
    """
    if capacity is not None and capacity < 0:
        raise BelowZero
    if set(languages or ()) - set(LANGUAGES):
        raise NoSuchLanguage
    wanted = {"capacity": capacity, "languages": languages, "topics": topics}
    new = {name: value for name, value in wanted.items() if value is not None}
    at_work = agents.c.id == agent_id, agents.c.disabled.is_(False)
    if connection.execute(update(agents).where(*at_work).values(new)).rowcount != 1:
        raise NoSuchAgent
    look_through(connection, f"agent:{agent_id}:{now.isoformat()}", now)

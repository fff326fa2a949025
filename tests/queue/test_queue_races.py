"""Two who move the same conversation or agent at the same moment: the second sees what the first did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot import audit
from bot.errors import Conflict
from bot.store import tables as t
from bot.store.database import Database
from handoff import desk, ownership, people, presence, staffing
from tests.conftest import StandingClock
from tests.queue.rivals import Rivals, rivals
from tests.queue.stand import Stand

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
"""SQLite has one writer: there nothing meets."""


@pytest.fixture
async def stand(database: Database, clock: StandingClock) -> Stand:
    made = Stand(database, clock)
    for name in ("c1", "c2"):
        await made.customer(name)
    return made


@pytest.fixture
def met(database: Database) -> Iterator[Rivals]:
    with rivals(database.url) as opened:
        yield opened


async def owes_if_asked(stand: Stand, name: str) -> bool:
    """Return whether a customer who waits for an agent is owed an answer by a time."""
    running = t.clocks.c.conversation_id == name, t.clocks.c.ended_at.is_(None), t.clocks.c.kind.in_(("first", "next"))
    waits = await stand.database.read(lambda c: c.execute(select(t.clocks.c.id).where(*running)).first())
    return waits is None or (await stand.row(name)).answer_by is not None


async def test_an_answer_that_comes_while_another_agent_gets_the_customer_is_refused(stand: Stand, met: Rivals) -> None:
    await stand.agent("li")
    await stand.asks("c1")
    await stand.agent("wang")
    stand.clock.advance(timedelta(seconds=120))
    now, lost = stand.clock.now(), await stand.row("c1")

    def changes_hands(c: Any) -> None:
        stand.queue.answering.take_away(c, {"id": "c1", "epoch": lost.epoch}, now)
        stand.queue.assigning.fire(c, {}, now)

    (told,) = met.meet(changes_hands, lambda c: desk.reply(c, "c1", "li", "hello", "k", now))
    assert isinstance(told, Conflict)
    row = await stand.row("c1")
    assert (row.agent_id, row.answer_by, row.place_at) == ("wang", now + timedelta(seconds=120), lost.place_at)


@pytest.mark.parametrize("first", ["the answer", "the message"])
async def test_a_customer_who_writes_while_the_agent_answers_is_not_forgotten(
    stand: Stand, met: Rivals, first: str
) -> None:
    await stand.agent("li")
    await stand.asks("c1")
    await stand.answers("li", "c1")
    stand.clock.advance(timedelta(minutes=1))
    now = stand.clock.now()
    later = now + timedelta(milliseconds=5)
    message = {"key": "m", "conversation_id": "c1", "seq": 9, "text": "?", "sent_at": later, "received_at": later}

    def writes(c: Any) -> None:
        c.execute(select(t.conversations.c.id).where(t.conversations.c.id == "c1").with_for_update(key_share=True))
        c.execute(t.inbox.insert().values(message))
        stand.queue.answering.customer_wrote(c, "c1", 9, later)

    def answers(c: Any) -> None:
        desk.reply(c, "c1", "li", "one moment", "k", now)

    both = (answers, writes) if first == "the answer" else (writes, answers)
    assert met.meet(*both) == [None]
    assert await owes_if_asked(stand, "c1")


@pytest.mark.parametrize("how", ["off", "disabled", "an editor"])
async def test_who_leaves_while_conversations_are_given_out_gets_none(stand: Stand, met: Rivals, how: str) -> None:
    now = stand.clock.now()
    await stand.agent("li")
    leaves = {
        "off": lambda c: presence.set_status(c, "li", "off", now),
        "disabled": lambda c: people.disable_agent(c, "li", now),
        "an editor": lambda c: staffing.change_role(c, audit.COMMAND, "li", "editor", now),
    }
    await stand.database.write(lambda c: ownership.to_queue(c, "c1", "asked", 0, now))
    assert met.meet(leaves[how], lambda c: stand.queue.assigning.fire(c, {}, now)) == [None]
    assert await stand.owner("c1") == "queue"
    await stand.agent("wang")
    await stand.settle()
    assert await stand.owner("c1") == "wang"


async def test_who_is_disabled_while_a_conversation_moves_on_is_disabled(stand: Stand, met: Rivals) -> None:
    await stand.agent("li")
    await stand.asks("c1")
    await stand.asks("c2")
    now = stand.clock.now()
    closes = ownership.close
    told = met.meet(lambda c: closes(c, "c1", "li", "", now), lambda c: people.disable_agent(c, "li", now))
    assert told == [None]
    assert [await stand.owner(name) for name in ("c1", "c2")] == ["closed", "queue"]


async def test_of_two_who_give_out_at_once_the_second_waits(stand: Stand, met: Rivals) -> None:
    await stand.agent("li", capacity=1)
    now = stand.clock.now()
    await stand.settle()
    fire = stand.queue.assigning.fire
    await stand.database.write(lambda c: fire(c, {}, now))  # from here on there is a row to lock
    await stand.database.write(lambda c: ownership.to_queue(c, "c1", "asked", 0, now))

    def comes_and_is_given_out(c: Any) -> None:
        ownership.to_queue(c, "c2", "complaint", 5, now)
        fire(c, {}, now)

    assert met.meet(lambda c: fire(c, {}, now), comes_and_is_given_out) == [None]
    assert sorted([await stand.owner("c1"), await stand.owner("c2")]) == ["li", "queue"]


async def test_of_two_admins_who_shut_each_other_out_at_once_one_stays(stand: Stand, met: Rivals) -> None:
    now = stand.clock.now()
    for name in ("chen", "sun"):
        await stand.agent(name)
        await stand.do(lambda c, name=name: staffing.change_role(c, audit.COMMAND, name, "admin", now))  # type: ignore[misc]
    (told,) = met.meet(
        lambda c: staffing.disable(c, audit.by("chen"), "sun", now),
        lambda c: staffing.change_role(c, audit.by("sun"), "chen", "agent", now),
    )
    assert isinstance(told, Conflict)
    admins = [
        one.id for one in await stand.database.read(people.list_agents) if one.role == "admin" and not one.disabled
    ]
    assert admins == ["chen"]

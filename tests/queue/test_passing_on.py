"""A conversation is passed on to where somebody is, and who passes it on knows what will happen."""

from __future__ import annotations

import pytest

from bot.store.database import Database
from handoff import ownership
from handoff.seats import seats
from handoff.whereto import Back, Colleague, places
from tests.conftest import StandingClock
from tests.queue.stand import Stand, a_queue


@pytest.fixture
async def by_hand(database: Database, clock: StandingClock) -> Stand:
    stand = Stand(database, clock, a_queue(auto=False))
    await stand.agent("li")
    return stand


async def test_colleagues_with_room_come_first_then_the_queue_then_those_to_be_warned_of(by_hand: Stand) -> None:
    for name, status, capacity in (("away", "away", 2), ("free", "on", 2), ("full", "on", 0), ("off", "off", 2)):
        await by_hand.agent(name, capacity, status)
    await by_hand.agent("gone", status="gone", topics=["sizing"])
    await by_hand.agent("returns", topics=["returns"])
    found = await by_hand.database.read(lambda c: places(tuple(one for one in seats(c) if one.id != "li")))
    assert [(one.agent_id, one.fate) if isinstance(one, Colleague) else one for one in found] == [
        ("free", "has_room"),
        ("returns", "has_room"),
        Back(None),
        Back("returns"),
        ("full", "full"),
        ("away", "away"),
        ("off", "gone"),
        ("gone", "gone"),
    ]


async def test_what_goes_back_to_the_queue_keeps_the_place_of_who_waits_and_finds_who_does_the_topic(
    database: Database, clock: StandingClock
) -> None:
    stand = Stand(database, clock)
    await stand.agent("li", capacity=1)
    await stand.customer("c1")
    asked_at = clock.now()
    await stand.asks("c1")
    assert await stand.owner("c1") == "li"
    await stand.agent("wang", capacity=1, topics=["returns"])
    await stand.after(seconds=60)
    await stand.do(lambda c: ownership.release(c, "c1", "li", clock.now(), "not mine", "returns"))
    row = await stand.row("c1")
    assert (row.agent_id, row.place_at) == ("wang", asked_at), "li has room too, but gave it up"
    await stand.answers("wang", "c1")
    await stand.turns("li", "away")
    await stand.after(seconds=5)
    await stand.turns("wang", "away")
    await stand.do(lambda c: ownership.release(c, "c1", "wang", clock.now()))
    row = await stand.row("c1")
    assert (row.owner, row.place_at, row.topic) == ("queue", clock.now(), "returns"), "who was answered waits anew"

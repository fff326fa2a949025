"""One look for all open pages: each is woken by what concerns it, by nothing else, and misses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from bot.delivery.signal import Signal
from bot.store import tables as t
from bot.store.database import Database
from handoff import desk, drafts, ownership, people
from handoff.lookout import LATE_IDS, Lookout, Watch
from handoff.pulse import states, totals
from tests.conftest import StandingClock


@pytest.fixture
async def shop(database: Database, clock: StandingClock) -> Database:
    def fill(connection: Connection) -> None:
        for login in ("li", "wang"):
            people.add_agent(connection, login, login, login.title(), "agent", clock.now())
        for key in ("c1", "c2", "c3"):
            row = {"id": key, "channel": "web:shop", "chat": key, "created_at": clock.now(), "updated_at": clock.now()}
            connection.execute(t.conversations.insert().values(row))
        ownership.take(connection, "c1", "li", clock.now())
        ownership.take(connection, "c2", "wang", clock.now())

    await database.write(fill)
    return database


@asynccontextmanager
async def looking(database: Database, clock: StandingClock, *watches: Watch) -> AsyncIterator[Lookout]:
    """Look for pages that show what is there now."""
    lookout, now = Lookout(database, Signal(), clock), await database.read(totals)
    for watch in watches:
        if watch.selected:
            shown = [watch.selected]
            found = await database.read(lambda c, shown=shown: states(c, shown))  # type: ignore[misc]
            watch.state = found[watch.selected]
        watch.told = now
        lookout.add(watch)
    await looked(lookout)
    yield lookout
    for watch in watches:
        lookout.remove(watch)


async def looked(lookout: Lookout) -> None:
    """Wait until everything that happened before was looked at, the fate of sends too."""
    enough = lookout.looks + 2
    async with asyncio.timeout(20):
        while lookout.looks < enough:
            await asyncio.sleep(0.02)


def says(connection: Connection, key: str, seq: int, clock: StandingClock) -> None:
    row = {"key": f"{key}:{seq}", "conversation_id": key, "seq": seq, "text": "hi"}
    connection.execute(t.inbox.insert().values(row | {"sent_at": clock.now(), "received_at": clock.now()}))


async def test_a_message_wakes_only_the_pages_that_show_its_conversation(shop: Database, clock: StandingClock) -> None:
    li = Watch("li", tab="mine", shown=frozenset({"c1"}))
    wang = Watch("wang", tab="mine", shown=frozenset({"c2"}))
    lead = Watch("zhao", tab="all")
    async with looking(shop, clock, li, wang, lead) as lookout:
        assert (li.stale, wang.stale, lead.stale) == (False, False, False)
        await shop.write(lambda c: says(c, "c1", 1, clock))
        await looked(lookout)
        assert (li.stale, wang.stale, lead.stale) == (True, False, True)


async def test_what_comes_into_a_list_wakes_it(shop: Database, clock: StandingClock) -> None:
    li = Watch("li", tab="mine", shown=frozenset({"c1"}))
    wang = Watch("wang", tab="waiting")
    async with looking(shop, clock, li, wang) as lookout:
        await shop.write(lambda c: ownership.to_queue(c, "c3", "asked_for", 0, clock.now()))
        await looked(lookout)
        assert (li.stale, wang.stale) == (False, True)
        # To li it is one more who waits: told without reading anything.
        assert li.totals is not None and li.told is not None
        assert li.totals == replace(li.told, waiting=1)
        await shop.write(lambda c: ownership.take(c, "c3", "li", clock.now()))
        await looked(lookout)
        assert li.stale


CHANGES: dict[str, Callable[[Connection, StandingClock], object]] = {
    "a message": lambda c, clock: says(c, "c1", 1, clock),
    "a reply": lambda c, clock: desk.reply(c, "c1", "li", "hello", "k", clock.now()),
    "another owner": lambda c, clock: ownership.give_back(c, "c1", "li", "", clock.now()),
    "a customer who writes": lambda c, clock: c.execute(
        t.conversations.update().values(customer_typing_until=clock.now().replace(year=2099))
    ),
    "a colleague who begins to write": lambda c, clock: drafts.keep(
        c, "c1", "li", drafts.Draft("reply", "so"), clock.now()
    ),
    "a colleague who reads": lambda c, clock: c.execute(t.conversations.update().values(seen_at=clock.now())),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_every_change_in_the_open_conversation_wakes_its_page(
    shop: Database, clock: StandingClock, change: str
) -> None:
    watch = Watch("wang", tab="tasks", selected="c1")
    async with looking(shop, clock, watch) as lookout:
        assert not watch.stale
        await shop.write(lambda c: CHANGES[change](c, clock))
        await asyncio.sleep(0.5)
        await looked(lookout)
        assert watch.stale


async def test_the_fate_of_a_send_wakes_the_page_that_shows_it(shop: Database, clock: StandingClock) -> None:
    await shop.write(lambda c: desk.reply(c, "c1", "li", "hello", "k", clock.now()))
    watch = Watch("li", tab="tasks", selected="c1")
    async with looking(shop, clock, watch) as lookout:
        await shop.write(lambda c: c.execute(t.outbox.update().values(status="failed", reason="blocked")))
        await asyncio.sleep(0.5)
        await looked(lookout)
        assert watch.stale


async def test_more_at_once_than_is_looked_at_wakes_everybody(shop: Database, clock: StandingClock) -> None:
    watch = Watch("li", tab="mine", shown=frozenset({"c1"}))
    async with looking(shop, clock, watch) as lookout:
        row = {"conversation_id": "c3", "channel": "web:shop", "purpose": "marketing", "text": "sale"}
        rows = [row | {"key": f"k{n}", "not_before": clock.now(), "created_at": clock.now()} for n in range(LATE_IDS)]
        await shop.write(lambda c: c.execute(t.outbox.insert(), rows))
        await looked(lookout)
        assert watch.stale


async def test_a_turn_that_leaves_no_row_wakes_the_page_once_it_is_over(shop: Database, clock: StandingClock) -> None:
    def seqs(connection: Connection, **values: int) -> None:
        connection.execute(t.conversations.update().where(t.conversations.c.id == "c1").values(values))

    def hears(connection: Connection) -> None:
        says(connection, "c1", 1, clock)
        seqs(connection, last_seq=1)

    watch = Watch("li", tab="mine", shown=frozenset({"c1"}))
    async with looking(shop, clock, watch) as lookout:
        await shop.write(hears)
        await looked(lookout)
        assert watch.reads() == frozenset({"c1"})
        await looked(lookout)
        assert not watch.stale
        await shop.write(lambda c: seqs(c, done_seq=1))
        await looked(lookout)
        assert watch.stale
        assert watch.reads() == frozenset({"c1"})


async def test_a_page_is_told_what_of_its_list_has_changed_and_that_once(shop: Database, clock: StandingClock) -> None:
    watch = Watch("li", tab="mine", shown=frozenset({"c1"}))
    async with looking(shop, clock, watch) as lookout:
        assert watch.reads() == frozenset()
        for key in ("c1", "c2"):
            await shop.write(lambda c, key=key: says(c, key, 1, clock))  # type: ignore[misc]
        await looked(lookout)
        await shop.write(lambda c: ownership.take(c, "c3", "li", clock.now()))
        await looked(lookout)
        assert watch.reads() == frozenset({"c1", "c3"})
        assert (watch.stale, watch.reads()) == (False, frozenset())
        watch.outdate(None)
        watch.outdate(frozenset({"c1"}))
        assert watch.reads() is None


async def test_what_was_looked_at_while_a_page_was_reading_is_not_missed(shop: Database, clock: StandingClock) -> None:
    watch = Watch("wang", tab="tasks")
    async with looking(shop, clock, watch) as lookout:
        before = lookout.looks
        await shop.write(lambda c: says(c, "c1", 1, clock))
        await looked(lookout)
        assert not watch.stale
        watch.shown = frozenset({"c1"})  # only now does it know what it shows
        lookout.missed(watch, lookout.looks)
        assert not watch.stale
        lookout.missed(watch, before)
        assert watch.stale


async def test_a_page_is_woken_when_its_session_ends(shop: Database, clock: StandingClock) -> None:
    await shop.write(lambda c: people.start_session(c, "li", "secret", clock.now()))
    watch = Watch("li", tab="tasks", token="secret")
    async with looking(shop, clock, watch) as lookout:
        assert watch.who is not None
        assert watch.who.id == "li"
        watch.moved = False
        await shop.write(lambda c: people.revoke(c, "secret"))
        async with asyncio.timeout(60):
            while not watch.moved:
                await looked(lookout)
        assert watch.who is None

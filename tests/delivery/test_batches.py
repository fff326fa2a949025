"""Turns in batches: what one message breaks stays with it; and workers that died in the middle of a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select
from structlog.testing import capture_logs

from bot.clock import IdMaker
from bot.delivery.thinking import Thinker, Thought
from bot.delivery.turns import Taken, take_next
from bot.errors import Conflict
from bot.store.database import Database
from bot.store.tables import conversations, inbox, outbox
from tests.conftest import StandingClock
from tests.delivery.stand import a_runner, another, arrive, conversation_of, rows, run_all, said

LEASE = timedelta(seconds=31)
QUESTION = "运费多少钱"


def poisoned(connection: Connection, conversation_id: str, seq: int) -> None:
    of_turn = inbox.c.conversation_id == conversation_id, inbox.c.seq == seq
    if connection.execute(select(inbox.c.text).where(*of_turn)).scalar_one() == "poison":
        raise RuntimeError("this message breaks the bot")


@dataclass(frozen=True, slots=True)
class Unstorable(Thinker):
    """The real thinker; what it makes of one conversation cannot be stored."""

    conversation_id: str = ""

    def think_all(
        self, connection: Connection, conversation_ids: Sequence[str], now: datetime
    ) -> dict[str, Thought | Exception]:
        thoughts = Thinker.think_all(self, connection, conversation_ids, now)
        thought = thoughts.get(self.conversation_id)
        if isinstance(thought, Thought):
            thoughts[self.conversation_id] = replace(thought, state={"step": object()})
        return thoughts


async def answered(database: Database) -> set[str]:
    """Return the chats that have an answer."""
    talks = {row.id: row.chat for row in await rows(database, conversations)}
    return {talks[row.conversation_id] for row in await rows(database, outbox)}


async def test_one_bad_message_of_sixty_four_does_not_stop_the_others(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    chats = {f"u{n}" for n in range(64)}
    words = {chat: "poison" if chat == "u31" else QUESTION for chat in chats}
    await arrive(database, clock, new_id, *(said(1, text, chat) for chat, text in words.items()))

    await a_runner(database, clock, new_id, thinker, poisoned).run_next()

    assert await answered(database) == chats - {"u31"}
    bad = await conversation_of(database, "u31")
    assert (bad.tries, bad.done_seq, bad.owner) == (1, 0, "bot")
    assert {row.tries for row in await rows(database, conversations) if row.chat != "u31"} == {0}


async def test_a_turn_that_cannot_be_stored_does_not_undo_those_of_its_batch(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, *(said(1, QUESTION, f"u{n}") for n in range(8)))
    bad = await conversation_of(database, "u3")
    broken = Unstorable(thinker.brain, thinker.settings, thinker.shop_of, conversation_id=bad.id)

    await a_runner(database, clock, new_id, broken).run_next()

    assert await answered(database) == {f"u{n}" for n in range(8)} - {"u3"}
    (message,) = await rows(database, inbox, inbox.c.conversation_id == bad.id)
    assert message.status == "new"
    assert message.error, "nobody would know what is wrong with it"


async def test_a_turn_that_does_something_is_committed_apart_from_those_that_only_talk(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    def nobody_there(*_: Any) -> None:
        raise Conflict("the queue is closed")

    await arrive(database, clock, new_id, said(1, QUESTION), said(1, "人工", "u2"), said(1, QUESTION, "u3"))
    runner = a_runner(database, clock, new_id, thinker)
    runner.to_queue = nobody_there

    with capture_logs() as logs:
        await runner.run_next()

    assert await answered(database) == {"u1", "u3"}
    assert (await conversation_of(database, "u2")).tries == 1
    assert [line["event"] for line in logs] == ["turn_failed"], "the others were committed twice"


async def test_of_a_batch_only_the_turn_whose_conversation_moved_is_thought_again(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, *(said(1, QUESTION, chat) for chat in ("u1", "u2", "u3")))
    moved = await conversation_of(database, "u2")
    thought_of: list[str] = []

    @dataclass(frozen=True, slots=True)
    class Old(Thinker):
        """The real thinker, which the first time read an old version of one conversation."""

        def think_all(self, *arguments: Any) -> dict[str, Thought | Exception]:
            thoughts = Thinker.think_all(self, *arguments)
            first = not thought_of
            thought_of.extend(thoughts)
            thought = thoughts.get(moved.id)
            if first and isinstance(thought, Thought):
                thoughts[moved.id] = replace(thought, version=thought.version - 1)
            return thoughts

    runner = a_runner(database, clock, new_id, Old(thinker.brain, thinker.settings, thinker.shop_of))

    await runner.run_next()
    assert await answered(database) == {"u1", "u3"}
    assert (await conversation_of(database, "u2")).tries == 0, "to be overtaken is not a failure"
    await run_all(runner)

    assert await answered(database) == {"u1", "u2", "u3"}
    assert thought_of.count(moved.id) == 2
    assert len(thought_of) == 4


async def test_whoever_asked_for_a_human_and_wrote_on_does_not_wait_for_the_next_look(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, said(1, "转人工"), said(2, "在吗"), said(1, QUESTION, "u2"))
    running = asyncio.create_task(a_runner(database, clock, new_id, thinker).run())
    try:
        async with asyncio.timeout(3):
            while (await conversation_of(database)).done_seq < 2:
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


# --- workers that died -----------------------------------------------------------------------------------------------
async def die(database: Database, clock: StandingClock) -> list[Taken]:
    """Take what waits, as a worker that is killed in the middle of its turns."""
    return await database.write(lambda c: take_next(c, clock.now(), "dead", clock.now() + LEASE))


async def test_what_a_dead_worker_held_is_taken_after_its_lease_one_by_one(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, said(1, QUESTION), said(1, QUESTION, "u2"))
    assert len(await die(database, clock)) == 2
    await arrive(database, clock, new_id, *(said(1, QUESTION, f"new{n}") for n in range(3)))
    runner = a_runner(database, clock, new_id, thinker)

    assert await run_all(runner) == 1
    assert await answered(database) == {"new0", "new1", "new2"}

    clock.advance(LEASE)
    (again,) = await die(database, clock)
    assert again.tries == 2, "its first try did not end: whatever killed that worker may be in it"
    assert await run_all(runner) == 1
    clock.advance(LEASE)
    assert await run_all(runner) == 1
    assert await answered(database) == {"u1", "u2", "new0", "new1", "new2"}


async def test_a_new_message_does_not_share_a_batch_with_one_that_killed_its_worker(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1))
    await die(database, clock)
    clock.advance(LEASE)
    await arrive(database, clock, new_id, said(1, chat="u2"))

    batches: list[Mapping[str, int]] = []
    talks = {row.id: row.chat for row in await rows(database, conversations)}
    while taken := await die(database, clock):
        batches.append({talks[one.conversation_id]: one.tries for one in taken})

    assert sorted(batches, key=str) == [{"u1": 2}, {"u2": 1}]


async def test_a_message_that_kills_every_worker_is_given_to_people(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, said(1, "deadly"), said(2, QUESTION))
    for _ in range(6):
        assert len(await die(database, clock)) == 1
        clock.advance(LEASE)

    assert await run_all(a_runner(database, clock, new_id, thinker)) == 2

    deadly, following = await rows(database, inbox)
    assert (deadly.status, deadly.error) == ("dead", "the process died each time it was tried")
    assert following.status == "done"
    after = await conversation_of(database)
    assert (after.owner, after.reason, after.done_seq, after.tries) == ("queue", "dead_letter", 2, 0)
    apology, *_ = await rows(database, outbox)  # behind it who waits hears how to leave
    assert apology.sources[0]["id"] == "handoff.dead_letter"
    assert apology.epoch == after.epoch


async def test_a_lease_is_taken_by_one_of_two_processes(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, *(said(1, chat=f"u{n}") for n in range(20)))
    async with another(database) as other:
        taken = [*await die(database, clock), *await die(other, clock)]
    assert len(taken) == len({one.conversation_id for one in taken}) == 20

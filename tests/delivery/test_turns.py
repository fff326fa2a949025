"""Turns: one for each message, in order, by one worker; nobody is talked over and nothing stays stuck."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from bot.clock import IdMaker
from bot.delivery.thinking import Thinker
from bot.delivery.turns import TurnRunner, take_next
from bot.messages import Event
from bot.store.database import Database
from bot.store.tables import agents, consents, conversations, inbox, outbox
from handoff import ownership
from tests.conftest import StandingClock
from tests.delivery.stand import (
    Hook,
    a_runner,
    another,
    arrive,
    conversation_of,
    rows,
    run_all,
    said,
    said_in_group,
)

LEASE = timedelta(seconds=31)


@pytest.fixture
def waits_for() -> Any:
    """Run a coroutine of the test's loop from inside a turn, and wait for it."""
    loop = asyncio.get_event_loop()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    return run


def only_once(happen: Hook) -> Hook:
    happened: list[int] = []

    def hook(connection: Connection, conversation_id: str, seq: int) -> None:
        if not happened:
            happened.append(seq)
            happen(connection, conversation_id, seq)

    return hook


async def an_agent(database: Database, clock: StandingClock, key: str = "li") -> None:
    row = {"id": key, "login": key, "name": key.title(), "created_at": clock.now()}
    await database.write(lambda c: c.execute(agents.insert().values(row)))


async def taken_by_agent(database: Database, clock: StandingClock, key: str = "li") -> None:
    await an_agent(database, clock, key)
    conversation = await conversation_of(database)
    await database.write(lambda c: ownership.take(c, conversation.id, key, clock.now()))


async def test_each_message_gets_one_turn_in_order(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, said(1, "你好"), said(2, "怎么退货？"), said(3, "运费多少钱"))

    assert await run_all(a_runner(database, clock, new_id, thinker)) == 3

    conversation = await conversation_of(database)
    assert [(row.key, row.epoch) for row in await rows(database, outbox)] == [
        (f"turn:{conversation.id}:{seq}", 0) for seq in (1, 2, 3)
    ]
    assert (conversation.done_seq, conversation.version, conversation.lease_token) == (3, 3, None)
    assert [row.status for row in await rows(database, inbox)] == ["done"] * 3
    assert all(row.meaning["decision"] for row in await rows(database, inbox))


async def test_every_answer_says_what_it_comes_from(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, said(1, "运费多少钱"))

    await run_all(a_runner(database, clock, new_id, thinker))

    (answer,) = await rows(database, outbox)
    (message,) = await rows(database, inbox)
    assert message.meaning["decision"] == "answer"
    assert message.meaning["entry"] in [source["id"] for source in answer.sources]
    assert all(source["version"] for source in answer.sources)


# --- the fences ------------------------------------------------------------------------------------------------------
async def test_a_worker_whose_lease_was_taken_changes_nothing(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker, waits_for: Any
) -> None:
    def pause_too_long(_connection: Connection, _conversation_id: str, _seq: int) -> None:
        clock.advance(LEASE)
        assert waits_for(database.write(lambda c: take_next(c, clock.now(), "other", clock.now() + LEASE)))

    await arrive(database, clock, new_id, said(1, "我要退货"))
    before = await conversation_of(database)

    await a_runner(database, clock, new_id, thinker, pause_too_long).run_next()

    after = await conversation_of(database)
    assert (after.lease_token, after.done_seq, after.version, after.state) == ("other", 0, 0, before.state)
    assert await rows(database, outbox) == []
    (message,) = await rows(database, inbox)
    assert (message.status, message.error, message.meaning) == ("new", "", None)


async def test_a_worker_that_wakes_after_another_did_its_turn_changes_nothing(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker, waits_for: Any
) -> None:
    def pause_too_long(_connection: Connection, _conversation_id: str, _seq: int) -> None:
        clock.advance(LEASE)
        assert waits_for(run_all(a_runner(database, clock, new_id, thinker))) == 2

    await arrive(database, clock, new_id, said(1, "你好"), said(2, "运费多少钱"))

    await a_runner(database, clock, new_id, thinker, pause_too_long).run_next()

    after = await conversation_of(database)
    assert (after.done_seq, after.version, after.lease_token) == (2, 2, None)
    assert len(await rows(database, outbox)) == 2


async def test_a_worker_that_fails_after_it_lost_its_lease_changes_nothing(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker, waits_for: Any
) -> None:
    tries: list[int] = []

    def fail(_connection: Connection, _conversation_id: str, seq: int) -> None:
        tries.append(seq)
        if len(tries) == 2:
            clock.advance(LEASE)
            assert waits_for(run_all(a_runner(database, clock, new_id, thinker))) == 2
        raise RuntimeError("broken")

    await arrive(database, clock, new_id, said(1, "你好"), said(2, "运费多少钱"))
    runner = a_runner(database, clock, new_id, thinker, fail)
    for _ in range(3):
        await runner.run_next()
        clock.advance(timedelta(minutes=1))

    after = await conversation_of(database)
    assert (after.owner, after.done_seq, after.lease_token) == ("bot", 2, None)
    assert [row.status for row in await rows(database, inbox)] == ["done", "done"]
    assert not await runner.run_next()


async def test_a_turn_under_which_the_conversation_moved_is_thought_again(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker, waits_for: Any
) -> None:
    async def move() -> None:
        await database.write(lambda c: c.execute(conversations.update().values(version=7)))

    await arrive(database, clock, new_id, said(1))
    runner = a_runner(database, clock, new_id, thinker, only_once(lambda *_: waits_for(move())))

    await runner.run_next()
    assert await rows(database, outbox) == []
    assert await run_all(runner) == 1
    assert len(await rows(database, outbox)) == 1


async def test_the_bot_says_nothing_when_a_human_took_over_during_the_turn(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker, waits_for: Any
) -> None:
    await arrive(database, clock, new_id, said(1, "运费多少钱"))
    runner = a_runner(
        database, clock, new_id, thinker, only_once(lambda *_: waits_for(taken_by_agent(database, clock)))
    )

    assert await run_all(runner) == 2

    assert await rows(database, outbox) == []
    conversation = await conversation_of(database)
    assert (conversation.owner, conversation.agent_id, conversation.done_seq) == ("agent", "li", 1)


# --- who speaks ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("owner", ["queue", "agent"])
async def test_the_bot_is_silent_while_people_have_the_conversation(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker, owner: str
) -> None:
    await arrive(database, clock, new_id, said(1, "运费多少钱"))
    if owner == "agent":
        await taken_by_agent(database, clock)
    else:
        conversation = await conversation_of(database)
        await database.write(lambda c: ownership.to_queue(c, conversation.id, "asked", 0, clock.now()))

    runner = a_runner(database, clock, new_id, thinker)
    assert await run_all(runner) == 1

    assert (runner.done.count, runner.listened.count) == ((0, 1) if owner == "agent" else (1, 0)), "who sends is spared"
    said_once = [row.sources[0]["id"] for row in await rows(database, outbox)]
    assert said_once == ([] if owner == "agent" else ["handoff.still_waiting"]), "who waits hears how to leave, once"
    (message,) = await rows(database, inbox)
    assert message.status == "done"
    assert message.meaning["intent"], "the agent still sees what was understood"
    assert (await conversation_of(database)).owner == owner


async def test_a_closed_conversation_is_the_bots_again_when_the_customer_writes(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, said(1))
    await taken_by_agent(database, clock)
    conversation = await conversation_of(database)
    await database.write(lambda c: ownership.close(c, conversation.id, "li", "done", clock.now()))

    await run_all(a_runner(database, clock, new_id, thinker))

    after = await conversation_of(database)
    (answer,) = await rows(database, outbox)
    assert after.owner == "bot"
    assert answer.epoch == after.epoch == 3


async def test_asking_for_a_person_queues_the_conversation_and_says_so(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, said(1, "人工"))

    await run_all(a_runner(database, clock, new_id, thinker))

    after = await conversation_of(database)
    (answer,) = await rows(database, outbox)
    assert (after.owner, after.queued_at) == ("queue", clock.now())
    assert answer.epoch == after.epoch, "what announces the handoff must pass the gate after it"


async def test_who_asks_again_while_waiting_hears_that_the_call_stands_and_who_gives_up_gets_the_bot_back(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    runner = a_runner(database, clock, new_id, thinker)
    for number, words in enumerate(("人工", "人工", "运费多少钱"), 1):
        await arrive(database, clock, new_id, said(number, words))
        await run_all(runner)
    assert (await conversation_of(database)).owner == "queue"
    called, again = await rows(database, outbox)
    assert called.text == again.text

    for number, words in enumerate(("算了", "运费多少钱"), 4):
        await arrive(database, clock, new_id, said(number, words))
        await run_all(runner)
    after = await conversation_of(database)
    assert (after.owner, after.queued_at) == ("bot", None)
    assert "¥" in (await rows(database, outbox))[-1].text


async def test_unsubscribing_works_and_is_confirmed_while_a_human_has_the_conversation(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, said(1, "退订"))
    await taken_by_agent(database, clock)

    await run_all(a_runner(database, clock, new_id, thinker))

    (wish,) = await rows(database, consents)
    assert (wish.granted, wish.channel, wish.purpose, wish.proof) == (False, "*", "marketing", "退订")
    (confirmed,) = await rows(database, outbox)
    assert [source["id"] for source in confirmed.sources] == ["consent.off"]


@pytest.mark.parametrize(
    "message",
    [
        said(1, "", event=Event.LEFT),
        said_in_group(1, "li", "运费多少钱"),
        said_in_group(2, "li", "", event=Event.JOINED),
    ],
    ids=["left", "talk in a group", "added to a group"],
)
async def test_what_wants_no_answer_gets_none(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker, message: Any
) -> None:
    await arrive(database, clock, new_id, message)

    assert await run_all(a_runner(database, clock, new_id, thinker)) == 1

    assert await rows(database, outbox) == []
    assert [row.status for row in await rows(database, inbox)] == ["done"]


async def test_opening_the_chat_is_greeted(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, said(1, "", event=Event.STARTED))

    await run_all(a_runner(database, clock, new_id, thinker))

    assert len(await rows(database, outbox)) == 1


# --- poison ----------------------------------------------------------------------------------------------------------
def poisoned(connection: Connection, conversation_id: str, seq: int) -> None:
    of_turn = inbox.c.conversation_id == conversation_id, inbox.c.seq == seq
    if connection.execute(select(inbox.c.text).where(*of_turn)).scalar_one() == "poison":
        raise RuntimeError("this message breaks the bot")


async def test_a_message_that_breaks_the_bot_is_retried_then_given_to_people(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, said(1, "poison"), said(2, "运费多少钱"))
    runner = a_runner(database, clock, new_id, thinker, poisoned)

    assert await run_all(runner) == 1, "it is not tried again at once"
    clock.advance(timedelta(seconds=2))
    assert await run_all(runner) == 1
    clock.advance(timedelta(seconds=3))
    assert await run_all(runner) == 0, "and the pause grows"
    (broken, following) = await rows(database, inbox)
    assert (broken.status, following.status) == ("new", "new")
    assert (await conversation_of(database)).tries == 2

    clock.advance(timedelta(seconds=1))
    assert await run_all(runner) == 2

    (broken, following) = await rows(database, inbox)
    assert broken.status == "dead"
    assert broken.error == "RuntimeError: this message breaks the bot"
    assert following.status == "done"
    conversation = await conversation_of(database)
    assert (conversation.owner, conversation.reason, conversation.done_seq) == ("queue", "dead_letter", 2)
    assert conversation.tries == 0, "the next message has tries of its own"
    apology, *_ = await rows(database, outbox)  # behind it who waits hears how to leave
    assert apology.epoch == conversation.epoch
    assert apology.sources[0]["id"] == "handoff.dead_letter"


async def test_others_get_their_turns_while_one_message_is_retried(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    await arrive(database, clock, new_id, said(1, "poison"), said(1, "运费多少钱", chat="u2"))

    await run_all(a_runner(database, clock, new_id, thinker, poisoned))

    (answer,) = await rows(database, outbox)
    assert answer.conversation_id == (await conversation_of(database, "u2")).id


@pytest.mark.parametrize("owner", ["queue", "agent"])
async def test_a_message_that_breaks_the_bot_leaves_a_conversation_with_people_alone(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker, owner: str
) -> None:
    await arrive(database, clock, new_id, said(1, "poison"), said(2, "还在吗"))
    if owner == "agent":
        await taken_by_agent(database, clock)
    else:
        conversation = await conversation_of(database)
        await database.write(lambda c: ownership.to_queue(c, conversation.id, "asked", 0, clock.now()))
    runner = a_runner(database, clock, new_id, thinker, poisoned)

    for _ in range(4):
        await run_all(runner)
        clock.advance(timedelta(minutes=1))

    assert [row.status for row in await rows(database, inbox)] == ["dead", "done"]
    assert await rows(database, outbox) == [], "the bot does not talk into it"
    after = await conversation_of(database)
    assert (after.owner, after.epoch, after.done_seq) == (owner, 1, 2)


async def test_a_turn_that_cannot_be_committed_is_not_repeated_for_ever(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    def gone(*_: Any) -> None:
        from bot.errors import Conflict

        raise Conflict("the sale is over")

    await arrive(database, clock, new_id, said(1, "人工"), said(2, "运费多少钱"))
    runner = a_runner(database, clock, new_id, thinker)
    runner.to_queue = gone

    assert await run_all(runner) == 1
    (message, _) = await rows(database, inbox)
    assert message.error == "Conflict: the sale is over"
    assert (await conversation_of(database)).tries == 1


# --- side by side ----------------------------------------------------------------------------------------------------
async def until_done(database: Database, count: int, tasks: list[asyncio.Task[None]]) -> None:
    async with asyncio.timeout(60):
        while len(await rows(database, inbox, inbox.c.status == "done")) < count:
            for task in tasks:
                assert not task.done(), f"a loop ended: {task}"
            await asyncio.sleep(0.05)


async def stopped(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_no_turn_is_lost_or_doubled_with_many_workers_on_one_database(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    chats = [f"u{n}" for n in range(10)]
    async with another(database) as other:
        runners = [a_runner(place, clock, new_id, thinker) for place in (database, other) for _ in range(3)]
        tasks = [asyncio.create_task(runner.run()) for runner in runners]
        for number in range(1, 11):
            place = (database, other)[number % 2]
            await arrive(place, clock, new_id, *(said(number, "运费多少钱", chat=chat) for chat in chats))
            for runner in runners:
                runner.wake.notify()
        await until_done(database, 100, tasks)
        await stopped(tasks)

    for conversation in await rows(database, conversations):
        assert (conversation.done_seq, conversation.version) == (10, 10), "a turn was committed twice"
    answers = await rows(database, outbox)
    for chat in chats:
        conversation = await conversation_of(database, chat)
        keys = [row.key for row in answers if row.conversation_id == conversation.id]
        assert keys == [f"turn:{conversation.id}:{seq}" for seq in range(1, 11)]


async def test_the_loop_goes_on_after_the_database_failed(
    database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker
) -> None:
    async def rename(old: str, new: str) -> None:
        await database.write(lambda c: c.execute(text(f"ALTER TABLE {old} RENAME TO {new}")))

    await arrive(database, clock, new_id, said(1, "运费多少钱"))
    await rename("conversations", "away")
    runner: TurnRunner = a_runner(database, clock, new_id, thinker)
    task = asyncio.create_task(runner.run())
    await asyncio.sleep(0.2)
    await rename("away", "conversations")
    runner.wake.notify()
    await until_done(database, 1, [task])
    await stopped([task])

"""The sender: order, pace, receipts, and what becomes of a message that cannot go."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, text

from bot.clock import IdMaker, SystemClock
from bot.delivery.inbox import lock_conversation, store
from bot.delivery.sender import Sender
from bot.messages import Choice, Event, Grant, Limits, Outbound, Purpose, Receipt, SendStatus, Source
from bot.store.database import Database
from bot.store.tables import agents, grants, identities, outbox, tasks
from handoff import ownership
from tests.conftest import StandingClock
from tests.delivery.stand import (
    MANY_TOUCHES,
    Platform,
    a_sender,
    arrive,
    conversation_of,
    rows,
    said,
    said_in_group,
    send_all,
    write_out,
)

FIVE = (Grant(count=5, window_s=48 * 3600),)
OWN_PAGE = Limits(own_page=True)
MARKETING = Purpose.MARKETING
TRANSIENT = Receipt(SendStatus.TRANSIENT, reason="bad gateway")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


async def states(database: Database) -> dict[str, tuple[str, str]]:
    return {row.key: (row.status, row.reason) for row in await rows(database, outbox)}


async def until_asked(platform: Platform, count: int) -> None:
    async with asyncio.timeout(10):
        while len(platform.asked) < count:  # noqa: ASYNC110 (the platform has no event to wait for)
            await asyncio.sleep(0.01)


async def test_a_message_goes_out_whole_and_is_marked_sent(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform()
    await arrive(database, clock, new_id, said(1))
    choices, sources = (Choice("human", "人工"),), (Source("shipping-fee", "3"),)
    await write_out(database, clock, "turn:1", choices=choices, sources=sources)
    clock.advance(seconds(1))

    await send_all(a_sender(database, clock, platform))

    assert platform.asked == [
        Outbound("turn:1", said(1).chat, Purpose.REPLY, "turn:1", choices=choices, sources=sources)
    ]
    (row,) = await rows(database, outbox)
    assert (row.status, row.platform_id, row.sent_at, row.lease_until) == ("sent", "p1", clock.now(), None)
    assert row.shown == (await conversation_of(database)).shown == 2


async def test_the_same_key_is_sent_once(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    platform = Platform()
    await arrive(database, clock, new_id, said(1))
    sender = a_sender(database, clock, platform)
    for _ in range(2):
        await write_out(database, clock, "a")
        await send_all(sender)
    assert platform.texts == ["a"]


async def test_a_sender_leaves_other_channels_alone(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    platform = Platform(channel="telegram:bot")
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")

    await send_all(a_sender(database, clock, platform))

    assert platform.asked == []
    assert await states(database) == {"a": ("waiting", "")}


# --- order -------------------------------------------------------------------------------------------------------
async def test_a_message_waits_for_the_older_one_of_its_conversation(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(receipts=[TRANSIENT])
    await arrive(database, clock, new_id, said(1), said(1, chat="u2"))
    await write_out(database, clock, "first")
    await write_out(database, clock, "second")
    await write_out(database, clock, "other", "u2")
    sender = a_sender(database, clock, platform)

    await send_all(sender)
    assert platform.texts == ["first", "other"]
    clock.advance(seconds(2))
    await send_all(sender)
    assert platform.texts == ["first", "other", "first", "second"]


async def test_replies_go_ahead_of_campaigns(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    platform = Platform(limits=OWN_PAGE)
    await arrive(database, clock, new_id, said(1), said(1, chat="u2"))
    await write_out(database, clock, "sale 1", purpose=MARKETING)
    await write_out(database, clock, "sale 2", "u2", purpose=MARKETING)
    await write_out(database, clock, "reply 1")
    await write_out(database, clock, "reply 2", "u2")

    await send_all(a_sender(database, clock, platform))

    assert platform.texts == ["reply 1", "reply 2", "sale 1", "sale 2"]


# --- receipts ----------------------------------------------------------------------------------------------------
async def test_the_whole_channel_waits_when_the_platform_asks_for_it(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(receipts=[Receipt(SendStatus.RATE_LIMITED, retry_after_s=7)])
    await arrive(database, clock, new_id, said(1), said(1, chat="u2"))
    await write_out(database, clock, "a")
    await write_out(database, clock, "b", "u2")
    sender = a_sender(database, clock, platform)

    await send_all(sender)
    clock.advance(seconds(6))
    await send_all(sender)
    assert platform.texts == ["a"]
    clock.advance(seconds(1))
    await send_all(sender)
    assert platform.texts == ["a", "a", "b"]


async def test_a_failing_platform_is_tried_five_times_with_growing_pauses(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(receipts=[TRANSIENT] * 5)
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")
    sender = a_sender(database, clock, platform)

    await send_all(sender)
    for tries, pause_s in enumerate((2, 4, 8, 16), 1):
        assert await states(database) == {"a": ("waiting", "bad gateway")}
        clock.advance(seconds(pause_s - 1))
        await send_all(sender)
        assert len(platform.asked) == tries
        clock.advance(seconds(1))
        await send_all(sender)
    assert len(platform.asked) == 5
    assert await states(database) == {"a": ("failed", "bad gateway")}
    clock.advance(timedelta(days=1))
    await send_all(sender)
    assert len(platform.asked) == 5


async def test_to_be_asked_to_wait_is_not_a_failed_try(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(receipts=[Receipt(SendStatus.RATE_LIMITED, retry_after_s=1)] * 6 + [TRANSIENT])
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")
    sender = a_sender(database, clock, platform)
    for _ in range(8):
        await send_all(sender)
        clock.advance(seconds(2))
    assert len(platform.asked) == 8
    assert await states(database) == {"a": ("sent", "")}


async def test_what_the_platform_refuses_is_not_tried_again(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(receipts=[Receipt(SendStatus.REFUSED, reason="too long")])
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")
    await write_out(database, clock, "b")
    await send_all(a_sender(database, clock, platform))
    assert platform.texts == ["a", "b"]
    assert await states(database) == {"a": ("failed", "too long"), "b": ("sent", "")}


@pytest.mark.parametrize(
    ("takes_key", "purpose", "times", "status"),
    [(True, Purpose.REPLY, 2, "sent"), (True, MARKETING, 1, "unsure"), (False, Purpose.REPLY, 1, "unsure")],
)
async def test_an_unsure_send_is_repeated_only_where_the_platform_drops_repeats(
    database: Database,
    clock: StandingClock,
    new_id: IdMaker,
    takes_key: bool,
    purpose: Purpose,
    times: int,
    status: str,
) -> None:
    limits = Limits(own_page=True, takes_key=takes_key)
    platform = Platform(limits=limits, receipts=[Receipt(SendStatus.UNSURE, reason="time-out")])
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a", purpose=purpose)

    await send_all(a_sender(database, clock, platform))

    assert [message.id for message in platform.asked] == ["a"] * times
    assert (await states(database))["a"][0] == status


async def test_a_connector_that_raises_leaves_the_message_unsure(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    class Raising(Platform):
        async def send(self, message: Outbound) -> Receipt:
            await super().send(message)
            raise ValueError(message.text)

    platform = Raising()
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")
    await send_all(a_sender(database, clock, platform))
    assert await states(database) == {"a": ("unsure", "ValueError")}


async def test_a_window_the_platform_calls_closed_is_closed_and_a_human_gets_a_task(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(limits=Limits(counts_windows=True), receipts=[Receipt(SendStatus.WINDOW_CLOSED)])
    await arrive(database, clock, new_id, said(1, grants=FIVE))
    await write_out(database, clock, "a")
    await write_out(database, clock, "b")

    await send_all(a_sender(database, clock, platform))

    assert platform.texts == ["a"]
    assert await rows(database, grants) == []
    assert await states(database) == {"a": ("task", "no_window"), "b": ("task", "no_window")}
    conversation = await conversation_of(database)
    assert [(task.key, task.kind, task.text, task.conversation_id) for task in await rows(database, tasks)] == [
        ("outbox:a", "no_window", "a", conversation.id),
        ("outbox:b", "no_window", "b", conversation.id),
    ]


async def test_who_cannot_be_reached_gets_nothing_more_until_they_write_again(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(receipts=[Receipt(SendStatus.UNREACHABLE, reason="blocked")])
    await arrive(database, clock, new_id, said(1), said(1, chat="u2"))
    sender = a_sender(database, clock, platform)
    for key in ("a", "b"):
        await write_out(database, clock, key)
    await write_out(database, clock, "other", "u2")

    await send_all(sender)

    assert platform.texts == ["a", "other"]
    assert {row.user: row.unreachable for row in await rows(database, identities)} == {"u1": True, "u2": False}
    assert [(task.key, task.kind) for task in await rows(database, tasks)] == [
        ("outbox:a", "unreachable"),
        ("outbox:b", "unreachable"),
    ]
    await arrive(database, clock, new_id, said(2))
    await write_out(database, clock, "c")
    await send_all(sender)
    assert platform.texts == ["a", "other", "c"]


# --- windows ---------------------------------------------------------------------------------------------------------
async def test_a_window_carries_the_bot_until_one_message_is_left_for_a_human(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(limits=Limits(counts_windows=True))
    await arrive(database, clock, new_id, said(1, grants=FIVE))
    for n in range(1, 6):
        await write_out(database, clock, f"bot {n}")
    await write_out(database, clock, "human 1", purpose=Purpose.HUMAN)
    await write_out(database, clock, "human 2", purpose=Purpose.HUMAN)

    await send_all(a_sender(database, clock, platform))

    assert platform.texts == ["bot 1", "bot 2", "bot 3", "bot 4", "human 1"]
    assert sorted(task.text for task in await rows(database, tasks)) == ["bot 5", "human 2"]


@pytest.mark.parametrize(
    ("status", "used"),
    [
        (SendStatus.SENT, 1),
        (SendStatus.UNSURE, 1),
        (SendStatus.TRANSIENT, 0),
        (SendStatus.RATE_LIMITED, 0),
        (SendStatus.REFUSED, 0),
    ],
)
async def test_a_window_pays_only_for_what_may_have_been_sent(
    database: Database, clock: StandingClock, new_id: IdMaker, status: SendStatus, used: int
) -> None:
    platform = Platform(limits=Limits(counts_windows=True), receipts=[Receipt(status, retry_after_s=9)])
    await arrive(database, clock, new_id, said(1, grants=FIVE))
    await write_out(database, clock, "a")

    await send_all(a_sender(database, clock, platform))

    (grant,) = await rows(database, grants)
    assert grant.used == used


# --- interrupted -----------------------------------------------------------------------------------------------------
@dataclass
class Stuck(Platform):
    """A platform that takes the message and never answers."""

    taken: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Outbound) -> Receipt:
        self.asked.append(message)
        self.taken.set()
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize(
    ("takes_key", "purpose", "times", "status"),
    [(True, Purpose.REPLY, 2, "sent"), (True, MARKETING, 1, "unsure"), (False, Purpose.REPLY, 1, "unsure")],
)
async def test_a_send_during_which_the_program_was_killed_is_unsure(
    database: Database,
    clock: StandingClock,
    new_id: IdMaker,
    takes_key: bool,
    purpose: Purpose,
    times: int,
    status: str,
) -> None:
    limits = Limits(own_page=True, takes_key=takes_key)
    stuck = Stuck(limits=limits)
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a", purpose=purpose)
    task = asyncio.create_task(a_sender(database, clock, stuck).run())
    await asyncio.wait_for(stuck.taken.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    platform = Platform(limits=limits, asked=stuck.asked)
    clock.advance(seconds(59))
    await send_all(a_sender(database, clock, platform))
    assert (await states(database))["a"][0] == "sending", "the first sender may still be at it"
    clock.advance(seconds(1))
    await send_all(a_sender(database, clock, platform))

    assert [message.id for message in platform.asked] == ["a"] * times
    assert (await states(database))["a"][0] == status


# --- pace ------------------------------------------------------------------------------------------------------------
async def test_two_messages_to_one_chat_keep_the_chats_pause(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(limits=Limits(per_chat_s=1.5))
    await arrive(database, clock, new_id, said(1), said(1, chat="u2"))
    for key, chat in (("a1", "u1"), ("a2", "u1"), ("b1", "u2")):
        await write_out(database, clock, key, chat)
    sender = a_sender(database, clock, platform)

    await send_all(sender)
    assert platform.texts == ["a1", "b1"]
    clock.advance(seconds(1.4))
    await send_all(sender)
    assert platform.texts == ["a1", "b1"]
    clock.advance(seconds(0.1))
    await send_all(sender)
    assert platform.texts == ["a1", "b1", "a2"]


async def test_groups_have_a_pause_of_their_own(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    platform = Platform(channel="telegram:bot", limits=Limits(per_chat_s=1, per_group_s=3))
    await arrive(database, clock, new_id, said_in_group(1, "li"))
    for key in ("a", "b"):
        await write_out(database, clock, key, "g1", channel="telegram:bot")
    sender = a_sender(database, clock, platform)

    await send_all(sender)
    clock.advance(seconds(2))
    await send_all(sender)
    assert platform.texts == ["a"]
    clock.advance(seconds(1))
    await send_all(sender)
    assert platform.texts == ["a", "b"]


async def test_a_channel_sends_no_faster_than_its_platform_allows(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(limits=Limits(per_second=10))
    await arrive(database, clock, new_id, *(said(1, chat=f"u{n}") for n in range(5)))
    for n in range(5):
        await write_out(database, clock, f"m{n}", f"u{n}")
    sender = a_sender(database, clock, platform)

    counts = []
    for _ in range(5):
        await send_all(sender)
        counts.append(len(platform.asked))
        clock.advance(seconds(0.1))
    assert counts == [1, 2, 3, 4, 5]


async def test_a_paced_channel_is_used_as_fast_as_its_platform_allows(database: Database, new_id: IdMaker) -> None:
    clock = SystemClock()
    platform = Platform(limits=Limits(per_second=20, own_page=True))
    users = [f"u{n}" for n in range(20)]
    await arrive(database, clock, new_id, *(said(1, chat=user) for user in users))
    for user in users:
        await write_out(database, clock, user, user)
    started = time.monotonic()
    task = asyncio.create_task(a_sender(database, clock, platform, MANY_TOUCHES).run())
    await until_asked(platform, 20)
    took_s = time.monotonic() - started
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert 0.9 < took_s < 3, "19 pauses of 50 ms"


# --- owners ----------------------------------------------------------------------------------------------------------
async def an_agent(database: Database, clock: StandingClock) -> None:
    li = {"id": "li", "login": "li", "name": "Li", "created_at": clock.now()}
    await database.write(lambda c: c.execute(agents.insert(), li))


async def test_what_an_agent_said_is_sent_though_the_conversation_was_closed_at_once(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform()
    await arrive(database, clock, new_id, said(1))
    conversation = await conversation_of(database)
    await an_agent(database, clock)
    held = await database.write(lambda c: ownership.take(c, conversation.id, "li", clock.now()))

    await write_out(database, clock, "bye", purpose=Purpose.HUMAN, author="agent:li", epoch=held.epoch)
    await database.write(lambda c: ownership.close(c, conversation.id, "li", "solved", clock.now()))
    await send_all(a_sender(database, clock, platform))

    assert [(message.text, message.author) for message in platform.asked] == [("bye", "agent:li")]


async def test_what_the_bot_wrote_before_it_called_a_human_is_sent_while_none_has_come(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform()
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "answer", epoch=0)
    conversation = await conversation_of(database)
    await database.write(lambda c: ownership.to_queue(c, conversation.id, "asked", 0, clock.now()))
    await send_all(a_sender(database, clock, platform))
    assert [message.text for message in platform.asked] == ["answer"]


async def test_what_the_bot_wrote_is_not_sent_after_a_human_took_over(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(limits=OWN_PAGE)
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "answer", epoch=0)
    await write_out(database, clock, "sale", purpose=MARKETING)
    conversation = await conversation_of(database)
    await an_agent(database, clock)
    await database.write(lambda c: ownership.take(c, conversation.id, "li", clock.now()))

    await send_all(a_sender(database, clock, platform))

    assert platform.asked == []
    assert await states(database) == {
        "answer": ("dropped", "owner_changed"),
        "sale": ("dropped", "a_human_is_talking"),
    }


# --- the database ------------------------------------------------------------------------------------------------------
async def test_a_receipt_that_could_not_be_stored_does_not_end_the_sender(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    async def rename(old: str, new: str) -> None:
        await database.write(lambda c: c.execute(text(f"ALTER TABLE {old} RENAME TO {new}")))

    class Cut(Platform):
        async def send(self, message: Outbound) -> Receipt:
            if not self.asked:
                await rename("outbox", "away")
            return await super().send(message)

    platform = Cut()
    await arrive(database, clock, new_id, said(1), said(1, chat="u2"))
    await write_out(database, clock, "a")
    await write_out(database, clock, "b", "u2")
    sender: Sender = a_sender(database, clock, platform)
    task = asyncio.create_task(sender.run())
    await until_asked(platform, 1)
    await asyncio.sleep(0.1)
    await rename("away", "outbox")
    assert not task.done(), f"the loop ended: {task}"
    await until_asked(platform, 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert platform.texts == ["a", "b"]


@pytest.mark.parametrize("status", [SendStatus.UNREACHABLE, SendStatus.WINDOW_CLOSED])
async def test_a_receipt_and_a_message_of_the_same_customer_do_not_block_each_other(
    database: Database, clock: StandingClock, new_id: IdMaker, status: SendStatus
) -> None:
    holding = asyncio.Event()
    loop = asyncio.get_running_loop()

    def store_slowly(connection: Connection) -> int:
        (identity_id,) = connection.execute(select(identities.c.id)).scalars()
        lock_conversation(connection, said(2), identity_id, clock.now(), new_id)
        loop.call_soon_threadsafe(holding.set)
        time.sleep(0.4)  # the receipt arrives meanwhile
        return store(connection, [said(2, grants=FIVE)], clock.now(), new_id)

    class Meanwhile(Platform):
        async def send(self, message: Outbound) -> Receipt:
            storing.append(asyncio.ensure_future(database.write(store_slowly)))
            await holding.wait()
            return await super().send(message)

    storing: list[asyncio.Future[int]] = []
    await arrive(database, clock, new_id, said(1, grants=FIVE))
    await write_out(database, clock, "a")
    await send_all(a_sender(database, clock, Meanwhile(receipts=[Receipt(status)])))

    assert await asyncio.gather(*storing) == [1]
    assert (await states(database))["a"][0] == "task"


async def test_who_left_gets_a_task_instead_of_a_message(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform()
    await arrive(database, clock, new_id, said(1), said(2, "", event=Event.LEFT))
    await write_out(database, clock, "a")
    await send_all(a_sender(database, clock, platform))
    assert platform.asked == []
    assert await states(database) == {"a": ("task", "unreachable")}

"""The sender: order, pace, receipts, and what becomes of a message that cannot go."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from bot.clock import IdMaker, SystemClock
from bot.messages import Choice, Event, Grant, Limits, Outbound, Purpose, Rate, Receipt, SendStatus, Source
from bot.store.database import Database
from bot.store.tables import agents, outbox
from handoff import ownership
from handoff.answering import answered
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
    states,
    until_asked,
    write_out,
)

FIVE = (Grant(count=5, window_s=48 * 3600),)
OWN_PAGE = Limits(own_page=True)
MARKETING = Purpose.MARKETING
TRANSIENT = Receipt(SendStatus.TRANSIENT, reason="bad gateway")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


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
        Outbound("turn:1", said(1).chat, Purpose.REPLY, "turn:1", choices=choices, sources=sources, road="open")
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


# --- pace ------------------------------------------------------------------------------------------------------------
async def test_two_messages_to_one_chat_keep_the_chats_pause(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(limits=Limits(per_chat=Rate(1, 1.5)))
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
    platform = Platform(channel="telegram:bot", limits=Limits(per_chat=Rate(1, 1), per_group=Rate(1, 3)))
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
    platform = Platform(limits=Limits(overall=Rate(1, 0.1)))
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
    platform = Platform(limits=Limits(overall=Rate(1, 0.05), own_page=True))
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


@pytest.mark.parametrize("has_spoken", [False, True])
async def test_that_a_human_was_called_is_said_though_one_was_found_at_once_unless_they_have_spoken(
    database: Database, clock: StandingClock, new_id: IdMaker, has_spoken: bool
) -> None:
    platform = Platform(limits=OWN_PAGE)
    await arrive(database, clock, new_id, said(1))
    conversation = await conversation_of(database)
    await an_agent(database, clock)
    await database.write(lambda c: ownership.to_queue(c, conversation.id, "asked", 0, clock.now()))
    await write_out(database, clock, "called", epoch=1)
    await database.write(lambda c: ownership.assign(c, conversation.id, "li", clock.now(), clock.now()))
    if has_spoken:
        await database.write(lambda c: answered(c, conversation.id, "li", clock.now()))
    await send_all(a_sender(database, clock, platform))
    assert await states(database) == {"called": ("dropped", "owner_changed") if has_spoken else ("sent", "open")}


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


async def test_who_left_gets_a_task_instead_of_a_message(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform()
    await arrive(database, clock, new_id, said(1), said(2, "", event=Event.LEFT))
    await write_out(database, clock, "a")
    await send_all(a_sender(database, clock, platform))
    assert platform.asked == []
    assert await states(database) == {"a": ("task", "unreachable")}

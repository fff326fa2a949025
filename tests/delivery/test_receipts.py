"""Receipts: what becomes of a message after its send."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from bot.clock import IdMaker
from bot.messages import Grant, Limits, Outbound, Purpose, Receipt, SendStatus
from bot.store.database import Database
from bot.store.tables import conversations, grants, tasks
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
    states,
    write_out,
)

FIVE = (Grant(count=5, window_s=48 * 3600),)
MARKETING = Purpose.MARKETING
TRANSIENT = Receipt(SendStatus.TRANSIENT, reason="bad gateway")
SENT = Receipt(SendStatus.SENT)
KICKED = Receipt(SendStatus.UNREACHABLE, reason="kicked")
ALWAYS_OPEN = Limits(own_page=True)
WAKEFUL = replace(MANY_TOUCHES, quiet_from=time.min, quiet_until=time.min)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


WAIT = Receipt(SendStatus.RATE_LIMITED, retry_after_s=7)


@pytest.mark.parametrize(("refusals", "go_on"), [(1, ["c"]), (2, [])], ids=["one chat", "two chats"])
async def test_a_chat_waits_when_the_platform_asks_for_it_and_the_whole_channel_when_it_asks_twice(
    database: Database, clock: StandingClock, new_id: IdMaker, refusals: int, go_on: list[str]
) -> None:
    platform = Platform(receipts=[WAIT] * refusals)
    await arrive(database, clock, new_id, *(said(1, chat=chat) for chat in ("u1", "u2", "u3")))
    sender = a_sender(database, clock, platform)
    await write_out(database, clock, "a")
    await write_out(database, clock, "b", "u2")
    await send_all(sender)
    assert platform.texts == ["a", "b"]

    clock.advance(seconds(6))
    await write_out(database, clock, "c", "u3")
    await send_all(sender)
    assert platform.texts == ["a", "b", *go_on]

    clock.advance(seconds(1))
    await send_all(sender)
    assert sorted(platform.texts) == sorted(["a", "b", "c", *["a", "b"][:refusals]])


async def test_a_failing_platform_is_tried_with_growing_pauses_of_at_most_five_minutes(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(receipts=[TRANSIENT] * 12)
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")
    sender = a_sender(database, clock, platform)

    await send_all(sender)
    for tries, pause_s in enumerate((2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300), 1):
        assert await states(database) == {"a": ("waiting", "bad gateway")}
        clock.advance(seconds(pause_s - 1))
        await send_all(sender)
        assert len(platform.asked) == tries
        clock.advance(seconds(1))
        await send_all(sender)
    clock.advance(seconds(300))
    await send_all(sender)
    assert await states(database) == {"a": ("sent", "open")}


@pytest.mark.parametrize(
    ("purpose", "not_after_h", "given_up_after_h"),
    [(Purpose.REPLY, None, 1), (Purpose.HUMAN, None, 1), (MARKETING, 3, 3), (MARKETING, None, 24)],
)
async def test_a_platform_that_stays_away_is_given_up_in_time(
    database: Database,
    clock: StandingClock,
    new_id: IdMaker,
    purpose: Purpose,
    not_after_h: int | None,
    given_up_after_h: int,
) -> None:
    platform = Platform(limits=ALWAYS_OPEN, receipts=[TRANSIENT] * 1000)
    await arrive(database, clock, new_id, said(1))
    until = None if not_after_h is None else clock.now() + timedelta(hours=not_after_h)
    await write_out(database, clock, "a", purpose=purpose, not_after=until)
    sender = a_sender(database, clock, platform, WAKEFUL)

    started = clock.now()
    while (await states(database))["a"][0] == "waiting":
        await send_all(sender)
        clock.advance(seconds(60))

    assert await states(database) == {"a": ("failed", "bad gateway")}
    took_h = (clock.now() - started) / timedelta(hours=1)
    assert given_up_after_h - 0.15 < took_h < given_up_after_h + 0.05
    assert len(await rows(database, tasks)) == (purpose is not MARKETING)


async def test_a_platform_that_names_a_pause_is_tried_after_it(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(receipts=[Receipt(SendStatus.TRANSIENT, retry_after_s=600)])
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")
    sender = a_sender(database, clock, platform)

    await send_all(sender)
    clock.advance(seconds(599))
    await send_all(sender)
    assert len(platform.asked) == 1
    clock.advance(seconds(1))
    await send_all(sender)
    assert await states(database) == {"a": ("sent", "open")}


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
    assert await states(database) == {"a": ("sent", "open")}


async def test_what_the_platform_refuses_is_not_tried_again(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(receipts=[Receipt(SendStatus.REFUSED, reason="too long")])
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")
    await write_out(database, clock, "b")
    await send_all(a_sender(database, clock, platform))
    assert platform.texts == ["a", "b"]
    assert await states(database) == {"a": ("failed", "too long"), "b": ("sent", "open")}


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

    assert platform.texts == ["a\n\nb"]
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
    assert {row.chat: row.unreachable for row in await rows(database, conversations)} == {"u1": True, "u2": False}
    assert [(task.key, task.kind) for task in await rows(database, tasks)] == [
        ("outbox:a", "unreachable"),
        ("outbox:b", "unreachable"),
    ]
    await arrive(database, clock, new_id, said(2))
    await write_out(database, clock, "c")
    await send_all(sender)
    assert platform.texts == ["a", "other", "c"]


async def test_a_group_that_removed_the_bot_gets_no_more_announcements_and_makes_no_tasks(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(channel="telegram:bot", receipts=[SENT, KICKED])
    await arrive(database, clock, new_id, said_in_group(1, "li"), said(1, chat="li", channel="telegram:bot"))
    for key in ("sale 1", "sale 2"):
        await write_out(database, clock, key, "g1", channel="telegram:bot", purpose=MARKETING)
    await write_out(database, clock, "answer", "li", channel="telegram:bot")

    await send_all(a_sender(database, clock, platform))

    assert platform.texts == ["answer", "sale 1"]
    dropped = ("dropped", "unreachable")
    assert await states(database) == {"sale 1": dropped, "sale 2": dropped, "answer": ("sent", "open")}
    assert await rows(database, tasks) == []
    unreachable = {row.chat: row.unreachable for row in await rows(database, conversations)}
    assert unreachable == {"g1": True, "li": False}


# --- windows ---------------------------------------------------------------------------------------------------------
async def test_a_window_carries_the_bot_until_one_message_is_left_for_a_human(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(limits=Limits(counts_windows=True))
    await arrive(database, clock, new_id, said(1, grants=FIVE))
    for text in ("bot 1", "bot 2", "bot 3", "bot 4", "bot 5", "human 1", "human 2"):
        purpose = Purpose.HUMAN if text.startswith("human") else Purpose.REPLY
        await write_out(database, clock, text, purpose=purpose)
        await send_all(a_sender(database, clock, platform))

    assert platform.texts == ["bot 1", "bot 2", "bot 3", "bot 4", "human 1"]
    assert sorted(task.text for task in await rows(database, tasks)) == ["bot 5", "human 2"]


@pytest.mark.parametrize(
    ("status", "used"),
    [
        (SendStatus.SENT, 3),
        (SendStatus.UNSURE, 3),
        (SendStatus.TRANSIENT, 0),
        (SendStatus.RATE_LIMITED, 0),
        (SendStatus.REFUSED, 0),
    ],
)
async def test_a_window_pays_only_for_what_may_have_been_sent(
    database: Database, clock: StandingClock, new_id: IdMaker, status: SendStatus, used: int
) -> None:
    receipts = [Receipt(status, retry_after_s=9)]
    platform = Platform(limits=Limits(counts_windows=True), receipts=receipts, piece_length=2)
    await arrive(database, clock, new_id, said(1, grants=FIVE))
    await write_out(database, clock, "a a a")

    await send_all(a_sender(database, clock, platform))

    (grant,) = await rows(database, grants)
    assert grant.used == used


async def test_a_long_text_waits_for_a_human_where_the_window_holds_only_a_part_of_it(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(limits=Limits(counts_windows=True), piece_length=2)
    await arrive(database, clock, new_id, said(1, grants=FIVE))
    for text_ in ("1 2 3", "4 5", "6"):
        await write_out(database, clock, text_)

    await send_all(a_sender(database, clock, platform))

    assert platform.texts == ["1 2 3", "6"]
    assert [task.text for task in await rows(database, tasks)] == ["4 5"]
    (grant,) = await rows(database, grants)
    assert grant.used == 4


async def test_the_reply_that_calls_a_human_may_take_the_message_kept_for_one(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform(limits=Limits(counts_windows=True))
    await arrive(database, clock, new_id, said(1, grants=(Grant(count=1, window_s=60),)))
    conversation = await conversation_of(database)
    held = await database.write(lambda c: ownership.to_queue(c, conversation.id, "asked", 0, clock.now()))
    await write_out(database, clock, "a person comes", epoch=held.epoch)

    await send_all(a_sender(database, clock, platform))

    assert platform.texts == ["a person comes"]

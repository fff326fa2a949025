"""Windows and what goes into them: one of several actions, what left meanwhile, texts that leave as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.clock import IdMaker
from bot.messages import WINDOW, Choice, Event, File, Grant, Limits, Notice, Outbound, Purpose, Receipt, SendStatus
from bot.store.database import Database
from bot.store.tables import grants, outbox
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, a_sender, arrive, rows, said, send_all, states, write_out

FIVE, THREE = Grant(5, 48 * 3600, "said"), Grant(3, 60, "acted")
COUNTED = Limits(counts_windows=True)
HUMAN = Purpose.HUMAN


@dataclass
class Slow(Platform):
    """A platform during whose first send something happens."""

    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    async def send(self, message: Outbound) -> Receipt:
        receipt = await super().send(message)
        while self.meanwhile:
            await self.meanwhile.pop()()
        return receipt


async def left(database: Database, now: datetime) -> dict[str, int]:
    """Return what is left of each open right, by the action that opened it."""
    return {
        row.action: row.allowed - row.used
        for row in await rows(database, grants, grants.c.needs == WINDOW)
        if row.expires_at > now
    }


async def sent_one_by_one(database: Database, clock: StandingClock, platform: Platform, *texts: str) -> None:
    for text in texts:
        await write_out(database, clock, text)
        await send_all(a_sender(database, clock, platform))


# --- what left meanwhile ---------------------------------------------------------------------------------------------
async def test_what_left_after_the_customer_wrote_counts_in_the_window_of_that_message(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1, grants=(FIVE,), sent_at=clock.now()))
    platform = Platform(limits=COUNTED)
    await sent_one_by_one(database, clock, platform, "before")
    clock.advance(timedelta(seconds=10))
    written_at = clock.now()
    clock.advance(timedelta(seconds=2))
    await sent_one_by_one(database, clock, platform, "after 1", "after 2")
    clock.advance(timedelta(seconds=10))

    await arrive(database, clock, new_id, said(2, grants=(FIVE,), sent_at=written_at))

    assert await left(database, clock.now()) == {"said": 3}


async def test_in_a_burst_within_one_second_every_message_opens_the_window_anew(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    whole_second = clock.now()
    platform = Platform(limits=COUNTED)
    for number in range(8):
        await arrive(database, clock, new_id, said(number, grants=(FIVE,), sent_at=whole_second))
        clock.advance(timedelta(seconds=0.05))
        await sent_one_by_one(database, clock, platform, f"answer {number}")
        clock.advance(timedelta(seconds=0.05))

    assert len(platform.asked) == 8


async def test_of_two_actions_heard_of_together_each_counts_what_left_since_it(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, said(1, grants=(FIVE,), sent_at=clock.now()))
    clock.advance(timedelta(seconds=10))
    written_at = clock.now()
    clock.advance(timedelta(seconds=2))
    await sent_one_by_one(database, clock, Platform(limits=COUNTED), "between")
    clock.advance(timedelta(seconds=10))
    tapped_at = clock.now()

    wrote, tapped = said(2, grants=(FIVE,), sent_at=written_at), said(3, grants=(THREE,), sent_at=tapped_at)
    await arrive(database, clock, new_id, wrote, tapped)

    assert await left(database, clock.now()) == {"said": 4, "acted": 3}


@pytest.mark.parametrize(
    ("status", "is_left"), [(SendStatus.SENT, 4), (SendStatus.UNSURE, 4), (SendStatus.TRANSIENT, 5)]
)
async def test_a_message_on_its_way_counts_in_a_window_that_opens_meanwhile(
    database: Database, clock: StandingClock, new_id: IdMaker, status: SendStatus, is_left: int
) -> None:
    async def customer_writes() -> None:
        clock.advance(timedelta(seconds=1))
        await arrive(database, clock, new_id, said(2, grants=(FIVE,), sent_at=clock.now()))
        assert await left(database, clock.now()) == {"said": 4}

    await arrive(database, clock, new_id, said(1, grants=(FIVE,), sent_at=clock.now()))
    platform = Slow(limits=COUNTED, receipts=[Receipt(status, retry_after_s=9)], meanwhile=[customer_writes])
    await sent_one_by_one(database, clock, platform, "a")

    assert await left(database, clock.now()) == {"said": is_left}


async def test_a_follow_and_a_message_are_two_windows_and_a_reply_counts_in_both(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    follow = said(1, "", event=Event.STARTED, grants=(THREE,), sent_at=clock.now())
    await arrive(database, clock, new_id, follow, said(2, grants=(FIVE,), sent_at=clock.now()))

    await sent_one_by_one(database, clock, Platform(limits=COUNTED), "a", "b")

    assert await left(database, clock.now()) == {"acted": 1, "said": 3}


async def test_a_second_tap_within_a_minute_opens_no_second_window(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    for number in (1, 2):
        await arrive(database, clock, new_id, said(number, "", grants=(THREE,), sent_at=clock.now()))
    assert await left(database, clock.now()) == {"acted": 3}


@pytest.mark.parametrize("together", [False, True])
async def test_who_left_and_came_back_has_only_the_window_of_coming_back(
    database: Database, clock: StandingClock, new_id: IdMaker, together: bool
) -> None:
    messages = [said(1, grants=(FIVE,), sent_at=clock.now())]
    for event, opened in ((Event.LEFT, ()), (Event.STARTED, (THREE,))):
        clock.advance(timedelta(seconds=5))
        messages.append(said(len(messages) + 1, "", event=event, grants=opened, sent_at=clock.now()))
    for batch in [messages] if together else [[message] for message in messages]:
        await arrive(database, clock, new_id, *batch)

    assert await left(database, clock.now()) == {"acted": 3}


# --- texts that leave as one -----------------------------------------------------------------------------------------
@pytest.fixture
async def open_window(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    await arrive(database, clock, new_id, said(1, grants=(FIVE,), sent_at=clock.now()))


@pytest.mark.usefixtures("open_window")
async def test_texts_that_wait_together_leave_as_one_and_take_one_message(
    database: Database, clock: StandingClock
) -> None:
    platform = Platform(limits=COUNTED)
    for text in ("a", "b", "c"):
        await write_out(database, clock, text)

    await send_all(a_sender(database, clock, platform))

    assert [(message.id, message.text) for message in platform.asked] == [("a", "a\n\nb\n\nc")]
    assert await left(database, clock.now()) == {"said": 4}
    sent = await rows(database, outbox)
    assert [(row.status, row.platform_id, row.cost) for row in sent] == [("sent", "p1", 1), *[("sent", "p1", 0)] * 2]
    assert [row.shown for row in sent] == [2, 3, 4], "agents see three"


@pytest.mark.usefixtures("open_window")
async def test_words_never_overtake_a_picture_that_was_sent_before_them(
    database: Database, clock: StandingClock
) -> None:
    platform = Platform(limits=COUNTED)
    await write_out(database, clock, "here it is:")
    await write_out(database, clock, "picture", picture=File(b"png", "image/png"))
    await write_out(database, clock, "do you like it?")

    await send_all(a_sender(database, clock, platform))

    assert platform.texts == ["here it is:", "picture", "do you like it?"]


@pytest.mark.usefixtures("open_window")
async def test_where_nothing_is_counted_texts_leave_one_by_one(database: Database, clock: StandingClock) -> None:
    platform = Platform()
    for text in ("a", "b"):
        await write_out(database, clock, text)
    await send_all(a_sender(database, clock, platform))
    assert platform.texts == ["a", "b"]


@pytest.mark.parametrize(
    "second",
    [
        {"author": "agent:li"},
        {"purpose": HUMAN},
        {"choices": (Choice("yes", "是的"),)},
        {"poll": ("A", "B")},
        {"edits": "p0"},
        {"notice": Notice("cart", {})},
        {"picture": File(b"png", "image/png")},
        {"epoch": 0},
        {"not_after": datetime(2027, 1, 1).astimezone()},
        {"not_before": datetime(2027, 1, 1).astimezone()},
    ],
    ids=lambda second: next(iter(second)),
)
@pytest.mark.usefixtures("open_window")
async def test_only_plain_texts_alike_leave_as_one(
    database: Database, clock: StandingClock, second: dict[str, Any]
) -> None:
    platform = Platform(limits=COUNTED)
    await write_out(database, clock, "a")
    await write_out(database, clock, "b", **second)
    await send_all(a_sender(database, clock, platform))
    assert platform.texts[0] == "a"


@pytest.mark.usefixtures("open_window")
async def test_texts_leave_as_one_only_as_far_as_one_message_takes_them(
    database: Database, clock: StandingClock
) -> None:
    platform = Platform(limits=COUNTED, piece_length=8)
    for text in ("one", "two", "three"):
        await write_out(database, clock, text)
    await send_all(a_sender(database, clock, platform))
    assert platform.texts == ["one\n\ntwo", "three"]


@pytest.mark.parametrize(("status", "reason"), [(SendStatus.TRANSIENT, "busy"), (SendStatus.UNSURE, "time-out")])
@pytest.mark.usefixtures("open_window")
async def test_what_is_tried_again_has_the_same_words_under_the_same_key(
    database: Database, clock: StandingClock, status: SendStatus, reason: str
) -> None:
    async def one_more_is_written() -> None:
        await write_out(database, clock, "c")

    limits = Limits(counts_windows=True, takes_key=True)
    platform = Slow(limits=limits, receipts=[Receipt(status, reason=reason)], meanwhile=[one_more_is_written])
    for text in ("a", "b"):
        await write_out(database, clock, text)
    sender = a_sender(database, clock, platform)
    await send_all(sender)
    clock.advance(timedelta(seconds=5))
    await send_all(sender)

    assert [(message.id, message.text) for message in platform.asked] == [("a", "a\n\nb")] * 2 + [("c", "c")]
    assert {state for state, _ in (await states(database)).values()} == {"sent"}


@pytest.mark.usefixtures("open_window")
async def test_of_texts_that_left_as_one_and_were_refused_each_is_a_task_for_people(
    database: Database, clock: StandingClock
) -> None:
    platform = Platform(limits=COUNTED, receipts=[Receipt(SendStatus.REFUSED, reason="forbidden words")])
    for text in ("a", "b"):
        await write_out(database, clock, text)
    await send_all(a_sender(database, clock, platform))
    assert await states(database) == {"a": ("failed", "forbidden words"), "b": ("failed", "forbidden words")}
    assert await left(database, clock.now()) == {"said": 5}


@pytest.mark.usefixtures("open_window")
async def test_texts_that_left_as_one_with_a_worker_that_died_are_given_up_together(
    database: Database, clock: StandingClock
) -> None:
    never = asyncio.Event()
    platform = Slow(limits=COUNTED, meanwhile=[never.wait])
    for text in ("a", "b"):
        await write_out(database, clock, text)
    task = asyncio.create_task(a_sender(database, clock, platform).send_next())
    async with asyncio.timeout(5):
        while not platform.asked:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    clock.advance(timedelta(seconds=60))
    await send_all(a_sender(database, clock, Platform(limits=COUNTED)))

    assert await states(database) == {"a": ("unsure", "interrupted"), "b": ("unsure", "interrupted")}
    assert await left(database, clock.now()) == {"said": 4}

"""Sends that nobody reports, or too late: killed, stopped, overtaken; and receipts that meet others' locks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import sleep

import pytest
from sqlalchemy import Connection, select, text

from bot.clock import IdMaker
from bot.delivery.inbox import store
from bot.delivery.sender import Sender
from bot.messages import Grant, Limits, Outbound, Purpose, Receipt, SendStatus
from bot.store.database import Database
from bot.store.tables import conversations, grants, outbox, tasks
from tests.conftest import StandingClock
from tests.delivery.stand import (
    Platform,
    a_sender,
    arrive,
    conversation_of,
    rows,
    said,
    send_all,
    states,
    until_asked,
    write_out,
)

FIVE = (Grant(count=5, window_s=48 * 3600),)
MARKETING = Purpose.MARKETING
TRANSIENT = Receipt(SendStatus.TRANSIENT, reason="bad gateway")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


@dataclass
class Stuck(Platform):
    """A platform that takes the message and never answers."""

    taken: asyncio.Event = field(default_factory=asyncio.Event)
    cut_off: bool = False

    async def send(self, message: Outbound) -> Receipt:
        self.asked.append(message)
        self.taken.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cut_off = True
        raise AssertionError


async def killed_in_a_send(database: Database, clock: StandingClock, stuck: Stuck) -> None:
    sending = asyncio.create_task(a_sender(database, clock, stuck).send_next())
    await asyncio.wait_for(stuck.taken.wait(), 5)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


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
    await killed_in_a_send(database, clock, stuck)

    platform = Platform(limits=limits, asked=stuck.asked)
    clock.advance(seconds(59))
    await send_all(a_sender(database, clock, platform))
    assert (await states(database))["a"][0] == "sending", "the first sender may still be at it"
    clock.advance(seconds(1))
    await send_all(a_sender(database, clock, platform))

    assert [message.id for message in platform.asked] == ["a"] * times
    assert (await states(database))["a"][0] == status


@dataclass
class Late(Platform):
    """A platform whose answer comes only after something else happened."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def send(self, message: Outbound) -> Receipt:
        receipt = await super().send(message)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return receipt


@pytest.mark.parametrize("status", list(SendStatus))
async def test_a_receipt_that_comes_after_the_row_was_given_up_changes_nothing(
    database: Database, clock: StandingClock, new_id: IdMaker, status: SendStatus
) -> None:
    async def the_lease_runs_out() -> None:
        clock.advance(seconds(60))
        await send_all(a_sender(database, clock, Platform(limits=limits)))
        given_up.extend([*await rows(database, outbox), *await rows(database, grants), *await rows(database, tasks)])

    given_up: list[object] = []
    limits = Limits(counts_windows=True)
    platform = Late(limits=limits, receipts=[Receipt(status)], meanwhile=the_lease_runs_out)
    await arrive(database, clock, new_id, said(1, grants=FIVE))
    await write_out(database, clock, "a")

    await a_sender(database, clock, platform).send_next()

    assert (await states(database))["a"] == ("unsure", "interrupted")
    after = [*await rows(database, outbox), *await rows(database, grants), *await rows(database, tasks)]
    assert after == given_up
    assert not (await conversation_of(database)).unreachable


async def test_a_receipt_that_comes_while_another_worker_sends_again_is_not_that_workers(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    async def another_worker_takes_over() -> None:
        clock.advance(seconds(60))
        await killed_in_a_send(database, clock, stuck)

    stuck = Stuck(limits=Limits(takes_key=True))
    platform = Late(limits=stuck.limits, receipts=[TRANSIENT], meanwhile=another_worker_takes_over)
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")

    await a_sender(database, clock, platform).send_next()

    (row,) = await rows(database, outbox)
    assert (row.status, row.attempts) == ("sending", 2), "the second worker is still at it"


async def test_who_takes_the_channel_over_gives_up_at_once_what_the_one_before_had_on_its_way(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    stuck = Stuck(limits=Limits(takes_key=True))
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")
    await killed_in_a_send(database, clock, stuck)

    platform = Platform(limits=stuck.limits)
    running = asyncio.create_task(a_sender(database, clock, platform).run())
    async with asyncio.timeout(5):
        while (await states(database))["a"][0] != "sent":
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert platform.texts == ["a"], "the customer had not to wait until the lease of the send was over"


async def test_what_was_interrupted_is_given_up_once_though_many_workers_look(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    stuck = Stuck(limits=Limits(takes_key=True))
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")
    await killed_in_a_send(database, clock, stuck)
    clock.advance(seconds(60))

    platform = Platform(limits=stuck.limits)
    await asyncio.gather(*(send_all(a_sender(database, clock, platform)) for _ in range(8)))

    assert platform.texts == ["a"]


async def test_a_sender_that_is_stopped_finishes_the_send_it_is_in(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    async def stop() -> None:
        task.cancel()
        await asyncio.sleep(0.1)

    platform = Late(meanwhile=stop)
    await arrive(database, clock, new_id, said(1), said(1, chat="u2"))
    await write_out(database, clock, "a")
    await write_out(database, clock, "b", "u2")
    await write_out(database, clock, "c")

    task = asyncio.create_task(a_sender(database, clock, platform).run())
    await asyncio.wait({task}, timeout=5)

    assert task.cancelled()
    assert await states(database) == {"a": ("sent", "open"), "b": ("sent", "open"), "c": ("waiting", "")}


async def test_a_sender_that_is_stopped_does_not_wait_for_ever(
    database: Database, clock: StandingClock, new_id: IdMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.delivery.sender.FINISH_S", 0.1)
    stuck = Stuck()
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")
    task = asyncio.create_task(a_sender(database, clock, stuck).run())
    await asyncio.wait_for(stuck.taken.wait(), 5)
    task.cancel()

    await asyncio.wait({task}, timeout=5)

    assert task.cancelled()
    assert (await states(database))["a"][0] == "sending", "it is given up by whoever comes next"
    assert stuck.cut_off, "else it may come after what the next sender sends to the same person"


# --- the database ------------------------------------------------------------------------------------------------------
async def test_a_receipt_that_could_not_be_stored_does_not_end_the_sender(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    async def rename(old: str, new: str) -> None:
        await database.write(lambda c: c.execute(text(f"ALTER TABLE {old} RENAME TO {new}")))

    class Cut(Platform):
        async def send(self, message: Outbound) -> Receipt:
            if not self.asked and not cut:
                cut.append(message.id)
                await rename("outbox", "away")
            return await super().send(message)

    cut: list[str] = []
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
    assert sorted(platform.texts) == ["a", "b"]


@pytest.mark.parametrize("status", [SendStatus.UNREACHABLE, SendStatus.WINDOW_CLOSED])
async def test_a_receipt_and_a_message_of_the_same_customer_do_not_block_each_other(
    database: Database, clock: StandingClock, new_id: IdMaker, status: SendStatus
) -> None:
    holding = asyncio.Event()
    loop = asyncio.get_running_loop()

    def store_slowly(connection: Connection) -> int:
        connection.execute(select(conversations.c.id).with_for_update())
        loop.call_soon_threadsafe(holding.set)
        sleep(0.4)  # the receipt arrives meanwhile
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


async def test_what_could_not_leave_within_its_lease_does_not_leave_behind_its_back(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    platform = Platform()
    await arrive(database, clock, new_id, said(1))
    await write_out(database, clock, "a")
    claimed_at = clock.now()
    clock.advance(seconds(56))  # the process was stopped between the claim and the send
    sender = a_sender(database, clock, platform)

    await sender.step(1, 1, claimed_at)
    await sender.send_next()

    assert platform.asked == []
    assert (await states(database))["a"] == ("waiting", "its turn came too late")

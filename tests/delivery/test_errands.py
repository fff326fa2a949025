"""What a turn wants a remote shop to do: done once whatever is lost on the way, and told to the customer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot import effects
from bot.clock import IdMaker
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.shop.commands import AskInvoice, CancelOrder, CaseLine, ChangeAddress, Command, OpenCase, Outcome, WatchStock
from bot.shop.errands import GIVE_UP_AFTER, Entrust, ErrandRunner
from bot.shop.mirror import copy
from bot.shop.platform import Answer, PlatformRefuses
from bot.shop.port import CaseKind, CasePart, Money
from bot.shop.sql import SqlShop
from bot.shop.wording import command_from, command_to, says_to
from bot.skills.turn import Do, PersonView, Say
from bot.store.database import Database
from bot.store.tables import errands, identities, outbox, tasks, watches
from tests.conftest import StandingClock
from tests.delivery.stand import another, arrive, conversation_of, mute, rows, said
from tests.shops.small import customer, order, product, read_order
from tests.shops.standin import RemoteShop, everything

CANCEL, MOVE = CancelOrder("A1", "bought twice"), ChangeAddress("A1", "Rosenweg 2")
OPEN = OpenCase(CaseKind.EXCHANGE, "A1", (CaseLine("1", 2, "tee-M"),), "small", "太小", Money(0, "CNY"), ("m1",))
# What the skills say of each wish, in phrases of the starter set; the case number is filled in by what is tested.
ORDER, GOODS = {"order.number": "A1"}, {"line.goods": "T恤"}
MOVED = {**ORDER, "order.address": "Rosenweg 2"}
SAID: dict[type[Command], dict[Outcome, Say]] = {
    CancelOrder: {
        Outcome.PENDING: Say("orders.cancelling", ORDER),
        Outcome.DONE: Say("orders.cancelled_now", ORDER),
        Outcome.REFUSED: Say("orders.cancel_refused", ORDER),
    },
    ChangeAddress: {
        Outcome.PENDING: Say("orders.address_changing", ORDER),
        Outcome.DONE: Say("orders.address_changed", MOVED),
        Outcome.REFUSED: Say("orders.address_refused", ORDER),
    },
    OpenCase: {
        Outcome.PENDING: Say("returns.pending", GOODS),
        Outcome.DONE: Say("returns.opened_exchange", {**GOODS, "return.send_by": "12月5日"}),
        Outcome.REFUSED: Say("returns.refused", ORDER),
    },
    AskInvoice: {
        Outcome.PENDING: Say("invoices.pending", ORDER),
        Outcome.DONE: Say("invoices.asked", ORDER),
        Outcome.REFUSED: Say("invoices.refused", ORDER),
    },
    WatchStock: {
        Outcome.PENDING: Say("restock.pending", {"variant": "L"}),
        Outcome.DONE: Say("restock.watching", {"variant": "L"}),
        Outcome.REFUSED: Say("restock.refused", {"variant": "L"}),
    },
}


@pytest.fixture
async def remote(database: Database, clock: StandingClock, new_id: IdMaker) -> RemoteShop:
    """A remote shop, its copy, and a customer who has written to us."""
    shop = RemoteShop(clock)
    for ident, body in (("tee", product()), ("mia", customer()), ("A1", order("paid"))):
        shop.put(ident, body)
    await arrive(database, clock, new_id, said(1, name="小林", language="zh"))
    await database.write(lambda c: copy(c, everything(shop), clock.now()))
    return shop


def a_runner(database: Database, clock: StandingClock, remote: RemoteShop, thinker: Thinker) -> ErrandRunner:
    voice = thinker.brain.mind.voice
    return ErrandRunner(database, clock, remote, lambda: voice, "zh", wake=Signal(), said=Signal())


@pytest.fixture
def runner(database: Database, clock: StandingClock, remote: RemoteShop, thinker: Thinker) -> ErrandRunner:
    return a_runner(database, clock, remote, thinker)


async def wants(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, *commands: Command
) -> list[Say]:
    (row,) = await rows(database, identities)
    doing = [Do(command, SAID[type(command)]) for command in commands]
    person, carry = PersonView(row.id, row.person_id), Entrust(remote)
    return await database.write(
        lambda c: effects.apply(c, doing, person, row.channel, clock.now(), new_id, mute, carry)
    )


async def run_all(runner: ErrandRunner) -> None:
    tries = 0
    while await runner.run_next():
        tries += 1
        assert tries < 50


async def ends(database: Database) -> list[tuple[str, str]]:
    return [(row.status, row.reference) for row in await rows(database, errands)]


async def told(database: Database) -> list[str]:
    return [row.text for row in await rows(database, outbox)]


@pytest.mark.parametrize("command", [CANCEL, MOVE, OPEN, WatchStock("x"), AskInvoice("A1", "青禾", "9131", "a@b.c")])
def test_a_command_comes_back_from_the_table_as_it_was(command: Command) -> None:
    assert command_from(command_to(command)) == command


async def test_a_wish_is_pending_until_the_shop_did_it_and_then_told_once(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, runner: ErrandRunner
) -> None:
    assert await wants(database, clock, new_id, remote, CANCEL) == [SAID[CancelOrder][Outcome.PENDING]]
    assert await told(database) == []
    await run_all(runner)
    assert list(remote.done.values()) == [CANCEL]
    assert await ends(database) == [("done", "R-1")]
    (message,) = await rows(database, outbox)
    assert "A1 已经取消" in message.text
    assert (message.purpose, message.conversation_id) == ("transactional", (await conversation_of(database)).id)
    assert (await database.read(lambda c: read_order(c, "A1"))).status == "cancelled", "the copy knows at once"
    clock.advance(timedelta(hours=1))
    await run_all(runner)
    assert len(await told(database)) == 1


async def test_the_number_of_a_case_is_the_shops_own(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, runner: ErrandRunner
) -> None:
    line_id = (await database.read(lambda c: read_order(c, "A1"))).lines[0].id
    mine = replace(OPEN, lines=(CaseLine(line_id, 1, "tee-M"),))
    await wants(database, clock, new_id, remote, mine)
    await run_all(runner)
    assert list(remote.done.values()) == [replace(OPEN, lines=(CaseLine("tee-S", 1, "tee-M"),))], "in the shop's words"
    (case,) = await database.read(lambda c: SqlShop(c).cases_of("A1"))
    assert (case.number, case.parts) == ("R-1", (CasePart(line_id, 1, "tee-M"),))
    assert "T恤的换货已经登记，编号 R-1" in (await told(database))[0]


async def test_what_the_shop_refuses_is_told_as_refused(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, runner: ErrandRunner
) -> None:
    remote.decides = lambda _command: Answer(Outcome.REFUSED, why="it has left")
    await wants(database, clock, new_id, remote, CANCEL)
    await run_all(runner)
    (row,) = await rows(database, errands)
    assert (row.status, row.why) == ("refused", "it has left")
    assert ["A1 没能取消" in text for text in await told(database)] == [True]


async def test_a_shop_that_is_down_is_asked_again_with_the_same_key_and_later_each_time(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, runner: ErrandRunner
) -> None:
    remote.down = 3
    await wants(database, clock, new_id, remote, CANCEL)
    rests: list[timedelta] = []
    for _ in range(3):
        await run_all(runner)
        (row,) = await rows(database, errands)
        rests.append(row.not_before - clock.now())
        clock.at = row.not_before
    assert rests == sorted(rests) and rests[0] >= timedelta(seconds=5) and rests[0] < rests[-1]
    await run_all(runner)
    assert await ends(database) == [("done", "R-1")]
    assert len(remote.tries) == 4 and len(set(remote.tries)) == 1


async def test_a_shop_that_says_when_to_come_back_is_not_asked_before(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, runner: ErrandRunner
) -> None:
    remote.down, remote.retry_after_s = 1, 600.0
    await wants(database, clock, new_id, remote, CANCEL)
    await run_all(runner)
    clock.advance(timedelta(seconds=599))
    await run_all(runner)
    assert len(remote.tries) == 1
    clock.advance(timedelta(seconds=1))
    await run_all(runner)
    assert len(remote.tries) == 2


async def test_what_was_done_and_whose_answer_was_lost_is_not_done_twice(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, runner: ErrandRunner
) -> None:
    remote.loses_answers = 2
    await wants(database, clock, new_id, remote, OPEN)
    for _ in range(4):
        await run_all(runner)
        clock.advance(timedelta(minutes=15))
    assert len(remote.tries) == 3 and len(remote.done) == 1
    assert await ends(database) == [("done", "R-1")]


async def test_a_runner_that_dies_in_the_middle_leaves_the_errand_to_the_next(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, thinker: Thinker
) -> None:
    class Killed(BaseException):
        pass

    def dies(_command: Command) -> Answer:
        raise Killed

    remote.decides = dies
    await wants(database, clock, new_id, remote, CANCEL)
    with pytest.raises(Killed):
        await a_runner(database, clock, remote, thinker).run_next()
    remote.decides = lambda _command: None
    async with another(database) as other:
        runner = a_runner(other, clock, remote, thinker)
        assert not await runner.run_next(), "the first may be waiting for the answer still"
        clock.advance(timedelta(seconds=60))
        await run_all(runner)
    assert len(set(remote.tries)) == 1
    assert await ends(database) == [("done", "R-1")]


async def test_what_the_platform_cannot_do_is_left_to_the_staff_with_all_that_was_collected(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, runner: ErrandRunner
) -> None:
    invoice = AskInvoice("A1", "青禾科技", "91310000MA1FL1AB3X", "mia@example.com")
    assert await wants(database, clock, new_id, remote, invoice) == [SAID[AskInvoice][Outcome.PENDING]]
    await run_all(runner)
    assert remote.tries == []
    (task,) = await rows(database, tasks)
    assert task.conversation_id == (await conversation_of(database)).id
    assert all(word in task.text for word in ("AskInvoice", "A1", "青禾科技", "91310000MA1FL1AB3X", "mia@example.com"))


async def test_what_is_refused_for_good_or_never_answered_is_left_to_the_staff(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, runner: ErrandRunner
) -> None:
    remote.decides = lambda _command: PlatformRefuses("403: no right to cancel")
    await wants(database, clock, new_id, remote, CANCEL)
    await run_all(runner)
    remote.decides = lambda _command: None
    remote.down = -1
    await wants(database, clock, new_id, remote, MOVE)
    began_at = clock.now()
    while clock.now() - began_at <= GIVE_UP_AFTER + timedelta(hours=1):
        await run_all(runner)
        clock.advance(timedelta(minutes=16))
    assert await ends(database) == [("unsure", ""), ("unsure", "")]
    texts = [row.text for row in await rows(database, tasks)]
    assert ["403" in texts[0], "Rosenweg 2" in texts[1]] == [True, True]
    assert await told(database) == [], "the customer was told that it is pending; people tell the rest"


async def test_what_is_not_decided_yet_is_asked_after_until_it_is(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, runner: ErrandRunner
) -> None:
    remote.decides = lambda _command: Answer(Outcome.PENDING, why="a person looks at it")
    await wants(database, clock, new_id, remote, CANCEL)
    await run_all(runner)
    assert await ends(database) == [("sent", "")]
    remote.decides = lambda _command: None
    clock.advance(timedelta(minutes=10))
    await run_all(runner)
    assert await ends(database) == [("done", "R-1")]


async def test_the_same_wish_is_one_errand_while_it_is_under_way(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, runner: ErrandRunner
) -> None:
    for _ in range(3):
        await wants(database, clock, new_id, remote, CANCEL)
    assert len(await rows(database, errands)) == 1


async def test_wishes_of_one_conversation_are_done_in_their_order(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop, runner: ErrandRunner
) -> None:
    remote.down = 1
    await wants(database, clock, new_id, remote, MOVE)
    clock.advance(timedelta(seconds=1))
    await wants(database, clock, new_id, remote, ChangeAddress("A1", "Lindenweg 1"))
    await run_all(runner)
    assert len(remote.tries) == 1, "the second waits for the first"
    clock.advance(timedelta(minutes=5))
    await run_all(runner)
    assert [c.address for c in remote.done.values() if isinstance(c, ChangeAddress)] == ["Rosenweg 2", "Lindenweg 1"]
    assert (await database.read(lambda c: read_order(c, "A1"))).address == "Lindenweg 1"


async def test_who_waits_for_a_variant_waits_here(
    database: Database, clock: StandingClock, new_id: IdMaker, remote: RemoteShop
) -> None:
    assert await wants(database, clock, new_id, remote, WatchStock("tee-L")) == [SAID[WatchStock][Outcome.DONE]]
    assert [row.sku for row in await rows(database, watches)] == ["tee-L"]
    assert remote.tries == []


def test_what_is_said_is_kept_by_outcome() -> None:
    kept = says_to(SAID[CancelOrder])
    assert set(kept) == {"pending", "done", "refused"}
    assert kept["refused"]["fields"] == {"order.number": "A1"}

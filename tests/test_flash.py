"""Flash sales: announced once, one piece a person, and available + held + paid = total at every instant."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select, update

from bot.campaigns import flash
from bot.clock import new_id
from bot.demo.seed import DEMO_GROUP, DEMO_SALE, TELEGRAM, seed
from bot.errors import Conflict, NotFound
from bot.messages import Choice, Source
from bot.store.database import Database
from bot.store.tables import claims, outbox, persons, sales, timers
from bot.voice import Spoken

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOLD = timedelta(seconds=600)
LENGTH = timedelta(seconds=7200)


@pytest.fixture
async def shop(database: Database) -> Database:
    """The demo shop with its draft of three pieces."""
    await database.write(lambda connection: seed(connection, NOW))
    return database


def say(language: str, facts: Mapping[str, Any]) -> Spoken:
    text = f"{language} {facts['product']} {facts['colour']} {facts['price_minor']} {facts['total']}"
    return Spoken(text, (Choice("claim", "grab"),), (Source(facts["product_id"], "1"),))


def draft_sale(connection: Connection, total: int, people: int) -> tuple[str, list[str]]:
    """Store one more draft, and people to claim its pieces. Return its id and theirs."""
    sale_id, names = new_id(), [new_id() for _ in range(people)]
    row = {"sku": "linen-dress-blue-M", "price_minor": 19900, "currency": "CNY", "audiences": []}
    connection.execute(sales.insert().values(id=sale_id, total=total, available=total, **row))
    connection.execute(persons.insert(), [{"id": name, "created_at": NOW} for name in names])
    return sale_id, names


@dataclass(frozen=True)
class Tally:
    total: int
    available: int
    held: int
    paid: int
    people: int

    def check(self) -> None:
        assert self.available >= 0
        assert self.available + self.held + self.paid == self.total


def tally(connection: Connection, sale_id: str) -> Tally:
    """Count in one statement, so that every number is of the same instant."""
    of_sale = claims.c.sale_id == sale_id

    def number(*which: Any) -> Any:
        return select(func.count()).where(of_sale, *which).scalar_subquery()

    row = connection.execute(
        select(
            sales.c.total,
            sales.c.available,
            number(claims.c.status == "held"),
            number(claims.c.status == "paid"),
            select(func.count(claims.c.person_id.distinct())).where(of_sale).scalar_subquery(),
        ).where(sales.c.id == sale_id)
    ).one()
    return Tally(*row)


async def started(database: Database, total: int = 3, people: int = 5) -> tuple[str, list[str]]:
    def job(connection: Connection) -> tuple[str, list[str]]:
        sale_id, names = draft_sale(connection, total, people)
        flash.start(connection, sale_id, say, NOW)
        return sale_id, names

    return await database.write(job)


def claim(sale_id: str, person_id: str, at: datetime = NOW) -> Callable[[Connection], flash.Claimed]:
    return lambda connection: flash.claim(connection, sale_id, person_id, at, new_id)


# --- start and end -------------------------------------------------------------------------------------------------


async def test_a_started_sale_is_announced_once_and_ends_by_timer(shop: Database) -> None:
    def job(connection: Connection) -> None:
        assert flash.start(connection, DEMO_SALE, say, NOW) == 1
        with pytest.raises(Conflict):
            flash.start(connection, DEMO_SALE, say, NOW)
        row = connection.execute(select(outbox)).one()
        assert (row.conversation_id, row.purpose, row.text) == ("talk-group", "marketing", "zh 亚麻连衣裙 蓝色 19900 3")
        assert row.sources == [{"id": "linen-dress", "version": "1"}]
        assert row.not_after == NOW + LENGTH
        timer = connection.execute(select(timers).where(timers.c.key == f"sale:{DEMO_SALE}:end")).one()
        assert (timer.kind, timer.payload, timer.due_at) == ("sale_end", {"sale_id": DEMO_SALE}, NOW + LENGTH)

    await shop.write(job)


async def test_each_chat_hears_it_in_its_own_language(shop: Database) -> None:
    def job(connection: Connection) -> None:
        chats = [{"channel": TELEGRAM, "chat": chat} for chat in (DEMO_GROUP, "1001", "1003")]
        connection.execute(update(sales).where(sales.c.id == DEMO_SALE).values(audiences=chats))
        assert flash.start(connection, DEMO_SALE, say, NOW) == 3
        texts = {row.conversation_id: row.text.split()[:2] for row in connection.execute(select(outbox))}
        assert texts["talk-wang"] == ["en", "Linen"]
        assert texts["talk-lin"] == texts["talk-group"] == ["zh", "亚麻连衣裙"]

    await shop.write(job)


async def test_a_sale_for_a_chat_nobody_knows_does_not_start(shop: Database) -> None:
    nowhere = [{"channel": TELEGRAM, "chat": "-999"}]
    await shop.write(lambda c: c.execute(update(sales).values(audiences=nowhere)).rowcount)
    with pytest.raises(NotFound, match="-999"):
        await shop.write(lambda connection: flash.start(connection, DEMO_SALE, say, NOW))
    status = await shop.read(lambda connection: connection.execute(select(sales.c.status)).scalar_one())
    assert status == "draft"


async def test_an_ended_sale_takes_no_claims_drops_its_words_and_honours_its_holds(shop: Database) -> None:
    def job(connection: Connection) -> None:
        flash.start(connection, DEMO_SALE, say, NOW)
        held = flash.claim(connection, DEMO_SALE, "person-lin", NOW, new_id)
        assert [flash.end(connection, DEMO_SALE, NOW), flash.end(connection, DEMO_SALE, NOW)] == [True, False]
        assert flash.claim(connection, DEMO_SALE, "person-chen", NOW, new_id).outcome == "not_running"
        row = connection.execute(select(outbox)).one()
        assert (row.status, row.reason) == ("dropped", "sale ended")
        assert flash.pay(connection, held.claim_id, NOW)

    await shop.write(job)


# --- claims --------------------------------------------------------------------------------------------------------


async def test_a_sale_that_is_a_draft_or_past_its_end_gives_nothing(shop: Database) -> None:
    draft = await shop.write(claim(DEMO_SALE, "person-lin"))
    assert draft == flash.Claimed("not_running", 3)
    sale_id, people = await started(shop)
    late = await shop.write(claim(sale_id, people[0], NOW + LENGTH))
    assert late == flash.Claimed("not_running", 3)
    for wrong in (claim("no-sale", people[0]), claim(sale_id, "no-person")):
        with pytest.raises(NotFound):
            await shop.write(wrong)
    assert (await shop.read(lambda connection: tally(connection, sale_id))).available == 3


async def test_one_piece_a_person_until_none_is_left(shop: Database) -> None:
    sale_id, people = await started(shop, total=2)
    first = await shop.write(claim(sale_id, people[0]))
    assert (first.outcome, first.left, first.expires_at) == ("held", 1, NOW + HOLD)
    again = await shop.write(claim(sale_id, people[0], NOW + timedelta(seconds=5)))
    assert (again.outcome, again.left, again.expires_at, again.claim_id) == ("again", 1, NOW + HOLD, first.claim_id)
    outcomes = [(await shop.write(claim(sale_id, name))).outcome for name in people[1:4]]
    assert outcomes == ["held", "sold_out", "sold_out"]


async def test_a_hold_that_runs_out_goes_back_once_and_may_be_claimed_again(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    first = await shop.write(claim(sale_id, people[0]))
    due = NOW + HOLD
    timer = await shop.read(
        lambda c: c.execute(select(timers).where(timers.c.key == f"claim:{first.claim_id}:expire")).one()
    )
    assert (timer.kind, timer.payload, timer.due_at) == ("claim_expire", {"claim_id": first.claim_id}, due)

    early, on_time, twice = [
        await shop.write(lambda connection, at=at: flash.expire(connection, first.claim_id, at))  # type: ignore[misc]
        for at in (due - timedelta(seconds=1), due, due)
    ]
    assert (early, on_time, twice) == (False, True, False)
    assert (await shop.write(claim(sale_id, people[1], due))).outcome == "held"
    assert (await shop.write(claim(sale_id, people[0], due))).outcome == "sold_out"
    assert (await shop.write(claim(sale_id, people[0], due + HOLD))).outcome == "sold_out"
    assert await shop.write(lambda c: flash.end(c, sale_id, due)) is True


async def test_the_old_timer_of_a_claim_taken_again_cannot_end_the_new_hold(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    first = await shop.write(claim(sale_id, people[0]))
    second = await shop.write(claim(sale_id, people[0], NOW + HOLD))  # the timer has not fired yet
    assert (second.outcome, second.expires_at) == ("held", NOW + 2 * HOLD)
    assert not await shop.write(lambda c: flash.expire(c, first.claim_id, NOW + 3 * HOLD))
    assert (await shop.read(lambda c: tally(c, sale_id))).held == 1


async def test_a_paid_piece_never_goes_back(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    held = await shop.write(claim(sale_id, people[0]))
    assert await shop.write(lambda c: flash.pay(c, held.claim_id, NOW))
    assert await shop.write(lambda c: flash.pay(c, held.claim_id, NOW))  # the shop says it twice
    assert not await shop.write(lambda c: flash.expire(c, held.claim_id, NOW + HOLD))
    assert (await shop.write(claim(sale_id, people[0], NOW + HOLD))).outcome == "again"
    assert await shop.read(lambda c: tally(c, sale_id)) == Tally(1, 0, 0, 1, 1)


async def test_a_late_payment_is_honoured_only_from_what_is_left(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    held, late = await shop.write(claim(sale_id, people[0])), NOW + HOLD
    await shop.write(lambda c: flash.expire(c, held.claim_id, late))
    other = await shop.write(claim(sale_id, people[1], late))
    assert not await shop.write(lambda c: flash.pay(c, held.claim_id, late))
    await shop.write(lambda c: flash.expire(c, other.claim_id, late + HOLD))
    assert await shop.write(lambda c: flash.pay(c, held.claim_id, late + HOLD))
    assert await shop.read(lambda c: tally(c, sale_id)) == Tally(1, 0, 0, 1, 2)
    assert not await shop.write(lambda c: flash.pay(c, "no-claim", late))


# --- never oversold ------------------------------------------------------------------------------------------------

ACTS = st.tuples(
    st.sampled_from(["claim", "claim", "claim", "expire", "pay", "end"]), st.integers(0, 5), st.integers(0, 400)
)


@given(total=st.integers(1, 4), acts=st.lists(ACTS, min_size=1, max_size=30))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_in_whatever_order_the_sum_stays(
    shop: Database, total: int, acts: list[tuple[str, int, int]]
) -> None:
    sale_id, people = await started(shop, total, 6)

    def job(connection: Connection) -> None:
        now, last_claim = NOW, dict.fromkeys(people, "")
        for act, place, seconds in acts:
            now, who = now + timedelta(seconds=seconds), people[place]
            before = tally(connection, sale_id)
            match act:
                case "claim":
                    got = flash.claim(connection, sale_id, who, now, new_id)
                    last_claim[who] = got.claim_id or last_claim[who]
                    assert got.left == tally(connection, sale_id).available
                    assert got.outcome != "sold_out" or before.available == 0
                case "expire":
                    flash.expire(connection, last_claim[who], now)
                case "pay":
                    flash.pay(connection, last_claim[who], now)
                case "end" if seconds < 40:
                    flash.end(connection, sale_id, now)
            tally(connection, sale_id).check()
        assert tally(connection, sale_id).paid >= 0

    await shop.write(job)


@given(
    total=st.integers(1, 6),
    rush=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["claim", "claim", "pay", "expire"])), min_size=40, max_size=80
    ),
)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_rush_from_many_threads_never_oversells(
    shop: Database, total: int, rush: list[tuple[int, str]]
) -> None:
    """Every `Database` has a writer of its own, so these are rivals on one file (or server), not one queue."""
    sale_id, people = await started(shop, total, 10)
    seen: list[flash.Claimed] = []

    async def one(rival: Database, place: int, act: str) -> None:
        async with asyncio.timeout(30):
            got = await rival.write(claim(sale_id, people[place]))
            seen.append(got)
            if act == "pay" and got.claim_id:
                await rival.write(lambda connection: flash.pay(connection, got.claim_id, NOW))
            if act == "expire" and got.claim_id:
                await rival.write(lambda connection: flash.expire(connection, got.claim_id, NOW + HOLD))

    async def watch() -> None:
        while True:
            (await shop.read(lambda connection: tally(connection, sale_id))).check()

    async with AsyncExitStack() as stack:
        rivals = [Database(shop.url) for _ in range(4)]
        for rival in rivals:
            stack.callback(rival.close)
        watcher = asyncio.create_task(watch())
        await asyncio.gather(*(one(rivals[n % 4], place, act) for n, (place, act) in enumerate(rush)))
        watcher.cancel()
        with pytest.raises(asyncio.CancelledError):  # and not the AssertionError of an instant that did not add up
            await watcher

    end = await shop.read(lambda connection: tally(connection, sale_id))
    end.check()
    wanted = len({place for place, _ in rush})
    assert end.people <= wanted
    assert Counter(got.outcome for got in seen)["held"] >= min(total, wanted)
    assert end.held + end.paid <= wanted


async def test_a_hundred_people_for_three_pieces_are_three_buyers(shop: Database) -> None:
    sale_id, people = await started(shop, total=3, people=100)
    rivals = [Database(shop.url) for _ in range(4)]
    try:
        jobs = [rivals[n % 4].write(claim(sale_id, name)) for n, name in enumerate(people * 2)]
        outcomes = Counter(got.outcome for got in await asyncio.gather(*jobs))
    finally:
        for rival in rivals:
            rival.close()
    assert (outcomes["held"], outcomes["again"], outcomes["sold_out"]) == (3, 3, 194)
    assert await shop.read(lambda connection: tally(connection, sale_id)) == Tally(3, 0, 3, 0, 3)

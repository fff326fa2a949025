"""Flash sales: announced once, so many pieces a person, served in line, and available + held + paid = total always."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, func, select, update

from bot.campaigns import buyers, claiming, flash, line, paying
from bot.campaigns.claiming import Claimed
from bot.campaigns.paying import Payment
from bot.clock import new_id
from bot.demo.seed import DEMO_GROUP, DEMO_SALE, TELEGRAM, seed
from bot.errors import Conflict, NotFound
from bot.messages import Choice, Source
from bot.shop.erasing import erase
from bot.store.database import Database
from bot.store.tables import claims, customers, outbox, persons, sales, tasks, timers
from bot.voice import Spoken

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOLD = timedelta(seconds=600)
OFFER = timedelta(seconds=300)
SECOND = timedelta(seconds=1)
LENGTH = timedelta(seconds=7200)


@pytest.fixture
async def shop(database: Database) -> Database:
    """The demo shop with its draft of three pieces."""
    await database.write(lambda connection: seed(connection, NOW))
    return database


def say(language: str, facts: Mapping[str, Any]) -> Spoken:
    text = f"{language} {facts['product']} {facts['colour']} {facts['price_minor']} {facts['total']}"
    return Spoken(text, (Choice("claim", "grab"),), (Source(facts["product_id"], "1"),))


def draft_sale(connection: Connection, total: int, people: int, **more: Any) -> tuple[str, list[str]]:
    """Store one more draft, and people to claim its pieces. Return its id and theirs."""
    sale_id, names = new_id(), [new_id() for _ in range(people)]
    row = {"sku": "linen-dress-blue-M", "price_minor": 19900, "currency": "CNY", "audiences": [], **more}
    connection.execute(sales.insert().values(id=sale_id, total=total, available=total, **row))
    connection.execute(persons.insert(), [{"id": name, "created_at": NOW} for name in names])
    return sale_id, names


@dataclass(frozen=True)
class Tally:
    total: int
    available: int
    held: int
    paid: int
    waiting: int

    def check(self) -> None:
        assert self.available >= 0
        assert self.available + self.held + self.paid == self.total
        assert not (self.available and self.waiting), "somebody waits while a piece is free"


def tally(connection: Connection, sale_id: str) -> Tally:
    """Count in one statement, so that every number is of the same instant."""

    def number(status: str) -> Any:
        of_sale = claims.c.sale_id == sale_id, claims.c.status == status
        return select(func.count()).where(*of_sale).scalar_subquery()

    row = connection.execute(
        select(sales.c.total, sales.c.available, number("held"), number("paid"), number("waiting")).where(
            sales.c.id == sale_id
        )
    ).one()
    return Tally(*row)


async def started(database: Database, total: int = 3, people: int = 5, **more: Any) -> tuple[str, list[str]]:
    def job(connection: Connection) -> tuple[str, list[str]]:
        sale_id, names = draft_sale(connection, total, people, **more)
        flash.start(connection, sale_id, say, NOW)
        return sale_id, names

    return await database.write(job)


def claim(sale_id: str, person_id: str, at: datetime = NOW) -> Callable[[Connection], Claimed]:
    return lambda connection: claiming.claim(connection, sale_id, person_id, at, new_id)


def pay(sale_id: str, person_id: str, at: datetime = NOW, claim_id: str = "") -> Callable[[Connection], Payment]:
    return lambda connection: paying.pay(connection, sale_id, person_id, at, claim_id)


def look(sale_id: str, at: datetime) -> Callable[[Connection], int]:
    """Do what the sale's timer does."""
    return lambda connection: line.release_due(connection, sale_id, at)


def known_as(connection: Connection, customer_id: str, *people: str, tier: str = "regular") -> None:
    """Have the shop know people as one customer, whom it has known for a year."""
    since = NOW - timedelta(days=365)
    connection.execute(customers.insert().values(id=customer_id, name="", tier=tier, created_at=since))
    connection.execute(update(persons).where(persons.c.id.in_(people)).values(customer_id=customer_id))


def linked(*people: str) -> Callable[[Connection], None]:
    """Have people turn out to be one customer, one after the other."""

    def job(connection: Connection) -> None:
        for name in people:
            known = connection.execute(select(customers.c.id).where(customers.c.id == "one")).first()
            if known is None:
                known_as(connection, "one")
            connection.execute(update(persons).where(persons.c.id == name).values(customer_id="one"))
            buyers.become(connection, name, "one", NOW)

    return job


async def told(database: Database, what: str) -> list[str]:
    """Return of which claims people are told so much."""
    of_kind = select(timers.c.payload).where(timers.c.kind == line.TELL).order_by(timers.c.id)
    payloads = await database.read(lambda c: c.execute(of_kind).scalars().all())
    return [claim_id for payload in payloads if payload["what"] == what for claim_id in payload["claims"]]


async def look_at(database: Database, sale_id: str) -> datetime:
    """Return when the sale's timer looks at its holds."""
    of_sale = select(timers.c.due_at).where(timers.c.key == f"sale:{sale_id}:expire")
    return await database.read(lambda c: c.execute(of_sale).scalar_one())


async def tally_of(database: Database, sale_id: str) -> Tally:
    return await database.read(lambda c: tally(c, sale_id))


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
        claiming.claim(connection, DEMO_SALE, "person-lin", NOW, new_id)
        assert [flash.end(connection, DEMO_SALE, NOW), flash.end(connection, DEMO_SALE, NOW)] == [True, False]
        assert claiming.claim(connection, DEMO_SALE, "person-chen", NOW, new_id).outcome == "not_running"
        row = connection.execute(select(outbox)).one()
        assert (row.status, row.reason) == ("dropped", "sale ended")
        assert paying.pay(connection, DEMO_SALE, "person-lin", NOW).status == "paid"

    await shop.write(job)


# --- claims --------------------------------------------------------------------------------------------------------


async def test_a_sale_that_is_a_draft_or_past_its_end_gives_nothing(shop: Database) -> None:
    draft = await shop.write(claim(DEMO_SALE, "person-lin"))
    assert draft == Claimed("not_running", 3)
    sale_id, people = await started(shop)
    late = await shop.write(claim(sale_id, people[0], NOW + LENGTH))
    assert late == Claimed("not_running", 3)
    for wrong in (claim("no-sale", people[0]), claim(sale_id, "no-person")):
        with pytest.raises(NotFound):
            await shop.write(wrong)
    assert (await tally_of(shop, sale_id)).available == 3


async def test_one_piece_a_person_until_none_is_left_then_they_stand_in_line(shop: Database) -> None:
    sale_id, people = await started(shop, total=2)
    first = await shop.write(claim(sale_id, people[0]))
    assert (first.outcome, first.left, first.expires_at) == ("held", 1, NOW + HOLD)
    again = await shop.write(claim(sale_id, people[0], NOW + timedelta(seconds=5)))
    assert (again.outcome, again.left, again.expires_at, again.claim_id) == ("again", 1, NOW + HOLD, first.claim_id)
    others = [await shop.write(claim(sale_id, name)) for name in people[1:4]]
    assert [(other.outcome, other.place) for other in others] == [("held", 0), ("waiting", 1), ("waiting", 2)]
    assert (await shop.write(claim(sale_id, people[3]))).place == 2
    assert await tally_of(shop, sale_id) == Tally(2, 0, 2, 0, 2)


async def test_with_a_limit_of_two_a_person_gets_two_pieces_and_no_third(shop: Database) -> None:
    sale_id, people = await started(shop, total=5, limit_each=2)
    outcomes = [(await shop.write(claim(sale_id, people[0]))).outcome for _ in range(3)]
    assert outcomes == ["held", "held", "again"]
    assert await tally_of(shop, sale_id) == Tally(5, 3, 2, 0, 0)
    assert (await shop.write(pay(sale_id, people[0]))).status == "paid"
    assert await tally_of(shop, sale_id) == Tally(5, 3, 0, 2, 0)


async def test_all_accounts_of_a_customer_are_one_buyer(shop: Database) -> None:
    sale_id, people = await started(shop)
    await shop.write(lambda c: known_as(c, "twice", people[0], people[1]))
    first = await shop.write(claim(sale_id, people[0]))
    second = await shop.write(claim(sale_id, people[1]))
    assert (first.outcome, second.outcome, second.claim_id) == ("held", "again", first.claim_id)
    assert (await shop.write(pay(sale_id, people[1]))).status == "paid"
    assert await tally_of(shop, sale_id) == Tally(3, 2, 0, 1, 0)


@pytest.mark.parametrize("paid", [False, True])
async def test_who_turns_out_to_be_a_customer_keeps_no_more_than_one_may_have(shop: Database, paid: bool) -> None:
    sale_id, people = await started(shop, total=2)
    for name in people[:2]:
        await shop.write(claim(sale_id, name))
        if paid:
            await shop.write(pay(sale_id, name))
    assert (await shop.write(claim(sale_id, people[2]))).outcome == "waiting"

    def link(connection: Connection) -> None:
        known_as(connection, "twice", people[0])
        buyers.become(connection, people[0], "twice", NOW)
        connection.execute(update(persons).where(persons.c.id == people[1]).values(customer_id="twice"))
        buyers.become(connection, people[1], "twice", NOW)

    await shop.write(link)
    # What was held twice goes to the next in line; what was paid twice was paid before anybody knew.
    assert await tally_of(shop, sale_id) == (Tally(2, 0, 0, 2, 1) if paid else Tally(2, 0, 2, 0, 0))
    assert (await shop.write(claim(sale_id, people[1]))).outcome == "again"
    assert (await shop.write(claim(sale_id, people[2]))).outcome == ("waiting" if paid else "again")
    assert len(await told(shop, "over_limit")) == (0 if paid else 1)


@pytest.mark.parametrize("holder_first", [False, True])
async def test_who_holds_a_piece_and_waits_with_another_account_keeps_the_piece(
    shop: Database, holder_first: bool
) -> None:
    sale_id, people = await started(shop, total=1)
    holds, ahead, waits = [await shop.write(claim(sale_id, name)) for name in people[:3]]
    assert [holds.outcome, ahead.outcome, waits.outcome] == ["held", "waiting", "waiting"]
    await shop.write(linked(*(people[0:3:2] if holder_first else people[2::-2])))
    for name in (people[0], people[2]):
        assert (await shop.write(claim(sale_id, name))).claim_id == holds.claim_id
    assert await tally_of(shop, sale_id) == Tally(1, 0, 1, 0, 1)
    assert await told(shop, "over_limit") == []


async def test_who_is_erased_as_a_customer_keeps_what_they_claimed_and_may_have_no_more(shop: Database) -> None:
    sale_id, people = await started(shop)
    await shop.write(lambda c: known_as(c, "gone", people[0]))
    held = await shop.write(claim(sale_id, people[0]))
    await shop.write(lambda c: erase(c, "gone", NOW))
    again = await shop.write(claim(sale_id, people[0]))
    assert (again.outcome, again.claim_id) == ("again", held.claim_id)
    assert (await shop.write(pay(sale_id, people[0]))) == Payment("paid", changed=True)
    assert await tally_of(shop, sale_id) == Tally(3, 2, 0, 1, 0)


async def test_members_of_a_tier_begin_ahead_of_the_others(shop: Database) -> None:
    sale_id, people = await started(shop, early={"gold": 3600})
    await shop.write(lambda c: known_as(c, "member", people[0], tier="gold"))
    hour = timedelta(hours=1)
    too_early = await shop.write(claim(sale_id, people[1], NOW - SECOND))
    assert (too_early.outcome, too_early.starts_at) == ("too_early", NOW)
    before = await shop.write(claim(sale_id, people[0], NOW - hour - SECOND))
    assert (before.outcome, before.starts_at) == ("too_early", NOW - hour)
    assert (await shop.write(claim(sale_id, people[0], NOW - hour))).outcome == "held"
    assert (await shop.write(claim(sale_id, people[1]))).outcome == "held"


async def test_an_account_that_is_too_new_gets_nothing_unless_the_customer_is_known_longer(shop: Database) -> None:
    anybody, _ = await started(shop)
    sale_id, people = await started(shop, min_age_s=86_400)
    await shop.write(lambda c: known_as(c, "old", people[0]))
    assert (await shop.write(claim(sale_id, people[1]))).outcome == "too_new"
    assert (await shop.write(claim(sale_id, people[0]))).outcome == "held"
    assert (await shop.write(claim(anybody, people[1]))).outcome == "held"


# --- holds and the line ---------------------------------------------------------------------------------------------


async def test_a_hold_that_runs_out_goes_to_the_first_in_line_for_a_time_of_its_own(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    await shop.write(claim(sale_id, people[0]))
    for name in people[1:4]:
        await shop.write(claim(sale_id, name))
    due = NOW + HOLD
    early, on_time, twice = [await shop.write(look(sale_id, at)) for at in (due - SECOND, due, due)]
    assert (early, on_time, twice) == (0, 1, 0)
    offered = await shop.write(claim(sale_id, people[1], due))
    assert (offered.outcome, offered.expires_at) == ("again", due + OFFER)
    assert (await shop.write(claim(sale_id, people[3], due))).place == 2
    assert await shop.write(look(sale_id, due + OFFER)) == 1
    assert (await shop.write(claim(sale_id, people[2], due + OFFER))).outcome == "again"
    gone = await shop.write(claim(sale_id, people[0], due + OFFER))
    assert (gone.outcome, gone.place) == ("waiting", 2)  # who did not pay stands behind everybody
    assert await tally_of(shop, sale_id) == Tally(1, 0, 1, 0, 2)


async def test_who_claims_finds_a_piece_whose_hold_ran_out_although_its_timer_is_late(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    first = await shop.write(claim(sale_id, people[0]))
    second = await shop.write(claim(sale_id, people[0], NOW + HOLD))
    assert (second.outcome, second.expires_at) == ("held", NOW + 2 * HOLD)
    assert second.claim_id != first.claim_id
    assert await shop.write(look(sale_id, NOW + HOLD)) == 0
    assert (await tally_of(shop, sale_id)).held == 1


async def test_the_one_timer_of_a_sale_looks_in_time_for_whatever_is_claimed_after_it_looked(shop: Database) -> None:
    sale_id, people = await started(shop, total=2)
    assert await look_at(shop, sale_id) == NOW + OFFER
    claimed_at = NOW + OFFER + SECOND
    await shop.write(look(sale_id, NOW + OFFER))
    await shop.write(claim(sale_id, people[0], claimed_at))
    at = await look_at(shop, sale_id)
    while not await shop.write(look(sale_id, at)):
        at = await look_at(shop, sale_id)
    assert at == claimed_at + HOLD
    await shop.write(lambda c: flash.end(c, sale_id, at))
    await shop.write(lambda c: c.execute(timers.delete()).rowcount)
    await shop.write(look(sale_id, at))
    assert await shop.read(lambda c: c.execute(select(timers.c.key)).all()) == []  # over, and nothing is held


async def test_nobody_is_served_once_the_sale_has_ended(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    for name in people[:2]:
        await shop.write(claim(sale_id, name))
    await shop.write(lambda c: flash.end(c, sale_id, NOW))
    await shop.write(look(sale_id, NOW + HOLD))
    assert await tally_of(shop, sale_id) == Tally(1, 1, 0, 0, 0)
    assert (await shop.write(claim(sale_id, people[1], NOW + HOLD))).outcome == "not_running"


async def test_while_a_payment_is_pending_a_hold_goes_on_once(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    await shop.write(claim(sale_id, people[0]))
    at = NOW + HOLD - SECOND
    extended = [await shop.write(lambda c: paying.extend(c, sale_id, people[0], at)) for _ in range(2)]
    assert extended == [True, False]
    assert await shop.write(look(sale_id, NOW + HOLD)) == 0
    assert not await shop.write(lambda c: paying.extend(c, sale_id, people[1], at))
    assert await shop.write(look(sale_id, at + HOLD)) == 1


async def test_only_the_piece_that_is_being_paid_is_held_longer(shop: Database) -> None:
    sale_id, people = await started(shop, limit_each=2)
    first, second = [await shop.write(claim(sale_id, people[0])) for _ in range(2)]
    at = NOW + HOLD - SECOND
    assert await shop.write(lambda c: paying.extend(c, sale_id, people[0], at, first.claim_id))
    assert await shop.write(look(sale_id, NOW + HOLD)) == 1
    assert (await status_of(shop, first), await status_of(shop, second)) == ("held", "released")


async def test_an_offer_that_is_being_paid_is_held_as_long_again_as_offers_are(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    for name in people[:2]:
        await shop.write(claim(sale_id, name))
    await shop.write(look(sale_id, NOW + HOLD))
    at = NOW + HOLD + OFFER - SECOND
    assert await shop.write(lambda c: paying.extend(c, sale_id, people[1], at))
    assert (await shop.write(claim(sale_id, people[1], at))).expires_at == at + OFFER


# --- payments -------------------------------------------------------------------------------------------------------


async def test_a_paid_piece_never_goes_back(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    await shop.write(claim(sale_id, people[0]))
    twice = [await shop.write(pay(sale_id, people[0])) for _ in range(2)]
    assert twice == [Payment("paid", changed=True), Payment("paid", changed=False)]
    assert await shop.write(look(sale_id, NOW + HOLD)) == 0
    assert (await shop.write(claim(sale_id, people[0], NOW + HOLD))).outcome == "again"
    assert await tally_of(shop, sale_id) == Tally(1, 0, 0, 1, 0)


async def test_a_late_payment_counts_while_a_piece_is_to_spare(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    await shop.write(claim(sale_id, people[0]))
    await shop.write(look(sale_id, NOW + HOLD))
    assert await shop.write(pay(sale_id, people[0], NOW + HOLD)) == Payment("paid", changed=True)
    assert await tally_of(shop, sale_id) == Tally(1, 0, 0, 1, 0)
    with pytest.raises(NotFound):
        await shop.write(pay(sale_id, people[1]))


async def test_a_payment_that_comes_too_late_stays_known_as_such_and_a_human_gets_a_task(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    await shop.write(claim(sale_id, people[0]))
    await shop.write(claim(sale_id, people[1]))
    late = NOW + HOLD
    await shop.write(look(sale_id, late))
    twice = [await shop.write(pay(sale_id, people[0], late)) for _ in range(2)]
    assert twice == [Payment("late", changed=True), Payment("late", changed=False)]
    (task,) = await shop.read(lambda c: c.execute(select(tasks).where(tasks.c.kind == "sale_late")).all())
    assert people[0] in task.text
    assert (await shop.write(claim(sale_id, people[0], late))).outcome == "late"
    assert await tally_of(shop, sale_id) == Tally(1, 0, 1, 0, 0)

    refunds = [await shop.write(lambda c: paying.refund(c, sale_id, people[0], late)) for _ in range(2)]
    assert refunds == [True, False]
    assert (await shop.write(claim(sale_id, people[0], late))).outcome == "waiting"


async def status_of(database: Database, claimed: Claimed) -> str:
    query = select(claims.c.status).where(claims.c.id == claimed.claim_id)
    return str(await database.read(lambda c: c.execute(query).scalar_one()))


async def test_a_payment_of_a_hold_that_ran_out_pays_the_piece_that_was_claimed_since_and_no_second_one(
    shop: Database,
) -> None:
    sale_id, people = await started(shop, total=2)
    first = await shop.write(claim(sale_id, people[0]))
    later = NOW + HOLD
    await shop.write(look(sale_id, later))
    second = await shop.write(claim(sale_id, people[0], later))
    of_first = [await shop.write(pay(sale_id, people[0], later, first.claim_id)) for _ in range(2)]
    assert of_first == [Payment("paid", changed=True), Payment("paid", changed=False)]
    assert await tally_of(shop, sale_id) == Tally(2, 1, 0, 1, 0)
    assert await shop.write(pay(sale_id, people[0], later, second.claim_id)) == Payment("late", changed=True)
    assert await shop.read(lambda c: c.execute(select(tasks.c.kind)).scalars().all()) == ["sale_late"]
    assert await tally_of(shop, sale_id) == Tally(2, 1, 0, 1, 0)
    with pytest.raises(NotFound, match="no-such"):
        await shop.write(pay(sale_id, people[0], later, "no-such"))


async def test_a_payment_that_may_be_of_a_lost_piece_or_of_a_paid_one_must_say_which(shop: Database) -> None:
    sale_id, people = await started(shop, limit_each=2)
    first, second = [await shop.write(claim(sale_id, people[0])) for _ in range(2)]
    await shop.write(pay(sale_id, people[0], NOW, first.claim_id))
    later = NOW + HOLD
    await shop.write(look(sale_id, later))
    with pytest.raises(Conflict, match="claim_id"):
        await shop.write(pay(sale_id, people[0], later))
    assert await shop.write(pay(sale_id, people[0], later, second.claim_id)) == Payment("paid", changed=True)
    assert await shop.write(pay(sale_id, people[0], later)) == Payment("paid", changed=False)
    assert await tally_of(shop, sale_id) == Tally(3, 1, 0, 2, 0)


async def test_a_payment_that_is_told_again_after_it_was_given_back_takes_nothing(shop: Database) -> None:
    sale_id, people = await started(shop)
    await shop.write(claim(sale_id, people[0]))
    await shop.write(pay(sale_id, people[0]))
    await shop.write(lambda c: paying.refund(c, sale_id, people[0], NOW))
    assert await shop.write(pay(sale_id, people[0])) == Payment("refunded", changed=False)
    assert await tally_of(shop, sale_id) == Tally(3, 3, 0, 0, 0)
    assert (await shop.write(claim(sale_id, people[0]))).outcome == "held"
    assert await shop.write(pay(sale_id, people[0])) == Payment("paid", changed=True)


async def test_a_refunded_piece_goes_to_the_next_in_line(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    await shop.write(claim(sale_id, people[0]))
    await shop.write(pay(sale_id, people[0]))
    await shop.write(claim(sale_id, people[1]))
    assert await shop.write(lambda c: paying.refund(c, sale_id, people[0], NOW))
    assert (await shop.write(claim(sale_id, people[1]))).outcome == "again"
    assert await tally_of(shop, sale_id) == Tally(1, 0, 1, 0, 0)


# --- never oversold ------------------------------------------------------------------------------------------------

ACTS = st.tuples(
    st.sampled_from(["claim", "claim", "claim", "look", "pay", "refund", "extend", "link", "end"]),
    st.integers(0, 5),
    st.integers(0, 400),
)


@given(total=st.integers(1, 4), limit=st.integers(1, 2), acts=st.lists(ACTS, min_size=1, max_size=30))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_in_whatever_order_the_sum_stays(
    shop: Database, total: int, limit: int, acts: list[tuple[str, int, int]]
) -> None:
    sale_id, people = await started(shop, total, 6, limit_each=limit)

    def job(connection: Connection) -> None:
        now = NOW
        known_as(connection, f"c-{sale_id}")
        for act, place, seconds in acts:
            now, who = now + timedelta(seconds=seconds), people[place]
            before = tally(connection, sale_id)
            match act:
                case "claim":
                    got = claiming.claim(connection, sale_id, who, now, new_id)
                    assert got.left == tally(connection, sale_id).available
                    assert got.outcome != "waiting" or before.available == 0
                case "look":
                    line.release_due(connection, sale_id, now)
                case "pay" if _has_claimed(connection, sale_id, who):
                    paying.pay(connection, sale_id, who, now)
                case "refund":
                    paying.refund(connection, sale_id, who, now)
                case "extend":
                    paying.extend(connection, sale_id, who, now)
                case "link":
                    customer = f"c-{sale_id}"
                    keys = {buyers.buyer_of(connection, who).key, buyers.key_of(who, customer)}
                    had = _pieces(connection, sale_id, keys)
                    connection.execute(update(persons).where(persons.c.id == who).values(customer_id=customer))
                    buyers.become(connection, who, customer, now)
                    assert _pieces(connection, sale_id, keys) >= min(had, limit), "a piece was lost"
                case "end" if seconds < 40:
                    flash.end(connection, sale_id, now)
            tally(connection, sale_id).check()
            _check_limit(connection, sale_id, limit)

    await shop.write(job)


def _pieces(connection: Connection, sale_id: str, keys: set[str]) -> int:
    having = claims.c.sale_id == sale_id, claims.c.buyer.in_(keys), claims.c.status.in_(("held", "paid"))
    return int(connection.execute(select(func.count()).where(*having)).scalar_one())


def _has_claimed(connection: Connection, sale_id: str, person_id: str) -> bool:
    buyer = buyers.buyer_of(connection, person_id).key
    mine = select(claims.c.id).where(claims.c.sale_id == sale_id, claims.c.buyer == buyer)
    return connection.execute(mine).first() is not None


def _check_limit(connection: Connection, sale_id: str, limit: int) -> None:
    """Nobody holds more than they may. What several accounts had paid before they were known as one stays."""
    held = claims.c.sale_id == sale_id, claims.c.status == "held"
    most = connection.execute(
        select(func.count().label("many")).where(*held).group_by(claims.c.buyer).order_by(func.count().desc()).limit(1)
    ).scalar()
    assert (most or 0) <= limit


@given(
    total=st.integers(1, 6),
    rush=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["claim", "claim", "pay", "look"])), min_size=40, max_size=80
    ),
)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_rush_from_many_threads_never_oversells(
    shop: Database, total: int, rush: list[tuple[int, str]]
) -> None:
    """Every `Database` has a writer of its own, so these are rivals on one file (or server), not one queue."""
    sale_id, people = await started(shop, total, 10)
    seen: list[Claimed] = []

    async def one(rival: Database, place: int, act: str) -> None:
        async with asyncio.timeout(30):
            got = await rival.write(claim(sale_id, people[place]))
            seen.append(got)
            if act == "pay":
                await rival.write(pay(sale_id, people[place]))
            if act == "look":
                await rival.write(look(sale_id, NOW + HOLD))

    async def watch() -> None:
        while True:
            (await tally_of(shop, sale_id)).check()

    async with AsyncExitStack() as stack:
        rivals = [Database(shop.url) for _ in range(4)]
        for rival in rivals:
            stack.callback(rival.close)
        watcher = asyncio.create_task(watch())
        await asyncio.gather(*(one(rivals[n % 4], place, act) for n, (place, act) in enumerate(rush)))
        watcher.cancel()
        with pytest.raises(asyncio.CancelledError):  # and not the AssertionError of an instant that did not add up
            await watcher

    end = await tally_of(shop, sale_id)
    end.check()
    wanted = len({place for place, _ in rush})
    assert Counter(got.outcome for got in seen)["held"] >= min(total, wanted)
    assert end.held + end.paid <= wanted


async def test_a_hundred_people_for_three_pieces_are_three_buyers_and_a_line(shop: Database) -> None:
    sale_id, people = await started(shop, total=3, people=100)
    rivals = [Database(shop.url) for _ in range(4)]
    try:
        jobs = [rivals[n % 4].write(claim(sale_id, name)) for n, name in enumerate(people * 2)]
        outcomes = Counter(got.outcome for got in await asyncio.gather(*jobs))
    finally:
        for rival in rivals:
            rival.close()
    assert (outcomes["held"], outcomes["again"], outcomes["waiting"]) == (3, 3, 194)
    assert await tally_of(shop, sale_id) == Tally(3, 0, 3, 0, 97)
    in_line = select(claims.c.place).where(claims.c.sale_id == sale_id, claims.c.status == "waiting")
    assert len(set(await shop.read(lambda c: c.execute(in_line).scalars().all()))) == 97


async def test_two_accounts_of_a_customer_that_claim_at_the_same_moment_get_one_piece(shop: Database) -> None:
    sale_id, people = await started(shop, total=5, people=8)
    await shop.write(lambda c: known_as(c, "many", *people))
    rivals = [Database(shop.url) for _ in range(4)]
    try:
        jobs = [rivals[n % 4].write(claim(sale_id, name)) for n, name in enumerate(people)]
        outcomes = Counter(got.outcome for got in await asyncio.gather(*jobs))
    finally:
        for rival in rivals:
            rival.close()
    assert outcomes == {"held": 1, "again": 7}
    assert await tally_of(shop, sale_id) == Tally(5, 4, 1, 0, 0)


# --- at the same moment --------------------------------------------------------------------------------------------


async def at_once(shop: Database, first: Callable[[Connection], Any], second: Callable[[Connection], Any]) -> Any:
    """Run `second` while `first` is done and not committed, so that it waits for it; return what `second` says."""
    rival = Database(shop.url)
    done, go_on = threading.Event(), threading.Event()

    def held_open(connection: Connection) -> None:
        first(connection)
        done.set()
        go_on.wait(10)

    try:
        ahead = asyncio.create_task(shop.write(held_open))
        assert await asyncio.to_thread(done.wait, 10)
        behind = asyncio.create_task(rival.write(second))
        await asyncio.sleep(0.5)
        assert not behind.done()
        go_on.set()
        await ahead
        return await behind
    finally:
        go_on.set()
        rival.close()


async def test_two_accounts_of_a_customer_that_may_have_two_pieces_get_them_at_the_same_moment(shop: Database) -> None:
    sale_id, people = await started(shop, limit_each=2)
    await shop.write(lambda c: known_as(c, "two", *people[:2]))
    got = await at_once(shop, claim(sale_id, people[0]), claim(sale_id, people[1]))
    assert (got.outcome, got.left) == ("held", 1)
    assert await tally_of(shop, sale_id) == Tally(3, 1, 2, 0, 0)


async def test_who_claims_while_another_account_is_linked_that_holds_a_piece_gets_no_second_one(
    shop: Database,
) -> None:
    sale_id, people = await started(shop)
    await shop.write(lambda c: known_as(c, "one", people[0]))
    lapsed = await shop.write(claim(sale_id, people[0]))
    await shop.write(look(sale_id, NOW + HOLD))
    held = await shop.write(claim(sale_id, people[1], NOW + HOLD))
    later = NOW + HOLD
    got = await at_once(shop, linked(people[1]), claim(sale_id, people[0], later))
    assert (got.outcome, got.claim_id, got.left) == ("again", held.claim_id, 2)
    assert lapsed.claim_id != held.claim_id
    assert await tally_of(shop, sale_id) == Tally(3, 2, 1, 0, 0)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)  # SQLite has one writer
async def test_who_asks_for_their_place_as_they_are_served_hears_that_they_have_a_piece(shop: Database) -> None:
    sale_id, people = await started(shop, total=1)
    for name in people[:2]:
        await shop.write(claim(sale_id, name))
    rival = Database(shop.url)
    later = NOW + HOLD

    def asks(connection: Connection) -> Claimed:
        def served(*args: Any) -> None:
            if "min(" in args[2] and not served_at:  # what they have is read, and their place is not
                served_at.append(later)
                asyncio.run(rival.write(look(sale_id, later)))

        event.listen(connection, "before_cursor_execute", served)
        return claiming.claim(connection, sale_id, people[1], later, new_id)

    served_at: list[datetime] = []
    try:
        got = await shop.write(asks)
    finally:
        rival.close()
    assert (served_at, got.outcome, got.expires_at) == ([later], "again", later + OFFER)

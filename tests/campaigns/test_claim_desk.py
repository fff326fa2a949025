"""Claims that come together are decided together: in order, each for itself, and with no more waiting than needed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, create_engine, select, update

from bot.campaigns import flash, line
from bot.campaigns.claim_desk import Asked, ClaimDesk, decide
from bot.campaigns.claiming import Claimed
from bot.clock import new_id
from bot.demo.seed import seed
from bot.errors import Conflict, NotFound
from bot.store.database import Database
from bot.store.tables import claims, customers, persons, sales
from tests.conftest import StandingClock
from tests.test_flash import draft_sale, say

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Rush:
    """A running sale of two pieces, and five people who come to it."""

    def __init__(self, database: Database) -> None:
        self.database, self.commits = database, 0
        self.desk = ClaimDesk(database, StandingClock(NOW), new_id)

    async def open(self, pieces: int = 2, people: int = 5) -> None:
        def job(connection: Connection) -> tuple[str, list[str]]:
            seed(connection, NOW)
            sale_id, names = draft_sale(connection, pieces, people)
            flash.start(connection, sale_id, say, NOW)
            return sale_id, names

        self.sale_id, self.people = await self.database.write(job)

    async def together(self, people: Sequence[str], nonces: Sequence[str] = ()) -> list[Claimed | BaseException]:
        asked = [
            Asked(self.sale_id, who, nonce) for who, nonce in zip(people, nonces or [""] * len(people), strict=True)
        ]
        return await asyncio.gather(*(self.desk.claim(one) for one in asked), return_exceptions=True)

    async def available(self) -> int:
        left = select(sales.c.available).where(sales.c.id == self.sale_id)
        return int(await self.database.read(lambda c: c.execute(left).scalar_one()))


@pytest.fixture
async def rush(database: Database) -> Rush:
    opened = Rush(database)
    await opened.open()
    return opened


def outcomes(results: Sequence[Claimed | BaseException]) -> list[str]:
    return [one.outcome if isinstance(one, Claimed) else type(one).__name__ for one in results]


async def test_who_comes_first_of_those_who_come_together_gets_the_pieces_and_the_others_stand_in_line(
    rush: Rush, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = list[object]()
    write = Database.write

    async def counted(database: Database, job: object) -> object:
        commits.append(job)
        return await write(database, job)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "write", counted)
    results = await rush.together(rush.people)

    assert outcomes(results) == ["held", "held", "waiting", "waiting", "waiting"]
    assert [one.place for one in results if isinstance(one, Claimed)] == [0, 0, 1, 2, 3]
    assert [one.left for one in results if isinstance(one, Claimed)][:2] == [1, 0]
    assert len(commits) == 1
    assert await rush.available() == 0
    assert outcomes(await rush.together(rush.people)) == ["again", "again", "waiting", "waiting", "waiting"]


async def test_two_accounts_of_a_customer_that_claim_in_one_moment_get_one_piece(rush: Rush) -> None:
    def link(connection: Connection) -> None:
        connection.execute(customers.insert().values(id="one", name="", created_at=NOW))
        connection.execute(update(persons).where(persons.c.id.in_(rush.people[:2])).values(customer_id="one"))

    await rush.database.write(link)
    asked = [Asked(rush.sale_id, who) for who in (*rush.people[:3], rush.people[0])]

    results = await rush.database.write(lambda c: decide(c, asked, NOW, new_id))

    assert outcomes(results) == ["held", "again", "held", "again"]
    assert await rush.available() == 0


async def test_a_claim_that_cannot_be_decided_takes_no_other_along(rush: Rush) -> None:
    results = await rush.together([rush.people[0], "nobody", rush.people[1]])

    assert outcomes(results) == ["held", NotFound.__name__, "held"]


async def test_of_two_claims_by_one_link_the_second_is_refused_and_gets_nothing(rush: Rush) -> None:
    results = await rush.together(rush.people[:3], ["a", "a", "b"])

    assert outcomes(results) == ["held", Conflict.__name__, "held"]
    claimed = select(claims.c.person_id).where(claims.c.sale_id == rush.sale_id)
    holders = await rush.database.read(lambda c: set(c.execute(claimed).scalars()))
    assert holders == {rush.people[0], rush.people[2]}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)  # SQLite has one writer
async def test_who_has_something_already_hears_of_it_without_waiting_for_the_row_of_the_sale(rush: Rush) -> None:
    await rush.together(rush.people[:3])
    engine = create_engine(rush.database.url)
    with closing(engine.connect()) as other:
        line.locked_sale(other, rush.sale_id)
        async with asyncio.timeout(10):
            results = await rush.together(rush.people[:3])
    engine.dispose()

    assert outcomes(results) == ["again", "again", "waiting"]

"""One vote a person over all their accounts, however they come to be one, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Connection, update

from bot.campaigns.ballots import Voter, cast, counting, forget, locked_vote, vote_of
from bot.campaigns.draw import Drawn, commitment, drawn
from bot.shop.erasing import erase
from bot.store.database import Database
from bot.store.tables import ballots, identities, person_tags, persons, votes
from tests.conftest import StandingClock
from tests.delivery.stand import another, rows
from tests.queue.rivals import rivals

on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
"""SQLite lets nobody else write meanwhile."""

OPTIONS = [{"id": name, "tag": f"likes-{name}", "zh": name, "en": name} for name in ("linen", "silk")]
MINUTE = timedelta(minutes=1)
ACCOUNTS = {"li-telegram": "li", "li-wechat": "li", "li-web": "li-web", "wang": "wang"}
"""Account → person; `li` and `li-web` may turn out to be one customer."""


class Vote:
    def __init__(self, database: Database, clock: StandingClock) -> None:
        self.database, self.clock = database, clock

    async def opens(self) -> None:
        now = self.clock.now()
        row = {"id": "v", "question": {"zh": "?", "en": "?"}, "options": OPTIONS, "prize": {}, "winners": 0}
        when = {"starts_at": now, "ends_at": now + timedelta(hours=1)}

        def job(c: Connection) -> None:
            c.execute(votes.insert().values(**row, **when, audiences=[], status="open", seed="s"))
            for person in sorted(set(ACCOUNTS.values())):
                c.execute(persons.insert().values(id=person, created_at=now))
            for account, person in ACCOUNTS.items():
                kind = account.partition("-")[2] or "telegram"
                who = {"id": account, "person_id": person, "channel": f"{kind}:shop", "user": account}
                c.execute(identities.insert().values(**who, created_at=now))

        await self.database.write(job)

    async def votes(
        self, account: str, option: str, at: Database | None = None, late: timedelta = 0 * MINUTE
    ) -> tuple[str, int]:
        """Vote; `late`: so long ago it was said that is handled now."""
        voter, now = Voter(ACCOUNTS[account], account), self.clock.now() - late
        came = await (at or self.database).write(lambda c: cast(c, "v", option, voter, now))
        self.clock.advance(MINUTE)
        return came.outcome, came.entry

    async def is_customer(self, customer: str | None, *people: str) -> None:
        of = persons.c.id.in_(people)
        await self.database.write(lambda c: c.execute(update(persons).where(of).values(customer_id=customer)).rowcount)

    async def counts(self) -> list[tuple[int, str]]:
        found = await self.database.read(lambda c: counting(c, vote_of(c, "v")))
        return [(row.entry, row.option) for row in found]

    async def tags(self) -> list[tuple[str, str]]:
        return sorted((row.person_id, row.tag) for row in await rows(self.database, person_tags))


@pytest.fixture
async def vote(database: Database, clock: StandingClock) -> Vote:
    made = Vote(database, clock)
    await made.opens()
    return made


async def test_two_accounts_of_one_person_have_one_vote_and_the_later_choice(vote: Vote) -> None:
    assert await vote.votes("li-telegram", "linen") == ("voted", 1)
    assert await vote.votes("li-wechat", "silk") == ("changed", 1)
    assert await vote.votes("li-telegram", "silk") == ("same", 1)
    assert await vote.votes("wang", "linen") == ("voted", 2)
    assert await vote.counts() == [(1, "silk"), (2, "linen")]
    assert await vote.tags() == [("li", "likes-silk"), ("wang", "likes-linen")]


async def test_a_vote_taken_back_takes_nothing_that_was_voted_elsewhere_since(vote: Vote) -> None:
    await vote.votes("li-telegram", "linen")
    await vote.votes("li-wechat", "silk")
    await vote.votes("li-telegram", "")
    assert await vote.counts() == [(1, "silk")]
    assert await vote.votes("li-wechat", "") == ("taken_back", 1)
    assert (await vote.counts(), await vote.tags()) == ([], [])
    assert await vote.votes("li-telegram", "linen") == ("voted", 1)


async def test_people_who_turn_out_to_be_one_customer_have_one_vote_and_two_again_if_that_is_undone(vote: Vote) -> None:
    await vote.votes("li-telegram", "linen")
    await vote.votes("li-web", "silk")
    assert await vote.counts() == [(1, "linen"), (2, "silk")]
    await vote.is_customer("c1", "li", "li-web")
    assert await vote.counts() == [(2, "silk")]
    await vote.is_customer(None, "li-web")
    assert await vote.counts() == [(1, "linen"), (2, "silk")]
    await vote.is_customer("c1", "li-web")
    assert await vote.votes("li-wechat", "linen") == ("changed", 1)
    assert await vote.counts() == [(1, "linen")]
    assert await vote.tags() == [("li", "likes-linen")], "and one tag"


async def test_the_vote_that_counts_again_after_another_was_taken_back_has_its_tag_again(vote: Vote) -> None:
    await vote.is_customer("c1", "li", "li-web")
    await vote.votes("li-telegram", "linen")
    await vote.votes("li-web", "silk")
    assert await vote.tags() == [("li-web", "likes-silk")]
    await vote.votes("li-web", "")
    assert (await vote.counts(), await vote.tags()) == ([(1, "linen")], [("li", "likes-linen")])


async def test_what_was_said_earlier_and_is_handled_later_changes_nothing_of_what_was_said_since(vote: Vote) -> None:
    vote.clock.advance(5 * MINUTE)
    await vote.votes("li-telegram", "linen")
    assert await vote.votes("li-wechat", "silk", late=3 * MINUTE) == ("superseded", 0)
    assert await vote.votes("li-telegram", "", late=3 * MINUTE) == ("superseded", 0)
    await vote.is_customer("c1", "li", "li-web")
    assert await vote.votes("li-web", "silk", late=5 * MINUTE) == ("superseded", 0)
    assert (await vote.counts(), await vote.tags()) == ([(1, "linen")], [("li", "likes-linen")])


async def test_what_was_said_before_it_was_taken_back_and_is_handled_later_stays_taken_back(vote: Vote) -> None:
    vote.clock.advance(5 * MINUTE)
    await vote.votes("li-telegram", "linen", late=3 * MINUTE)
    await vote.votes("li-telegram", "")
    assert await vote.votes("li-wechat", "silk", late=2 * MINUTE) == ("superseded", 0)
    assert (await vote.counts(), await vote.tags()) == ([], [])


async def test_nothing_is_taken_before_the_start_after_the_end_or_for_what_there_is_not(vote: Vote) -> None:
    assert await vote.votes("wang", "wool") == ("not_open", 0)
    vote.clock.advance(timedelta(hours=1))
    assert await vote.votes("wang", "silk") == ("not_open", 0)
    await vote.database.write(lambda c: c.execute(update(votes).values(status="planned")).rowcount)
    vote.clock.advance(-timedelta(hours=1))
    assert await vote.votes("wang", "silk") == ("not_open", 0)
    assert await rows(vote.database, ballots) == []


async def test_who_is_erased_has_no_vote_while_it_is_open_and_later_a_number_that_is_nobodys(vote: Vote) -> None:
    for account, option in (("li-telegram", "linen"), ("li-web", "silk"), ("wang", "silk")):
        await vote.votes(account, option)
    await vote.database.write(lambda c: forget(c, ["li"]))
    assert await vote.counts() == [(2, "silk"), (3, "silk")]
    closed = {"status": "closed"}
    await vote.database.write(lambda c: c.execute(update(ballots).values(counted=True)).rowcount)
    await vote.database.write(lambda c: c.execute(update(votes).values(closed)).rowcount)
    await vote.database.write(lambda c: forget(c, ["li-web"]))
    assert await vote.counts() == [(2, "silk"), (3, "silk")], "what was told stays true"
    kept = {(row.entry, row.person_id, row.identity_id) for row in await rows(vote.database, ballots)}
    assert kept == {(2, None, None), (3, "wang", "wang")}
    counted = await vote.database.read(lambda c: counting(c, vote_of(c, "v")))
    assert [row.whose for row in counted] == [None, "person:wang"]


@on_postgresql
@pytest.mark.parametrize("before", ["linen", None])
async def test_who_votes_while_they_are_erased_is_not_in_the_way_of_it_and_leaves_no_vote(
    vote: Vote, before: str | None
) -> None:
    await vote.is_customer("c1", "li")
    if before:
        await vote.votes("li-telegram", before)
    now = vote.clock.now()
    with rivals(vote.database.url) as both:
        came = both.meet(
            lambda c: locked_vote(c, "v"),
            lambda c: erase(c, "c1", now),
            last=lambda c: cast(c, "v", "silk", Voter("li", "li-wechat"), now),
        )
    assert (came, await vote.counts(), await vote.tags()) == ([None], [], [])


async def test_accounts_that_vote_at_the_same_moment_from_two_processes_get_numbers_of_their_own(vote: Vote) -> None:
    async with another(vote.database) as second:
        came = await asyncio.gather(
            vote.votes("li-telegram", "linen"),
            vote.votes("li-wechat", "silk", second),
            vote.votes("wang", "silk", second),
            vote.votes("li-web", "linen"),
        )
    assert sorted({entry for _, entry in came}) == [1, 2, 3]
    assert len(await vote.counts()) == 3
    assert (await vote.database.read(lambda c: vote_of(c, "v"))).last_entry == 3


def test_a_draw_is_the_order_of_the_hashes_of_seed_and_number() -> None:
    # `printf 'seed:1' | sha256sum` begins with 81e4, of the others with 97c3, 7413 and a840.
    assert drawn("seed", {1: "a", 2: "b", 3: "c", 4: "d"}, 3) == Drawn((3, 1, 2), ())
    assert drawn("seed", {4: "d", 2: "b"}, 3) == Drawn((2, 4), ())
    assert drawn("seed", {1: "c", 2: "", 3: "c", 4: "d"}, 2) == Drawn((3, 4), (1, 2)), "nobody twice, and no nobody"
    assert commitment("seed") == "19b25856e1c150ca834cffc8b59b23adbd0ec0389e58eb22b3b64768098d002b"

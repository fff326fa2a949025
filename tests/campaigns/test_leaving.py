"""A campaign is stopped by itself once twice as many people say no after it as after the shop's others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, select, text

from bot.campaigns import leaving
from bot.campaigns.announcing import announce_on
from bot.campaigns.asking import ask_on
from bot.campaigns.ballots import vote_of
from bot.campaigns.broadcast import Broadcast, expand
from bot.campaigns.leaving import Left, counted
from bot.campaigns.plans import BIRTHDAY, FESTIVAL, RECALL
from bot.campaigns.vote_words import VoteWords
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner, set_timer
from bot.effects import set_consent
from bot.messages import ChatKind
from bot.skills.turn import SetConsent
from bot.store.database import Database
from bot.store.tables import audit, campaigns, conversations, outbox, sales, tasks, timers, votes
from bot.voice import Spoken
from tests.campaigns.people import TELEGRAM, goods, person
from tests.campaigns.test_ballots import OPTIONS, on_postgresql
from tests.campaigns.test_recall import on_sqlite
from tests.conftest import StandingClock
from tests.delivery.conftest import thinker
from tests.delivery.stand import rows
from tests.queue.rivals import rivals

__all__ = ["thinker"]

PEOPLE = 300
SALE, OTHER = "campaign:sale:spring", "campaign:sale:winter"


class Shop:
    """A shop whose people all heard of one campaign, and of what else a test tells."""

    def __init__(self, database: Database, clock: StandingClock) -> None:
        self.database, self.clock = database, clock

    async def fills(self) -> None:
        def fill(c: Connection) -> None:
            for number in range(PEOPLE):
                person(c, f"p{number}", created_at=self.clock.now())
            group = {"id": "group", "channel": TELEGRAM, "chat": "-1", "chat_kind": ChatKind.GROUP.value}
            now = self.clock.now()
            c.execute(conversations.insert().values(**group, created_at=now, updated_at=now))

        await self.database.write(fill)

    async def tells(self, author: str, **more: Any) -> None:
        """Have everybody on the channel written to, and what `more` says be so of the rows."""
        words = {"zh": Spoken("x", (), ())}

        def job(c: Connection) -> None:
            expand(c, Broadcast(author.removeprefix("campaign:"), TELEGRAM, words), "", self.clock.now())
            values: Mapping[str, Any] = {"status": "sent", "sent_at": self.clock.now(), **more}
            c.execute(outbox.update().where(outbox.c.author == author).values(values))

        await self.database.write(job)

    async def has_still_to_tell(self, ident: str) -> None:
        waits = outbox.update().where(outbox.c.conversation_id == f"talk-{ident}").values(status="waiting")
        await self.database.write(lambda c: c.execute(waits).rowcount)

    async def say_no(self, first: int, count: int) -> None:
        no = SetConsent(granted=False, proof="退订")

        def job(c: Connection) -> None:
            for number in range(first, first + count):
                set_consent(c, f"p{number}", TELEGRAM, no, self.clock.now())

        await self.database.write(job)

    async def a_minute_passes(self) -> list[str]:
        """Return the texts of the tasks that there are then."""
        self.clock.advance(leaving.LOOKS_AFTER)
        timer = TimerRunner(self.database, self.clock, {leaving.TIMER: leaving.look}, wake=Signal(), fired=Signal())
        while await timer.fire_next():
            pass
        return [row.text for row in await rows(self.database, tasks, tasks.c.kind == leaving.TIMER)]


@pytest.fixture
async def shop(database: Database, clock: StandingClock) -> Shop:
    made = Shop(database, clock)
    await made.fills()
    return made


async def test_a_sale_after_which_twice_as_many_say_no_is_told_to_nobody_else_in_private(shop: Shop) -> None:
    await shop.tells(OTHER)
    await shop.say_no(0, 3)
    assert await shop.a_minute_passes() == [], (
        "1 %, and the least share is half of that: but three people may be chance"
    )
    shop.clock.advance(timedelta(days=2))
    await shop.tells(SALE)
    waiting = select(outbox.c.id).where(outbox.c.author == SALE, outbox.c.conversation_id.in_(["talk-p290", "group"]))
    behind = outbox.update().where(outbox.c.id.in_(waiting)).values(status="waiting")
    await shop.database.write(lambda c: c.execute(behind).rowcount)
    later = {"sale_id": "spring", "place": 0, "after": "x", "moment": "start"}
    due = shop.clock.now() + timedelta(hours=1)
    await shop.database.write(lambda c: set_timer(c, "sale:spring:announce:0:start", "sale_announce", later, due))
    await shop.say_no(3, 9)
    (said,) = await shop.a_minute_passes()
    assert "sale spring was stopped: 9 of 296 said no within a day of it (3.0%)" in said
    assert "other campaigns 1.0% do" in said
    stopped = await rows(shop.database, outbox, outbox.c.reason == "too many leave")
    assert [(row.conversation_id, row.status) for row in stopped] == [("talk-p290", "dropped")]
    assert await rows(shop.database, timers) == [], "and the chunks behind it are not announced"
    await shop.say_no(20, 5)
    assert len(await shop.a_minute_passes()) == 1, "once"


async def test_what_is_no_worse_than_the_shops_others_goes_on(shop: Shop) -> None:
    await shop.tells(OTHER)
    await shop.has_still_to_tell("p290")
    await shop.say_no(0, 9)
    assert len(await shop.a_minute_passes()) == 1
    shop.clock.advance(timedelta(days=2))
    await shop.tells(SALE)
    await shop.has_still_to_tell("p291")
    await shop.say_no(9, 12)
    assert len(await shop.a_minute_passes()) == 1, "4 % is not twice 3 %"


async def test_who_says_no_a_day_later_or_before_does_not_say_it_to_the_campaign(shop: Shop) -> None:
    await shop.say_no(0, 4)
    await shop.tells(SALE)
    await shop.say_no(4, 2)
    shop.clock.advance(leaving.WITHIN)
    await shop.say_no(10, 8)
    assert await shop.database.read(lambda c: counted(c, outbox.c.author == SALE)) == Left(296, 2)


async def test_people_are_counted_and_not_what_was_written_to_them_nor_what_no_campaign_wrote(shop: Shop) -> None:
    for author in (SALE, f"{SALE}:soon"):
        await shop.tells(author)
    await shop.tells("campaign:welcome")
    await shop.tells("campaign:sale:seen")
    seen = outbox.c.author == "campaign:sale:seen"
    await shop.database.write(lambda c: c.execute(outbox.update().where(seen).values(author="preview:seen")).rowcount)
    await shop.tells(OTHER, purpose="service")
    await shop.say_no(0, 2)
    await shop.say_no(0, 2)
    assert await shop.database.read(lambda c: counted(c, outbox.c.author.startswith(SALE))) == Left(PEOPLE, 2)
    assert await shop.database.read(lambda c: counted(c, ~outbox.c.author.startswith(SALE))) == Left(0, 0)


@pytest.mark.parametrize("kind", [RECALL, BIRTHDAY, FESTIVAL])
async def test_a_campaign_to_a_segment_is_paused(shop: Shop, kind: str) -> None:
    row = {"id": "back-30", "kind": kind, "plan": {}, "status": "running", "made_by": "agent:ann"}
    await shop.database.write(lambda c: c.execute(campaigns.insert().values(row)).rowcount)
    await shop.tells(f"campaign:{kind}:back-30")
    await shop.say_no(0, 9)
    (said,) = await shop.a_minute_passes()
    assert f"{kind} back-30 was stopped" in said
    assert [one.status for one in await rows(shop.database, campaigns)] == ["paused"]


async def test_what_nobody_else_would_have_heard_of_is_not_stopped(shop: Shop) -> None:
    row = {"id": "back-30", "kind": "recall", "plan": {}, "status": "ended", "made_by": "agent:ann"}
    await shop.database.write(lambda c: c.execute(campaigns.insert().values(row)).rowcount)
    await shop.tells(RECALL)
    await shop.say_no(0, 9)
    assert await shop.a_minute_passes() == []
    shop.clock.advance(timedelta(days=2))
    await shop.tells(SALE)
    await shop.say_no(9, 27)
    assert await shop.a_minute_passes() == [], "it was told to everybody"
    assert await rows(shop.database, audit) == []


@on_postgresql
async def test_who_says_no_while_it_is_counted_does_not_wait_and_nobody_waits_for_them(shop: Shop) -> None:
    await shop.tells(SALE)
    await shop.tells(f"{SALE}:soon", status="waiting")
    await shop.say_no(0, 9)
    now, no = shop.clock.now() + leaving.LOOKS_AFTER, SetConsent(granted=False, proof="退订")
    with rivals(shop.database.url) as both:
        came = both.meet(
            lambda c: c.execute(timers.delete().where(timers.c.kind == leaving.TIMER)),
            lambda c: set_consent(c, "p290", TELEGRAM, no, now),
            last=lambda c: leaving.look(c, {"kind": "sale", "id": "spring"}, now),
        )
    assert came == [None]
    assert len(await rows(shop.database, tasks, tasks.c.kind == leaving.TIMER)) == 1


@pytest.mark.parametrize("kind", ["sale", "vote"])
async def test_a_chunk_that_another_worker_was_at_while_it_was_stopped_has_none_behind_it(
    shop: Shop, thinker: Thinker, kind: str
) -> None:
    now, author = shop.clock.now(), f"campaign:{kind}:spring"
    when = {"starts_at": now, "ends_at": now + timedelta(hours=2)}
    audiences = [{"channel": TELEGRAM}, {"channel": TELEGRAM, "chat": "-2"}]
    words = VoteWords(thinker.brain.mind.voice, ZoneInfo("Asia/Shanghai"))

    def put(c: Connection) -> None:
        goods(c)
        more = {"sku": "shirt-1", "price_minor": 1, "currency": "CNY", "total": 1, "available": 1}
        length = {"length_s": 60, "hold_s": 60}
        c.execute(sales.insert().values(id="spring", status="running", audiences=audiences, **when, **more, **length))
        asks = {"question": {"zh": "?", "en": "?"}, "options": OPTIONS, "prize": {}, "seed": "s"}
        c.execute(votes.insert().values(id="spring", status="open", audiences=audiences, **when, **asks))

    def arrive(c: Connection) -> None:
        """Somebody who comes behind all others, and a group."""
        person(c, "q", created_at=now)
        group = {"id": "z", "channel": TELEGRAM, "chat": "-2", "chat_kind": ChatKind.GROUP.value}
        c.execute(conversations.insert().values(**group, created_at=now, updated_at=now))

    def next_chunk(c: Connection, place: int) -> int:
        if kind == "sale":
            return announce_on(c, "spring", place, "talk-p9", lambda *_: Spoken("x", (), ()), now)
        return ask_on(c, vote_of(c, "spring"), place, "talk-p9", words, now)

    await shop.database.write(put)
    await shop.tells(author)
    await shop.has_still_to_tell("p290")
    await shop.say_no(0, 9)
    assert len(await shop.a_minute_passes()) == 1
    await shop.database.write(arrive)
    assert [await shop.database.write(lambda c, at=at: next_chunk(c, at)) for at in (0, 1)] == [0, 1]  # type: ignore[misc]


def test_a_share_is_double_only_where_it_is_no_chance() -> None:
    assert Left(1000, 20).doubles(0.01)
    assert not Left(1000, 19).doubles(0.01), "not twice"
    assert not Left(100, 2).doubles(0.01), "of a hundred, two may be chance"
    assert not Left(99, 50).doubles(0.01), "too few to say anything"


@on_sqlite  # of a table without rows PostgreSQL reads all
async def test_authors_are_looked_up_by_their_index(database: Database) -> None:
    query = (
        "EXPLAIN QUERY PLAN SELECT count(*) FROM outbox WHERE outbox.author >= 'campaign:' "
        "AND outbox.author IN ('campaign:sale:a', 'campaign:sale:b') AND outbox.status = 'sent'"
    )
    plan = await database.read(lambda c: str(c.execute(text(query)).all()))
    assert "COVERING INDEX ix_outbox_campaign" in plan, plan

"""Retention: what is too old goes, a little at a time; what is not finished stays, however old."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Table

from bot.clock import IdMaker
from bot.delivery import retention
from bot.delivery.host import ChannelHost
from bot.delivery.intake import Intake
from bot.delivery.leases import Leases
from bot.delivery.retention import Keep, clean_up, clean_up_nightly
from bot.delivery.signal import Signal
from bot.messages import Event, File, Grant, Media, Purpose
from bot.store.database import Database
from bot.store.tables import (
    ballots,
    channel_facts,
    clocks,
    conversations,
    drafts,
    grants,
    identities,
    inbox,
    login_tries,
    media,
    members,
    outbox,
    tasks,
    votes,
    waits,
)
from handoff.people import add_agent
from tests.conftest import StandingClock
from tests.delivery.stand import Platform, a_sender, arrive, conversation_of, rows, said, send_all, write_out

KEEP = Keep(messages_days=365, media_days=30)
PNG = File(b"png", "image/png")
FIVE = Grant(5, 48 * 3600)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE_S", 0.0)


async def a_talk(database: Database, clock: StandingClock, new_id: IdMaker, chat: str = "u1", number: int = 1) -> None:
    """A question with a picture, its turn done, and an answer with a picture, sent."""
    question = said(number, "?", chat, media=Media("image", "r", PNG), grants=(FIVE,), sent_at=clock.now())
    await arrive(database, clock, new_id, question)
    await database.write(lambda c: c.execute(conversations.update().values(done_seq=conversations.c.last_seq)))
    await write_out(database, clock, f"answer {chat} {number}", chat, picture=PNG)
    await send_all(a_sender(database, clock, Platform()))


async def count(database: Database, *tables: Table) -> list[int]:
    return [len(await rows(database, table)) for table in tables]


async def test_files_go_first_and_messages_after_a_year(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await a_talk(database, clock, new_id)
    clock.advance(timedelta(days=29))
    assert await clean_up(database, KEEP, clock.now()) == {"grants": 1}
    clock.advance(timedelta(days=2))
    assert await clean_up(database, KEEP, clock.now()) == {"media": 2}
    clock.advance(timedelta(days=330))
    assert await clean_up(database, KEEP, clock.now()) == {}
    clock.advance(timedelta(days=5))
    assert await clean_up(database, KEEP, clock.now()) == {"inbox": 1, "outbox": 1}
    assert await count(database, conversations) == [1], "who the customer is stays"


async def test_how_long_customers_waited_is_kept_as_long_as_what_they_wrote(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await a_talk(database, clock, new_id)
    talk_id = (await conversation_of(database)).id
    began = {"conversation_id": talk_id, "epoch": 1, "began_at": clock.now(), "place": 1, "slots": 2}
    clock_of = {"conversation_id": talk_id, "kind": "first", "started_at": clock.now()}
    await database.write(
        lambda c: (c.execute(waits.insert().values(began)), c.execute(clocks.insert().values(clock_of)))
    )
    clock.advance(timedelta(days=364))
    await clean_up(database, KEEP, clock.now())
    assert await count(database, waits, clocks) == [1, 1]
    clock.advance(timedelta(days=2))
    await clean_up(database, KEEP, clock.now())
    assert await count(database, waits, clocks) == [0, 0]


async def test_drafts_and_tries_to_log_in_go_after_a_month(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await a_talk(database, clock, new_id)
    talk_id = (await conversation_of(database)).id
    draft = {"conversation_id": talk_id, "agent_id": "li", "mode": "reply", "text": "Dear", "at": clock.now()}
    tried = {"login_hash": "h", "address": "a", "failures": 3, "at": clock.now()}

    def write(c: Connection) -> None:
        add_agent(c, "li", "li", "Li", "agent", clock.now())
        c.execute(drafts.insert().values(draft))
        c.execute(login_tries.insert().values(tried))

    await database.write(write)
    clock.advance(timedelta(days=29))
    await clean_up(database, KEEP, clock.now())
    assert await count(database, drafts, login_tries) == [1, 1]
    clock.advance(timedelta(days=2))
    await clean_up(database, KEEP, clock.now())
    assert await count(database, drafts, login_tries) == [0, 0]


async def test_messages_go_with_their_files_where_files_are_kept_longer(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await a_talk(database, clock, new_id)
    clock.advance(timedelta(days=8))
    await clean_up(database, Keep(messages_days=7, media_days=30), clock.now())
    assert await count(database, media, inbox, outbox) == [0, 0, 0]


async def test_what_is_not_finished_stays(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    await arrive(database, clock, new_id, said(1, "", event=Event.MEDIA, media=Media("image", "r", PNG)), said(2))
    tomorrow = clock.now() + timedelta(days=1000)
    await write_out(database, clock, "waits", picture=PNG, not_before=tomorrow, purpose=Purpose.SERVICE)
    conversation = await conversation_of(database)
    undone = {"conversation_id": conversation.id, "text": "", "kind": "no_window", "created_at": clock.now()}
    for key, done in (("a", False), ("b", True)):
        row = {"key": key, "done": done, **undone}
        await database.write(lambda c, row=row: c.execute(tasks.insert().values(row)))  # type: ignore[misc]

    clock.advance(timedelta(days=900))
    assert await clean_up(database, KEEP, clock.now()) == {"media": 1, "tasks": 1}

    assert await count(database, inbox, outbox) == [2, 1]
    assert [row.key for row in await rows(database, tasks)] == ["a"]
    (picture,) = await rows(database, media)
    assert picture.outbox_id is not None, "a message that waits keeps its picture"


async def test_rights_that_never_end_and_facts_of_connectors_stay(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    credit = Grant(1, None, "subscribed", right="credit:shipped", adds_up=True)
    await arrive(database, clock, new_id, said(1, grants=(FIVE, credit), sent_at=clock.now()))
    intake, held = Intake(database, clock, new_id), Leases(database, clock, new_id)
    host = ChannelHost("web:shop", database, clock, intake, held, arrived=Signal(), changes=Signal())
    await host.keep("token", "1")
    await host.keep("part:old", "2")

    clock.advance(timedelta(days=300))
    await clean_up(database, KEEP, clock.now())

    assert [row.needs for row in await rows(database, grants)] == ["credit:shipped"]
    assert [row.name for row in await rows(database, channel_facts)] == ["token"], "a long text is out by now"


async def test_much_is_deleted_in_short_transactions(
    database: Database, clock: StandingClock, new_id: IdMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    await arrive(database, clock, new_id, *(said(n) for n in range(25)))
    await database.write(lambda c: c.execute(conversations.update().values(done_seq=25)))
    clock.advance(timedelta(days=400))
    transactions: list[int] = []
    delete_some = retention.delete_some

    def noted(*arguments: object) -> int:
        transactions.append(delete_some(*arguments))  # type: ignore[arg-type]
        return transactions[-1]

    monkeypatch.setattr(retention, "delete_some", noted)

    assert await clean_up(database, KEEP, clock.now()) == {"inbox": 25}
    assert [some for some in transactions if some] == [10, 10, 5]


async def test_the_shop_cleans_up_at_once_and_then_every_day(
    database: Database, clock: StandingClock, new_id: IdMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LOOK_EVERY_S", 0.01)
    await a_talk(database, clock, new_id)
    clock.advance(timedelta(days=400))
    task = asyncio.create_task(clean_up_nightly(database, clock, KEEP))
    try:
        for number in (2, 3):
            async with asyncio.timeout(10):
                while await count(database, inbox) != [0]:
                    await asyncio.sleep(0.01)
            await a_talk(database, clock, new_id, number=number)
            clock.advance(timedelta(days=400))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_who_chose_what_goes_a_year_after_the_vote_and_who_left_a_group_a_year_after_that(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await a_talk(database, clock, new_id)
    (talk,) = await rows(database, conversations)
    person = (await rows(database, identities))[0]
    now = clock.now()

    def begin(c: Connection) -> None:
        vote = {"question": {}, "options": [], "prize": {}, "audiences": [], "seed": "s", "starts_at": now}
        for name, status, ends_at in (("past", "drawn", now), ("late", "drawn", now + timedelta(days=9))):
            c.execute(votes.insert().values(**vote, id=name, status=status, ends_at=ends_at))
            who = {"vote_id": name, "person_id": person.person_id, "identity_id": person.id}
            c.execute(ballots.insert().values(**who, entry=1, option="silk", voted_at=now))
        for user, left_at in (("gone", now), ("there", None)):
            c.execute(members.insert().values(conversation_id=talk.id, user=user, came_at=now, left_at=left_at))

    await database.write(begin)
    await clean_up(database, KEEP, now + timedelta(days=364))
    assert await count(database, ballots, members) == [2, 2]
    await clean_up(database, KEEP, now + timedelta(days=366))
    assert [row.vote_id for row in await rows(database, ballots)] == ["late"]
    assert [row.user for row in await rows(database, members)] == ["there"]

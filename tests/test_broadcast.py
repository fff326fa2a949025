"""Campaigns to very many people: written into the outbox in chunks, once each."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, insert, select, update

from bot.bench.crowd import gather
from bot.campaigns import announcing, course, flash
from bot.campaigns.broadcast import Broadcast, Chunk, expand
from bot.delivery.signal import Signal
from bot.delivery.timers import TimerRunner
from bot.messages import Source
from bot.store.database import Database
from bot.store.tables import consents, conversations, outbox, persons, products, sales, timers, variants
from bot.voice import Spoken
from tests.conftest import StandingClock

CHANNEL = "telegram:bot"
HERE = {"zh": Spoken("你好", (), (Source("sale", "1"),)), "en": Spoken("Hello", (), (Source("sale", "1"),))}
BROADCAST = Broadcast("spring", CHANNEL, HERE)
REFUSED = 1 / 50
"""Of a crowd, see `bot.bench.crowd`."""


async def crowd(database: Database, clock: StandingClock, count: int, channel: str = CHANNEL, first: int = 0) -> None:
    await database.write(lambda c: gather(c, channel, first, count, clock.now()))


async def expand_all(database: Database, clock: StandingClock, broadcast: Broadcast, size: int, after: str = "") -> int:
    stored, at = 0, after
    while True:
        chunk = await database.write(lambda c, at=at: expand(c, broadcast, at, clock.now(), size))  # type: ignore[misc]
        stored += chunk.stored
        if chunk.after is None:
            return stored
        at = chunk.after


async def stored(database: Database) -> Sequence[tuple[str, str, str]]:
    """Return (conversation, text, key) of every row in the outbox."""
    query = select(outbox.c.conversation_id, outbox.c.text, outbox.c.key).order_by(outbox.c.conversation_id)
    return await database.read(lambda c: [(row[0], row[1], row[2]) for row in c.execute(query)])


# --- who and what ------------------------------------------------------------------------------------------------------
async def test_everyone_on_the_channel_is_written_to_once_and_who_said_no_is_not(
    database: Database, clock: StandingClock
) -> None:
    await crowd(database, clock, 500)
    await crowd(database, clock, 50, channel="telegram:other", first=500)

    assert await expand_all(database, clock, BROADCAST, size=64) == 490

    rows = await stored(database)
    assert len({talk for talk, _, _ in rows}) == 490
    assert all(key == f"campaign:spring:{talk}" for talk, _, key in rows)
    first = await database.read(lambda c: c.execute(select(outbox).limit(1)).one())
    assert (first.channel, first.purpose, first.rank, first.author) == (CHANNEL, "marketing", 1, "campaign:spring")
    assert (first.status, first.sources, first.not_before) == ("waiting", [{"id": "sale", "version": "1"}], clock.now())


async def test_the_newest_answer_counts_and_who_was_never_asked_is_asked_at_send_time(
    database: Database, clock: StandingClock
) -> None:
    await crowd(database, clock, 4, first=1)

    def answers(connection: Connection) -> None:
        people = list(connection.execute(select(persons.c.id).order_by(persons.c.id)).scalars())
        connection.execute(consents.delete().where(consents.c.person_id.in_(people[:2])))
        later = clock.now() + timedelta(seconds=1)
        answer = {"channel": "*", "purpose": "marketing", "proof": "said so", "at": later}
        connection.execute(insert(consents).values(person_id=people[1], granted=False, **answer))
        connection.execute(insert(consents).values(person_id=people[2], granted=False, **answer))
        again = {**answer, "at": later + timedelta(seconds=1), "channel": CHANNEL}
        connection.execute(insert(consents).values(person_id=people[2], granted=True, **again))

    await database.write(answers)
    people = await database.read(lambda c: list(c.execute(select(persons.c.id).order_by(persons.c.id)).scalars()))
    await expand_all(database, clock, BROADCAST, size=10)
    assert [talk for talk, _, _ in await stored(database)] == [people[0], people[2], people[3]]


async def test_each_hears_it_in_the_language_of_the_talk_else_of_the_person_else_the_first(
    database: Database, clock: StandingClock
) -> None:
    await crowd(database, clock, 3, first=1)

    def languages(connection: Connection) -> list[str]:
        ids = list(connection.execute(select(conversations.c.id).order_by(conversations.c.id)).scalars())
        connection.execute(update(persons).where(persons.c.id == ids[0]).values(language="zh"))
        connection.execute(update(conversations).where(conversations.c.id == ids[0]).values(state={"language": "en"}))
        connection.execute(update(persons).where(persons.c.id == ids[1]).values(language="en"))
        connection.execute(update(persons).where(persons.c.id == ids[2]).values(language=""))
        return ids

    await database.write(languages)
    await expand_all(database, clock, BROADCAST, size=10)
    assert [text for _, text, _ in await stored(database)] == ["Hello", "Hello", "你好"]


async def test_who_blocked_the_bot_or_was_long_silent_is_left_out(database: Database, clock: StandingClock) -> None:
    await crowd(database, clock, 3, first=1)

    def change(connection: Connection) -> str:
        ids = list(connection.execute(select(conversations.c.id).order_by(conversations.c.id)).scalars())
        gone = {"unreachable": True}
        silent = {"updated_at": clock.now() - timedelta(days=2)}
        connection.execute(update(conversations).where(conversations.c.id == ids[0]).values(gone))
        connection.execute(update(conversations).where(conversations.c.id == ids[1]).values(silent))
        return str(ids[2])

    left = await database.write(change)
    lately = Broadcast("spring", CHANNEL, HERE, seen_since=clock.now() - timedelta(days=1))
    await expand_all(database, clock, lately, size=10)
    assert [talk for talk, _, _ in await stored(database)] == [left]


# --- how ---------------------------------------------------------------------------------------------------------------
async def test_twenty_thousand_are_written_in_chunks_after_an_interruption_too_and_memory_stays_flat(
    database: Database, clock: StandingClock
) -> None:
    await crowd(database, clock, 20_000)

    def broken(connection: Connection, after: str) -> Chunk:
        expand(connection, BROADCAST, after, clock.now(), 1000)
        raise OSError("the machine is gone")

    done = await database.write(lambda c: expand(c, BROADCAST, "", clock.now(), 1000))
    assert done.after is not None
    with pytest.raises(OSError, match="gone"):
        await database.write(lambda c: broken(c, done.after or ""))
    tracemalloc.start()
    try:
        rest = await expand_all(database, clock, BROADCAST, size=1000, after=done.after)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert done.stored + rest == 20_000 * (1 - REFUSED)
    assert await expand_all(database, clock, BROADCAST, size=1000) == 0, "from the beginning again: nothing is new"
    assert await database.read(lambda c: c.execute(select(func.count()).select_from(outbox)).scalar_one()) == 19_600
    assert peak_bytes < 4_000_000, "nobody's row passes through this process"


async def test_a_sale_announces_itself_chunk_by_chunk_by_timer_and_stops_when_it_ends(
    database: Database, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(database, clock, 100)
    monkeypatch.setattr(announcing, "expand", lambda c, broadcast, after, now: expand(c, broadcast, after, now, 30))

    def draft(connection: Connection) -> None:
        connection.execute(products.insert().values(id="shirt", name_zh="衬衫", name_en="Shirt", category="tops"))
        variant = {"sku": "s1", "product_id": "shirt", "colour_zh": "白", "colour_en": "White", "size": "M"}
        connection.execute(variants.insert().values(**variant, price_minor=9900, currency="CNY", stock=3))
        row = {"id": "sale", "sku": "s1", "price_minor": 5900, "currency": "CNY", "total": 3, "available": 3}
        connection.execute(sales.insert().values(**row, length_s=7200, hold_s=600, audiences=[{"channel": CHANNEL}]))

    def say(language: str, facts: object) -> Spoken:
        return HERE[language]

    def announce(connection: Connection, payload: dict[str, str], now: object) -> None:
        announcing.announce_on(connection, "sale", int(payload["place"]), payload["after"], say, clock.now())

    await database.write(draft)
    told = await database.write(lambda c: flash.start(c, "sale", say, clock.now()))
    assert 25 < told <= 30
    handlers = {"sale_announce": announce, course.TIMER: lambda *_: None}
    runner = TimerRunner(database, clock, handlers, Signal(), Signal())  # type: ignore[arg-type]
    while await runner.fire_next() and len(await stored(database)) <= 30:
        pass
    assert 50 < len(await stored(database)) <= 60
    await database.write(lambda c: flash.end(c, "sale", clock.now()))
    await runner.fire_next()
    assert len(await stored(database)) <= 60
    left = await database.read(lambda c: c.execute(select(timers.c.kind)).scalars().all())
    assert "sale_announce" not in left

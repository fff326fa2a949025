"""The store: group commit, cancelled callers, and a schema that migrations and tables agree on."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, func, select, text
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError

from bot.errors import DatabaseError
from bot.store.database import Database, Job
from bot.store.insert import insert_once
from bot.store.tables import metadata, persons, proofs
from bot.store.upgrade import database_url, upgrade
from tests.conftest import StandingClock
from tests.delivery.stand import rows


def person(key: str, clock: StandingClock) -> Job[None]:
    def job(connection: Connection) -> None:
        connection.execute(persons.insert().values(id=key, created_at=clock.now()))

    return job


async def names(database: Database) -> list[str]:
    return sorted(row.id for row in await rows(database, persons))


async def test_a_job_that_fails_does_not_disturb_those_committed_with_it(
    database: Database, clock: StandingClock
) -> None:
    def fail(connection: Connection) -> None:
        person("half", clock)(connection)
        raise RuntimeError("changed its mind")

    gate = threading.Event()
    first = asyncio.ensure_future(database.write(lambda _: gate.wait(5)))
    jobs = [fail if n % 3 == 0 else person(f"p{n}", clock) for n in range(30)]
    group = [asyncio.ensure_future(database.write(job)) for job in jobs]
    await asyncio.sleep(0.05)
    gate.set()
    await first
    results = await asyncio.gather(*group, return_exceptions=True)

    assert [isinstance(result, RuntimeError) for result in results] == [n % 3 == 0 for n in range(30)]
    assert await names(database) == sorted(f"p{n}" for n in range(30) if n % 3)


async def test_a_duplicate_key_fails_alone(database: Database, clock: StandingClock) -> None:
    results = await asyncio.gather(*(database.write(person("same", clock)) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [IntegrityError] * 4
    assert await names(database) == ["same"]


async def test_a_caller_that_goes_away_does_not_stop_the_writer(database: Database, clock: StandingClock) -> None:
    gate = threading.Event()
    busy = asyncio.ensure_future(database.write(lambda _: gate.wait(5)))
    await asyncio.sleep(0.05)
    waiting = asyncio.ensure_future(database.write(person("gone", clock)))
    await asyncio.sleep(0.05)
    waiting.cancel()
    busy.cancel()
    gate.set()
    await asyncio.gather(waiting, busy, return_exceptions=True)

    async with asyncio.timeout(5):
        await database.write(person("stays", clock))
    assert "stays" in await names(database)


async def test_the_result_is_there_only_when_others_can_read_it(database: Database, clock: StandingClock) -> None:
    for n in range(20):
        await database.write(person(f"p{n}", clock))
        assert len(await names(database)) == n + 1


async def test_a_read_sees_one_state_of_the_data_though_others_write_meanwhile(
    database: Database, clock: StandingClock
) -> None:
    loop = asyncio.get_running_loop()

    def read_twice(connection: Connection) -> tuple[int, int]:
        count = select(func.count()).select_from(persons)
        first = connection.execute(count).scalar_one()
        asyncio.run_coroutine_threadsafe(database.write(person("new", clock)), loop).result(5)
        return first, connection.execute(count).scalar_one()

    assert await database.read(read_twice) == (0, 0)
    assert await names(database) == ["new"]


async def test_a_read_that_writes_is_refused_on_postgresql_and_the_next_write_goes_through(
    database: Database, clock: StandingClock
) -> None:
    if not database.is_sqlite:
        with pytest.raises(InternalError, match="read-only"):
            await database.read(person("p", clock))
    for n in range(8):  # on every connection of the pool
        await database.write(person(f"p{n}", clock))
    assert len(await names(database)) == 8


async def test_a_closed_database_refuses_instead_of_waiting_for_ever(sqlite: str, clock: StandingClock) -> None:
    database = Database(sqlite)
    await asyncio.to_thread(database.close)
    async with asyncio.timeout(5):
        with pytest.raises(RuntimeError):
            await database.write(person("p", clock))


async def test_foreign_keys_are_kept(database: Database, clock: StandingClock) -> None:
    row = {"identity_id": "nobody", "order_number": "1", "proven_at": clock.now()}
    with pytest.raises(IntegrityError):
        await database.write(lambda c: c.execute(proofs.insert().values(row)))


async def test_a_naive_time_is_refused(database: Database, clock: StandingClock) -> None:
    clock.at = clock.at.replace(tzinfo=None)
    with pytest.raises(Exception, match="naive"):
        await database.write(person("p", clock))


async def test_an_insert_once_tells_whether_it_inserted(database: Database, clock: StandingClock) -> None:
    row = {"id": "p", "created_at": clock.now()}
    assert await database.write(lambda c: insert_once(c, persons, row))
    assert not await database.write(lambda c: insert_once(c, persons, row))


# --- the one writer of SQLite ----------------------------------------------------------------------------------------
@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'writer.db'}"
    upgrade(url)
    return url


async def test_who_waits_for_a_locked_file_is_told_and_the_writer_goes_on(sqlite: str, clock: StandingClock) -> None:
    database = Database(sqlite)
    await database.write(lambda c: c.execute(text("PRAGMA busy_timeout = 50")).close())
    other = create_engine(sqlite, isolation_level="AUTOCOMMIT")
    with other.connect() as holder:
        holder.exec_driver_sql("BEGIN IMMEDIATE")
        async with asyncio.timeout(5):
            with pytest.raises(OperationalError, match="locked"):
                await database.write(person("too early", clock))
        holder.exec_driver_sql("ROLLBACK")
    async with asyncio.timeout(5):
        await database.write(person("p", clock))
    assert await names(database) == ["p"]
    other.dispose()
    database.close()


async def test_a_job_whose_savepoint_cannot_be_released_does_not_stop_the_writer(
    sqlite: str, clock: StandingClock
) -> None:
    database = Database(sqlite)
    gate = threading.Event()
    first = asyncio.ensure_future(database.write(lambda _: gate.wait(5)))
    await asyncio.sleep(0.05)
    jobs: list[Job[None]] = [lambda c: c.exec_driver_sql("ROLLBACK").close(), person("q", clock)]
    group = [asyncio.ensure_future(database.write(job)) for job in jobs]  # two have a savepoint each, one has none
    await asyncio.sleep(0.05)
    gate.set()
    await first
    async with asyncio.timeout(5):
        with pytest.raises(OperationalError, match="no such savepoint"):
            await group[0]
        (other,) = await asyncio.gather(group[1], return_exceptions=True)
        await database.write(person("p", clock))
    assert await names(database) == (["p", "q"] if other is None else ["p"]), "told one thing, did the other"
    database.close()


async def test_nobody_is_told_of_success_when_the_commit_fails(sqlite: str, clock: StandingClock) -> None:
    def break_at_commit(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        row = {"identity_id": "nobody", "order_number": "1", "proven_at": clock.now()}
        connection.execute(proofs.insert().values(row))

    database = Database(sqlite)
    gate = threading.Event()
    first = asyncio.ensure_future(database.write(lambda _: gate.wait(5)))
    await asyncio.sleep(0.05)
    group = [asyncio.ensure_future(database.write(job)) for job in (person("p", clock), break_at_commit)]
    await asyncio.sleep(0.05)
    gate.set()
    await first
    results = await asyncio.gather(*group, return_exceptions=True)

    assert [type(result) for result in results] == [IntegrityError, IntegrityError]
    await database.write(person("next", clock))
    assert await names(database) == ["next"]
    database.close()


async def test_closing_finishes_what_was_accepted(sqlite: str, clock: StandingClock) -> None:
    database = Database(sqlite)
    accepted = [asyncio.ensure_future(database.write(person(f"p{n}", clock))) for n in range(50)]
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    await asyncio.gather(*accepted)
    again = Database(sqlite)
    assert len(await names(again)) == 50
    again.close()


# --- the schema ------------------------------------------------------------------------------------------------------
async def test_migrations_make_exactly_the_tables_of_the_code(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))

    assert await database.read(differences) == []


async def test_upgrading_again_changes_nothing(database: Database, clock: StandingClock) -> None:
    await database.write(person("p", clock))
    await asyncio.to_thread(upgrade, database.url)
    assert await names(database) == ["p"]


async def test_a_newer_database_is_refused_and_left_alone(database: Database, clock: StandingClock) -> None:
    await database.write(person("p", clock))
    await database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999_of_tomorrow'")))

    with pytest.raises(DatabaseError, match="9999_of_tomorrow"):
        await asyncio.to_thread(upgrade, database.url)

    assert await names(database) == ["p"]


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(DatabaseError, match="does not answer") as refused:
        upgrade("postgresql+psycopg://shop:secret@127.0.0.1:1/shop")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "shop.db", "sqlite://", "mysql://localhost/shop"])
def test_an_address_of_no_known_form_is_refused_with_an_example(url: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="sqlite:///"):
        database_url(url, tmp_path)

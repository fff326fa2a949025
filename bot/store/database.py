"""One code path for SQLite and PostgreSQL: jobs are plain functions of a connection, run off the event loop.

On SQLite a single writer thread runs many jobs in one transaction, each in a savepoint, and commits them together
(group commit): with `synchronous=FULL` that is several times the throughput of a commit each. On PostgreSQL every
job has a transaction of its own in a small pool of threads.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Engine, Row, create_engine, event
from sqlalchemy.exc import OperationalError

T = TypeVar("T")
Job = Callable[[Connection], T]
AnyRow = Row[*tuple[Any, ...]]
"""A row of whatever columns."""

MAX_JOBS_A_COMMIT = 256
PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "options": "-c idle_in_transaction_session_timeout=60000",
}
"""Seconds (the last two: milliseconds) after which a PostgreSQL that is silently gone is given up: a process must not
wait for the kernel's two hours."""
SWITCH_TRIES, SWITCH_PAUSE_S = 200, 0.05
DEADLOCK = "40P01"
MAX_RUNS = 5
"""How often a job is run that PostgreSQL ends because it waits in a circle with another one."""


class Database:
    """Runs jobs. A job that raises is rolled back alone; the others of its group commit go through."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self._readers = _engine(url, "BEGIN") if self.is_sqlite else _engine(url, None)
        # One snapshot for all statements of a read: PostgreSQL would give each statement its own, SQLite never does.
        self._snapshots = (
            self._readers
            if self.is_sqlite
            else self._readers.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        )
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="db")
        self._writer = _SqliteWriter(url) if self.is_sqlite else None

    async def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction and return its result once it is durable."""
        if self._writer is not None:
            return await asyncio.wrap_future(self._writer.submit(job))
        return await asyncio.wrap_future(self._pool.submit(_until_through, self._readers, job))

    async def read(self, job: Job[T]) -> T:
        """Run `job` on one snapshot of the data. It must not write."""
        return await asyncio.wrap_future(self._pool.submit(_in_transaction, self._snapshots, job))

    def close(self) -> None:
        """Finish what was accepted, then close every connection. What comes later is refused with `RuntimeError`."""
        if self._writer is not None:
            self._writer.close()
        self._pool.shutdown(wait=True)
        self._readers.dispose()


def _in_transaction(engine: Engine, job: Job[T]) -> T:
    with engine.begin() as connection:
        return job(connection)


def _until_through(engine: Engine, job: Job[T]) -> T:
    """Run `job`, again if it met a deadlock: nothing of it happened then."""
    for _ in range(MAX_RUNS - 1):
        try:
            return _in_transaction(engine, job)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != DEADLOCK:
                raise
    return _in_transaction(engine, job)


class _SqliteWriter:
    """The one thread that writes to SQLite."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url, "BEGIN IMMEDIATE")
        self._jobs: queue.SimpleQueue[tuple[Job[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._closed = False
        self._door = threading.Lock()  # nothing may be put behind the None that ends the thread: it would wait for ever
        self._thread = threading.Thread(target=self._run, name="db-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> Future[T]:
        future: Future[T] = Future()
        with self._door:
            if self._closed:
                raise RuntimeError("the database is closed")
            self._jobs.put((job, future))
        return future

    def close(self) -> None:
        with self._door:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            group, more = self._take_waiting(first)
            # From here on a job cannot be cancelled; one whose caller is gone already is left out.
            self._commit_group([item for item in group if item[1].set_running_or_notify_cancel()])
            if not more:
                return

    def _take_waiting(self, first: tuple[Job[Any], Future[Any]]) -> tuple[list[tuple[Job[Any], Future[Any]]], bool]:
        group = [first]
        while len(group) < MAX_JOBS_A_COMMIT and not self._jobs.empty():
            item = self._jobs.get()
            if item is None:
                return group, False
            group.append(item)
        return group, True

    def _commit_group(self, group: list[tuple[Job[Any], Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        try:
            with self._engine.begin() as connection:
                for job, future in group:
                    try:
                        with connection.begin_nested() if len(group) > 1 else nullcontext():
                            result = job(connection)
                        done.append((future, result))  # only now: releasing the savepoint may fail too
                    except Exception as error:
                        future.set_exception(error)
                        if len(group) == 1:
                            raise  # there is no savepoint: the transaction itself is rolled back
        except Exception as error:  # noqa: BLE001 (no connection, or no commit: nobody's work is durable)
            with suppress(Exception):  # a COMMIT that failed leaves the transaction open, and the next could not begin
                connection.connection.rollback()
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for future, result in done:
            future.set_result(result)


def _engine(url: str, begin: str | None) -> Engine:
    # hide_parameters: errors are logged, and parameters hold what customers wrote
    engine = create_engine(
        url,
        pool_pre_ping=not url.startswith("sqlite"),
        hide_parameters=True,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={} if url.startswith("sqlite") else PATIENCE,
    )
    if begin is not None:

        @event.listens_for(engine, "connect")
        def prepare(raw: Any, _record: Any) -> None:
            raw.isolation_level = None  # transactions are begun by us, see below
            cursor = raw.cursor()
            cursor.execute("PRAGMA busy_timeout=10000")
            _write_ahead(cursor)
            for pragma in ("synchronous=FULL", "foreign_keys=ON"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        @event.listens_for(engine, "begin")
        def start(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

    return engine


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Switch the file to WAL. Of two that do so at once SQLite refuses one, whatever its busy timeout says."""
    for _ in range(SWITCH_TRIES):
        with suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        time.sleep(SWITCH_PAUSE_S)
    cursor.execute("PRAGMA journal_mode=WAL")

"""Two transactions that meet on PostgreSQL: one is open, and another one comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, create_engine, text

LONGEST_S = 60.0
_WAITS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
Job = Callable[[Connection], object]


@dataclass(frozen=True)
class Rivals:
    """Opens transactions of its own on a database that nobody else uses."""

    engine: Engine
    pool: ThreadPoolExecutor

    def meet(self, first: Job, *others: Job, last: Job | None = None) -> list[BaseException | None]:
        """Do `first`; before it is committed let the others come, one by one, as far as they get. Then commit.

        Args:
            last: is done behind `first`, once the others have come.

        Returns:
            what each of the others raised, None for nothing.
        """
        with self.engine.begin() as connection:
            first(connection)
            coming = [self._come(other) for other in others]
            if last is not None:
                last(connection)
        return [each.exception(LONGEST_S) for each in coming]

    def _come(self, job: Job) -> Future[None]:
        """Begin, and return when it is over or waits for a lock."""
        coming = self.pool.submit(self._do, job)
        give_up_at = time.monotonic() + LONGEST_S
        while not coming.done() and not self._somebody_waits():
            assert time.monotonic() < give_up_at
            time.sleep(0.01)
        return coming

    def _do(self, job: Job) -> None:
        with self.engine.begin() as connection:
            job(connection)

    def _somebody_waits(self) -> bool:
        with self.engine.connect() as connection:
            return bool(connection.execute(_WAITS).scalar())


@contextmanager
def rivals(url: str) -> Iterator[Rivals]:
    """Open a database for several at once."""
    engine = create_engine(url)
    try:
        with ThreadPoolExecutor(2) as pool:
            yield Rivals(engine, pool)
    finally:
        engine.dispose()

"""Slows down who guesses passwords and codes: a delay and never a lock, kept in the database for all processes.

Three rules; the longest wait counts. Of one account from one address three failures are free, of one address in all
ten, of one account in all ten; then each next try waits twice as long as the one before, at most a minute. The last
rule spares addresses from which the account has logged in before: so nobody elsewhere can keep an agent out.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from bot.store.insert import insert_once
from bot.store.tables import login_tries

FREE_OF_PAIR = 3
FREE_OF_ALL = 10
LONGEST_S = 60
FORGET = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=30)


def try_login(connection: Connection, login: str, address: str, now: datetime) -> int:
    """Return the seconds until this account may be tried from this address; 0 is now, and then a failure is counted.

    It is counted before the slow check of the password, so that parallel guesses wait too; `succeeded` takes it back.
    """
    who = _hash(login)
    address = address[:64]
    row = {"login_hash": who, "address": address, "failures": 0, "at": now}
    insert_once(connection, login_tries, row)
    pair = login_tries.c.login_hash == who, login_tries.c.address == address
    found = connection.execute(select(login_tries).where(*pair).with_for_update()).one()
    fresh = found.failures if now - found.at <= FORGET else 0
    waits = [_wait_s(fresh, found.at, FREE_OF_PAIR, now)]
    waits.append(_wait_of_all(connection, login_tries.c.address == address, now))
    if found.succeeded_at is None or now - found.succeeded_at > KNOWN_FOR:
        waits.append(_wait_of_all(connection, login_tries.c.login_hash == who, now))
    if not (wait_s := max(waits)):
        connection.execute(update(login_tries).where(*pair).values(failures=fresh + 1, at=now))
    return wait_s


def succeeded(connection: Connection, login: str, address: str, now: datetime) -> None:
    """Forget the failures of this account from this address, and sweep out old ones."""
    pair = login_tries.c.login_hash == _hash(login), login_tries.c.address == address[:64]
    connection.execute(update(login_tries).where(*pair).values(failures=0, succeeded_at=now))
    old = login_tries.c.at < now - FORGET
    known = login_tries.c.succeeded_at.is_not(None) & (login_tries.c.succeeded_at >= now - KNOWN_FOR)
    connection.execute(delete(login_tries).where(old, ~known))


def _wait_of_all(connection: Connection, which: object, now: datetime) -> int:
    sums = select(func.coalesce(func.sum(login_tries.c.failures), 0), func.max(login_tries.c.at))
    failures, last = connection.execute(sums.where(which, login_tries.c.at >= now - FORGET)).one()  # type: ignore[arg-type]
    return _wait_s(int(failures), last or now, FREE_OF_ALL, now)


def _wait_s(failures: int, last: datetime, free: int, now: datetime) -> int:
    if failures < free:
        return 0
    delay = timedelta(seconds=min(2 ** min(failures - free + 1, 10), LONGEST_S))
    return max(0, -int((now - last - delay).total_seconds() // 1))


def _hash(login: str) -> str:
    return hashlib.sha256(login.strip().casefold().encode()).hexdigest()

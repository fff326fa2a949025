"""What the bare database does: the most that any program could reach with a row in, a row changed and a row out."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg

TABLES = (
    "CREATE TABLE ceiling_in (key text PRIMARY KEY, talk text, seq integer, body text)",
    "CREATE TABLE ceiling_talk (id text PRIMARY KEY, seq integer, state text)",
    "CREATE TABLE ceiling_out (key text PRIMARY KEY, talk text, body text)",
)
INSERT_IN = "INSERT INTO ceiling_in VALUES (?, ?, ?, ?)"
UPDATE_TALK = "UPDATE ceiling_talk SET seq = ?, state = ? WHERE id = ?"
INSERT_OUT = "INSERT INTO ceiling_out VALUES (?, ?, ?)"
TALKS = 256
BODY = "你好，这件大衣有 L 码吗？我身高 175，体重 70 公斤"
STATE = '{"skill":"","step":"","slots":{},"offered":[],"unclear":0,"language":"zh"}'
Execute = Callable[[str, Sequence[object]], object]


def ceiling(url: str, group: int, seconds: float) -> float:
    """Return the turns a second of a plain loop insert, update, insert with a commit every `group` turns."""
    if url.startswith("sqlite"):
        return _sqlite(Path(url.removeprefix("sqlite:///")), group, seconds)
    return _postgresql(url.replace("+psycopg", ""), group, seconds)


def _sqlite(path: Path, group: int, seconds: float) -> float:
    connection = sqlite3.connect(path.with_name("ceiling.db"), isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *_fresh()):
        connection.execute(statement)
    connection.executemany("INSERT INTO ceiling_talk VALUES (?, 0, '')", [(str(n),) for n in range(TALKS)])
    try:
        begin, commit = (lambda: connection.execute("BEGIN IMMEDIATE")), (lambda: connection.execute("COMMIT"))
        return _loop(connection.execute, begin, commit, group, seconds)
    finally:
        connection.close()


def _postgresql(address: str, group: int, seconds: float) -> float:
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.cursor()
        for statement in _fresh():
            cursor.execute(statement.encode())
        cursor.executemany("INSERT INTO ceiling_talk VALUES (%s, 0, '')", [(str(n),) for n in range(TALKS)])

        def execute(statement: str, values: Sequence[object]) -> object:
            return cursor.execute(statement.replace("?", "%s").encode(), values)

        begin, commit = (lambda: cursor.execute("BEGIN")), (lambda: cursor.execute("COMMIT"))
        try:
            return _loop(execute, begin, commit, group, seconds)
        finally:
            for statement in _fresh()[:3]:
                cursor.execute(statement.encode())


def _fresh() -> list[str]:
    names = ("ceiling_in", "ceiling_talk", "ceiling_out")
    return [*(f"DROP TABLE IF EXISTS {name}" for name in names), *TABLES]


def _loop(
    execute: Execute, begin: Callable[[], object], commit: Callable[[], object], group: int, seconds: float
) -> float:
    started, turns = time.perf_counter(), 0
    while (took := time.perf_counter() - started) < seconds:
        begin()
        for _ in range(group):
            turns += 1
            key, talk = str(turns), str(turns % TALKS)
            execute(INSERT_IN, (key, talk, turns, BODY))
            execute(UPDATE_TALK, (turns, STATE, talk))
            execute(INSERT_OUT, (key, talk, BODY))
        commit()
    return turns / took

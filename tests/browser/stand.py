"""A console that runs as a program over a seeded SQLite, and browsers that look at it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine

from bot.store import tables as t
from handoff import ownership, people
from tests import needs

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
_NUMBERS = count(1)


@dataclass(frozen=True)
class Console:
    """A running console; `do` works on its database from outside, as another process would."""

    address: str
    file: Path

    def do(self, job: Callable[[Connection], T]) -> T:
        engine = create_engine(f"sqlite:///{self.file}", connect_args={"timeout": 15})
        try:
            with engine.begin() as connection:
                return job(connection)
        finally:
            engine.dispose()

    def waiting(
        self, name: str, *texts: str, channel: str = "web:shop", person: str = "", reason: str = "asked"
    ) -> str:
        """Put a customer into the queue who said `texts`; return the conversation's id."""
        return self.do(lambda c: _waiting(c, f"t{next(_NUMBERS)}", name, texts, channel, person, reason))

    def says(self, talk: str, text: str) -> None:
        """Let the customer say one thing more."""
        self.do(lambda c: _says(c, talk, text))


def _waiting(
    connection: Connection, key: str, name: str, texts: tuple[str, ...], channel: str, person: str, reason: str
) -> str:
    now = datetime.now(UTC) - timedelta(minutes=5)
    if not person:
        row = {"id": f"p-{key}", "name": name, "language": "", "customer_id": None, "created_at": now}
        connection.execute(t.persons.insert().values(row))
    identity = {"id": f"i-{key}", "person_id": person or f"p-{key}", "channel": channel, "user": key, "name": name}
    connection.execute(t.identities.insert().values(identity | {"created_at": now}))
    talk = {"id": key, "channel": channel, "chat": key, "identity_id": f"i-{key}", "created_at": now}
    connection.execute(t.conversations.insert().values(talk | {"updated_at": now}))
    for text in texts:
        _says(connection, key, text, now)
    ownership.to_queue(connection, key, reason, 0, now)
    return key


def _says(connection: Connection, key: str, text: str, at: datetime | None = None) -> None:
    at = at or datetime.now(UTC)
    talks = t.conversations.c
    seq = connection.execute(t.conversations.select().where(talks.id == key)).one().last_seq + 1
    row = {"key": f"{key}:{seq}", "conversation_id": key, "seq": seq, "identity_id": f"i-{key}", "text": text}
    row |= {"sent_at": at, "received_at": at, "status": "done"}
    connection.execute(t.inbox.insert().values(row))
    connection.execute(t.conversations.update().where(talks.id == key).values(last_seq=seq, done_seq=seq))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(arguments: Sequence[str], folder: Path, address: str, **env: str) -> Iterator[None]:
    """Run Python with `arguments` until the context ends; begins once `address` answers."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), **env}
    )
    try:
        _wait_for(address, process)  # the pages are loaded at the first visit
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def serving(folder: Path) -> Iterator[Console]:
    """Run `tests/browser/seeded.py` over a fresh database in `folder`."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/console"
    with running([str(ROOT / "tests/browser/seeded.py"), str(folder), str(port)], folder, address + "/"):
        yield Console(address, folder / "console.db")


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not start")


@contextmanager
def browser() -> Iterator[Any]:
    """Run Chromium."""
    from playwright.sync_api import sync_playwright

    path = needs.chromium()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=needs.CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@contextmanager
def agents(chromium: Any, console: Console) -> Iterator[Callable[..., Any]]:
    """Yield what logs an agent (`a0`, `a1`, lead `a2`) in and returns the page; every page is closed at the end."""
    contexts = []

    def page(agent_id: str, **context: Any) -> Any:
        wanted = {"locale": "en-US", "viewport": {"width": 1366, "height": 768}} | context
        contexts.append(chromium.new_context(**wanted))
        token = f"{agent_id}-{next(_NUMBERS)}"
        console.do(lambda c: people.create_link(c, agent_id, token, datetime.now(UTC)))
        opened = contexts[-1].new_page()
        opened.set_default_timeout(10_000)
        opened.goto(f"{console.address}/login?token={token}")
        opened.wait_for_selector(".zg-root")
        return opened

    yield page
    for context in contexts:
        context.close()


def choose(page: Any, talk: str) -> None:
    """Open a conversation of the list."""
    page.click(f".zg-card[data-talk={talk}]")
    page.wait_for_selector(f".zg-composer[data-talk={talk}]")


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once `holds`; fail after some seconds."""
    for _ in range(120):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come true")

"""Several processes on one PostgreSQL: each does its part, and a worker that dies is taken over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest

from tests import needs
from tests.acceptance.running import ROOT, free_port, run_command, wait_for

LEASES_END_WITHIN_S = 45.0
"""A channel's lease (15 s) and a turn's (30 s) end by themselves; a little more on a busy machine."""


@dataclass(slots=True)
class Process:
    """One running `zhanggui serve --role …`."""

    running: subprocess.Popen[bytes]
    web: str

    def is_ready(self) -> bool:
        assert self.running.poll() is None, "it ended by itself"
        try:
            return httpx.get(f"{self.web}/readyz", trust_env=False, timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        self.running.send_signal(signal.SIGKILL)
        self.running.wait(5)


@dataclass(slots=True)
class Shop:
    """A shop's folder on PostgreSQL, and the processes that serve it."""

    folder: Path
    database: str
    processes: list[Process] = field(default_factory=list)

    def serve(self, role: str) -> Process:
        port = free_port()
        command = [sys.executable, "-m", "bot", "serve", "--role", role, "--port", str(port), "--dir", str(self.folder)]
        environment = {**os.environ, "ZHANGGUI_STORE__URL": self.database}
        with (self.folder / f"{role}-{port}.log").open("wb") as log:
            running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        self.processes.append(Process(running, f"http://127.0.0.1:{port}"))
        wait_for(self.processes[-1].is_ready, 60, f"the {role}")
        return self.processes[-1]

    def holders(self) -> dict[str, str]:
        with psycopg.connect(self.database.replace("+psycopg", "")) as connection:
            return dict(connection.execute("SELECT name, holder FROM leases WHERE until > now()").fetchall())


@contextmanager
def a_database() -> Iterator[str]:
    server = needs.postgresql_url()
    name = f"zhanggui_{uuid.uuid4().hex}"
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f'create database "{name}"'.encode())
        try:
            yield f"{server.rpartition('/')[0]}/{name}"
        finally:
            admin.execute(f'drop database "{name}" with (force)'.encode())


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    folder = tmp_path / "shop"
    assert run_command("init", str(folder)).returncode == 0
    with a_database() as database:
        served = Shop(folder, database)
        try:
            yield served
        finally:
            for process in served.processes:
                if process.running.poll() is None:
                    process.running.terminate()
            for process in served.processes:
                process.running.wait(15)


class Visitor:
    """A customer on the shop's page, who hears what the stream brings."""

    def __init__(self, web: str) -> None:
        self.web = web
        self.token = httpx.post(f"{web}/webchat/shop/session", trust_env=False).json()["token"]
        self.heard: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def say(self, number: int, text: str) -> None:
        body = {"token": self.token, "client_id": f"m{number}", "text": text}
        assert httpx.post(f"{self.web}/webchat/shop/messages", json=body, trust_env=False).status_code == 202

    def _listen(self) -> None:
        address = f"{self.web}/webchat/shop/events"
        try:
            with httpx.stream("GET", address, params={"token": self.token}, trust_env=False, timeout=120) as events:
                for line in events.iter_lines():
                    said = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                    if said.get("mine") is False:
                        self.heard.append(said["text"])
        except httpx.TransportError:
            pass  # the test is over, and the server with it


@pytest.mark.acceptance
@pytest.mark.timeout(240)
def test_a_worker_that_is_killed_is_taken_over_by_another_and_nobody_is_answered_twice(shop: Shop) -> None:
    web, first = shop.serve("web"), shop.serve("worker")
    visitor = Visitor(web.web)
    wait_for(lambda: len(visitor.heard) == 1, 20, "the greeting, over two processes")
    visitor.say(1, "包邮吗")
    wait_for(lambda: len(visitor.heard) == 2, 20, "an answer")
    second = shop.serve("worker")
    held = shop.holders()
    first.kill()
    visitor.say(2, "怎么退货")
    begun = time.monotonic()

    wait_for(lambda: len(visitor.heard) == 3, LEASES_END_WITHIN_S, "the other worker's answer")

    assert shop.holders()["channel:web:shop"] != held["channel:web:shop"]
    assert second.running.poll() is None
    visitor.say(3, "有什么优惠")
    wait_for(lambda: len(visitor.heard) == 4, 10, "the next answer")
    time.sleep(1)
    assert len(visitor.heard) == 4, f"after {time.monotonic() - begun:.0f} s"


@pytest.mark.acceptance
@pytest.mark.timeout(240)
def test_a_rolling_restart_of_every_process_loses_nothing(shop: Shop) -> None:
    first_web, worker = shop.serve("web"), shop.serve("worker")
    other_web, other_worker = shop.serve("web"), shop.serve("worker")
    visitor = Visitor(other_web.web)
    visitor.say(1, "包邮吗")
    for number, old in enumerate((first_web, worker), start=2):
        old.running.terminate()
        visitor.say(number, "怎么退货")
        assert old.running.wait(20) in (0, -signal.SIGTERM), "who is asked to end ends well"
    wait_for(lambda: len(visitor.heard) == 4, LEASES_END_WITHIN_S, "the greeting and three answers")
    assert other_worker.running.poll() is None


def test_a_role_needs_postgresql(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    assert run_command("init", str(folder)).returncode == 0

    refused = run_command("serve", "--role", "worker", "--dir", str(folder))

    assert refused.returncode == 2
    assert "several processes need PostgreSQL" in refused.stderr

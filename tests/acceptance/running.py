"""The real command in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

ROOT = Path(__file__).parents[2]
READY_WITHIN_CPU_S = 40.0
"""Of processor time, which neighbours do not take from it. Alone on two cores that is about 10 s on the clock."""
GIVEN_UP_S = 140.0
HERE = (sys.executable, "-m", "bot")


@dataclass(slots=True)
class Demo:
    """A running `zhanggui demo`. `addresses` is what it printed, `talk` what it has said on stderr so
    far, `logins` what the one-time link answered, time after time."""

    process: subprocess.Popen[str]
    folder: Path
    port: int
    addresses: dict[str, str]
    ready_after_cpu_s: float
    talk: list[str] = field(default_factory=list)
    logins: list[httpx.Response] = field(default_factory=list)

    @property
    def web(self) -> str:
        return self.addresses["web"]

    def order(self, customer_id: str, state: str) -> dict[str, str]:
        """Return a seeded order: `number`, `phone_tail` and more."""
        orders = self.get("/demo/state")["orders"]
        return next(o for o in orders if (o["customer_id"], o["state"]) == (customer_id, state))

    def get(self, path: str) -> Any:
        return httpx.get(self.web + path, trust_env=False).json()

    def post(self, path: str, body: Any = None) -> Any:
        return httpx.post(self.web + path, json=body, trust_env=False, timeout=20).raise_for_status().json()

    def refused(self, channel: str) -> float:
        """Return how many callbacks of a channel were refused so far, as /metrics tells."""
        metrics = httpx.get(self.web + "/metrics", trust_env=False).text
        lines = re.findall(
            rf'^zhanggui_callbacks_refused_total\{{channel="{channel}",.*\}} (\S+)$', metrics, re.MULTILINE
        )
        return sum(float(count) for count in lines)

    def settle(self) -> None:
        """Wait until nothing waits to be answered or sent."""
        wait_for(lambda: self.get("/readyz") == {"status": "ok", "inbox": 0, "outbox": 0}, 10, "an idle demo")

    def interrupt(self, within_s: float) -> int:
        """Press Ctrl-C and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(within_s)


def wait_for(done: Any, within_s: float, what: str) -> None:
    """Wait until `done()` is true."""
    end = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end, f"waited {within_s} s for {what}"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def demo_running(folder: Path, command: Sequence[str] = HERE, cwd: Path = ROOT) -> Iterator[Demo]:
    """Start the demo on a free port, wait for its line of JSON, and stop it in the end."""
    port = free_port()
    started = time.monotonic()
    process = subprocess.Popen(
        [*command, "demo", "--json", "--port", str(port), "--dir", str(folder)],
        cwd=cwd,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    assert process.stderr is not None
    talk: list[str] = []
    reader = threading.Thread(target=_keep, args=(process.stderr, talk), daemon=True)
    reader.start()
    watchdog = threading.Timer(GIVEN_UP_S, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline()
        watchdog.cancel()
        assert line, f"no line after {time.monotonic() - started:.0f} s; stderr:\n{''.join(talk)}"
        yield Demo(process, folder, port, json.loads(line), _cpu_s(process.pid), talk)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        reader.join(5)
        process.stdout.close()
        process.stderr.close()


def _cpu_s(pid: int) -> float:
    """Return the processor time of a process and of its children that have ended, from proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def _keep(stream: IO[str], lines: list[str]) -> None:
    for line in stream:
        lines.append(line)  # noqa: PERF402  one by one, as they come


def run_command(*arguments: str, command: Sequence[str] = HERE, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run another command of `zhanggui` to its end."""
    return subprocess.run(
        [*command, *arguments],
        cwd=cwd,
        env=_environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def _environment() -> dict[str, str]:
    """Return the environment of a newcomer: nothing of Zhanggui is set, and the terminal is wide."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ZHANGGUI_", "PYTEST_"))}
    return {**kept, "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"}

"""What a shop costs that nobody writes to: memory and processor time of a real `serve`, and how soon it answers."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from bot.errors import ZhangguiError
from bot.starter import SHOP_TOML, make_shop

HOST = "127.0.0.1"
NOWHERE = f"http://{HOST}:9"
"""A platform that does not answer: nothing of a measurement leaves the machine."""
QUESTION = "包邮吗"
PATIENCE_S = 120.0
SETTLING_S = 3.0
"""Between the first answer and the measurement."""
TARGETS = {"rss_mb": 150.0, "cpu_percent": 1.0, "answer_s": 2.0}
"""The most an idle shop may take; the rest is told without judgement."""
NOT_ITS_OWN = ("ZHANGGUI_", "PYTHONDONTWRITEBYTECODE")
"""What the measured process does not take over from the environment."""
CHANNELS = f"""
[channels.telegram.bench]
token = {{ file = "data/telegram-token" }}
webhook_secret = {{ file = "data/webhook-secret" }}
mode = "webhook"
api_base = "{NOWHERE}"

[channels.wechat.bench]
app_id = "wx0000000000000000"
app_secret = {{ file = "data/webhook-secret" }}
token = {{ file = "data/webhook-secret" }}
aes_key = {{ file = "data/aes-key" }}
api_base = "{NOWHERE}"
"""


class BenchFailed(ZhangguiError):
    """The measurement could not be made. Look at the log above, then try again."""

    code = "bench"


@dataclass(frozen=True, slots=True)
class Idle:
    """What was measured.

    Attributes:
        ready_s: from the start of the process until `/readyz` says ok.
        answer_s: from the start until a visitor of the web chat has an answer; models were trained and
            modules compiled before.
        trained_ready_s: as `ready_s` at the very first start, which trains the models and compiles the modules.
        rss_mb, pss_mb: resident memory; PSS counts what is shared with other processes in parts. 1 MB = 1,048,576 B.
        console_rss_mb: as `rss_mb` once somebody asked for the console, which is loaded then.
        cpu_percent: of one core.
    """

    rss_mb: float
    cpu_percent: float
    answer_s: float
    ready_s: float
    trained_ready_s: float
    pss_mb: float
    console_rss_mb: float
    threads: int


def measure(folder: Path, seconds: float) -> Idle:
    """Make a shop in `folder`, serve it and measure for `seconds`.

    Raises:
        BenchFailed: this is no Linux, or the shop did not start or answer.
    """
    if not Path("/proc/self/smaps_rollup").exists():
        raise BenchFailed("memory is measured with /proc/PID/smaps_rollup, which only Linux has")
    _make(folder)
    with _serving(folder) as (process, base, started):
        trained_ready_s = _until_ready(process, base, started)
    with _serving(folder) as (process, base, started):
        ready_s = _until_ready(process, base, started)
        answer_s = _until_answered(base, started)
        time.sleep(SETTLING_S)
        before_s = _cpu_s(process.pid)
        time.sleep(seconds)
        cpu_s = _cpu_s(process.pid) - before_s
        memory = _memory_mb(process.pid)
        threads = len(list(Path(f"/proc/{process.pid}/task").iterdir()))
        httpx.get(f"{base}/console/", trust_env=False, timeout=PATIENCE_S, follow_redirects=True).raise_for_status()
        with_console = _memory_mb(process.pid)
    return Idle(
        rss_mb=round(memory["Rss"], 1),
        cpu_percent=round(100 * cpu_s / seconds, 2),
        answer_s=round(answer_s, 2),
        ready_s=round(ready_s, 2),
        trained_ready_s=round(trained_ready_s, 2),
        pss_mb=round(memory["Pss"], 1),
        console_rss_mb=round(with_console["Rss"], 1),
        threads=threads,
    )


def _make(folder: Path) -> None:
    make_shop(folder, SHOP_TOML + CHANNELS)
    secrets_of = {
        "telegram-token": f"1:{secrets.token_urlsafe(26)}",
        "webhook-secret": secrets.token_hex(12),
        "aes-key": secrets.token_hex(22)[:43],
    }
    for name, secret in secrets_of.items():
        (folder / "data" / name).write_text(secret, encoding="utf-8")


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, float]]:
    """Serve in a process of its own; yield it, its address and when it was started (monotonic, s)."""
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    with (folder / "serve.log").open("wb") as log:
        started = time.monotonic()
        process = _start(folder, port, log)
        try:
            yield process, f"http://{HOST}:{port}", started
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            lines = (folder / "serve.log").read_text(encoding="utf-8", errors="replace").splitlines()
            raise BenchFailed(f"the shop did not answer ({error!r}); it said: {' / '.join(lines[-3:])}") from error
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _start(folder: Path, port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    own = {key: value for key, value in os.environ.items() if not key.startswith(NOT_ITS_OWN)}
    return subprocess.Popen(  # noqa: S603 (this interpreter and this program)
        [sys.executable, "-P", "-m", "bot", "serve", "--dir", str(folder), "--port", str(port)],
        stdout=log,
        stderr=log,
        env={
            **own,
            "PYTHONPATH": os.pathsep.join(sys.path),
            # As in an installed program, compiled modules are kept: the first start writes them, the second is timed.
            "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        },
    )


def _until_ready(process: subprocess.Popen[bytes], base: str, started: float) -> float:
    while process.poll() is None and time.monotonic() - started < PATIENCE_S:
        try:
            if httpx.get(f"{base}/readyz", trust_env=False).status_code == httpx.codes.OK:
                return time.monotonic() - started
        except httpx.TransportError:
            time.sleep(0.02)
    raise TimeoutError(f"not ready after {time.monotonic() - started:.0f} s, exit status {process.poll()}")


def _until_answered(base: str, started: float) -> float:
    chat = f"{base}/webchat/shop"
    with httpx.Client(base_url=chat, trust_env=False, timeout=PATIENCE_S) as http:
        token = http.post("/session", json={"lang": "zh"}).raise_for_status().json()["token"]
        said = {"token": token, "client_id": "idle", "text": QUESTION}
        http.post("/messages", json=said).raise_for_status()
        with http.stream("GET", "/events", params={"token": token}) as events:
            for line in events.iter_lines():
                if line.startswith("data:") and json.loads(line.removeprefix("data:")).get("author") == "bot":
                    return time.monotonic() - started
    raise TimeoutError("the stream ended without an answer")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {name: int(rest.split()[0]) / 1024 for name, _, rest in (line.partition(":") for line in lines)}

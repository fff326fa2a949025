"""What a shop costs that nobody writes to: memory and processor time of a real `serve`, and how soon it answers."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from bot.bench.served import HOST, PATIENCE_S, BenchFailed, cpu_s, memory_mb, serving, until_ready
from bot.starter import SHOP_TOML, make_shop

NOWHERE = f"http://{HOST}:9"
"""A platform that does not answer: nothing of a measurement leaves the machine."""
QUESTION = "包邮吗"
SETTLING_S = 3.0
"""Between the first answer and the measurement."""
TARGETS = {"rss_mb": 150.0, "cpu_percent": 1.0, "answer_s": 2.0}
"""The most an idle shop may take; the rest is told without judgement."""
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
    with serving(folder) as (process, base, started):
        trained_ready_s = until_ready(process, base, started)
    with serving(folder) as (process, base, started):
        ready_s = until_ready(process, base, started)
        answer_s = _until_answered(base, started)
        time.sleep(SETTLING_S)
        before_s = cpu_s(process.pid)
        time.sleep(seconds)
        used_s = cpu_s(process.pid) - before_s
        memory = memory_mb(process.pid)
        threads = len(list(Path(f"/proc/{process.pid}/task").iterdir()))
        httpx.get(f"{base}/console/", trust_env=False, timeout=PATIENCE_S, follow_redirects=True).raise_for_status()
        with_console = memory_mb(process.pid)
    return Idle(
        rss_mb=round(memory["Rss"], 1),
        cpu_percent=round(100 * used_s / seconds, 2),
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

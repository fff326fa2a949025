"""A real `serve` in a process of its own, and what it takes of the machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx

from bot.errors import ZhangguiError

HOST = "127.0.0.1"
PATIENCE_S = 120.0
NOT_ITS_OWN = ("ZHANGGUI_", "PYTHONDONTWRITEBYTECODE")
"""What the measured process does not take over from the environment."""


class BenchFailed(ZhangguiError):
    """The measurement could not be made. Look at the log above, then try again."""

    code = "bench"


@contextmanager
def serving(folder: Path, role: str = "all") -> Iterator[tuple[subprocess.Popen[bytes], str, float]]:
    """Serve in a process of its own; yield it, its address and when it was started (monotonic, s)."""
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    with (folder / "serve.log").open("ab") as log:
        started = time.monotonic()
        process = _start(folder, role, port, log)
        try:
            yield process, f"http://{HOST}:{port}", started
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise BenchFailed(f"the shop did not answer ({error!r}); it said: {last_words(folder)}") from error
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def last_words(folder: Path, lines: int = 3) -> str:
    """Return the end of what the shop in `folder` wrote to its log."""
    written = (folder / "serve.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return " / ".join(written[-lines:])


def _start(folder: Path, role: str, port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    own = {key: value for key, value in os.environ.items() if not key.startswith(NOT_ITS_OWN)}
    return subprocess.Popen(  # noqa: S603 (this interpreter and this program)
        [sys.executable, "-P", "-m", "bot", "serve", "--role", role, "--dir", str(folder), "--port", str(port)],
        stdout=log,
        stderr=log,
        env={
            **own,
            "PYTHONPATH": os.pathsep.join(sys.path),
            # As in an installed program, compiled modules are kept: the first start writes them, the second is timed.
            "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        },
    )


def until_ready(process: subprocess.Popen[bytes], base: str, started: float) -> float:
    while process.poll() is None and time.monotonic() - started < PATIENCE_S:
        try:
            if httpx.get(f"{base}/readyz", trust_env=False).status_code == httpx.codes.OK:
                return time.monotonic() - started
        except httpx.TransportError:
            time.sleep(0.02)
    raise TimeoutError(f"not ready after {time.monotonic() - started:.0f} s, exit status {process.poll()}")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {name: int(rest.split()[0]) / 1024 for name, _, rest in (line.partition(":") for line in lines)}

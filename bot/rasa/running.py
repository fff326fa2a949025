"""Runs Rasa in its environment: trains a project, serves a model on loopback. Telemetry is off, a token guards it."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from bot.errors import ZhangguiError
from bot.rasa.environment import clean
from bot.rasa.server import Server

HOST = "127.0.0.1"
MODEL = "model"
TOKEN = "RASA_LAUNCH_TOKEN"  # noqa: S105 - the name of a variable
LAUNCH = f"""
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15)  # end when the one who started this ends, however that happens
token = os.environ.pop({TOKEN!r}, "")
sys.argv = ["rasa", *sys.argv[1:], *(["--auth-token", token] if token else [])]
from rasa.__main__ import main
main()
"""
"""Other users of the machine see a process's arguments, so the token comes by the environment."""
QUIET = {
    "RASA_TELEMETRY_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "PYTHONWARNINGS": "ignore",
    "PYTHONUNBUFFERED": "1",
    "NO_COLOR": "1",
}
EPOCHS_DONE = re.compile(r"Epochs:\s+(\d+)%")
COMPONENT = re.compile(r"(?:Starting to train|Finished training) component '(\w+)'")
LINES_KEPT = 15
START_TIMEOUT_S = 900.0
LOOK_EVERY_S = 0.25
Progress = Callable[[str, int], None]
"""Told the component in training and the percentage of its epochs."""


class RasaFailed(ZhangguiError):
    """Rasa did not do what it was asked. Read its last lines above."""

    code = "rasa"


@dataclass(frozen=True, slots=True)
class Runner:
    """The Python that has Rasa, and the environment to start it in."""

    python: Path
    environment: Mapping[str, str]

    def train(self, project: Path, progress: Progress, *, nlu_only: bool = False) -> Path:
        """Train the project in `project` and return the file of the model.

        Raises:
            RasaFailed: it ended with an error; the last lines are in the message.
        """
        what = ["train", "nlu", "--nlu", "data"] if nlu_only else ["train", "--domain", "domain.yml", "--data", "data"]
        command = [*what, "--config", "config.yml", "--out", "models", "--fixed-model-name", MODEL]
        last: deque[str] = deque(maxlen=LINES_KEPT)
        component = ""
        with self._start(command, project) as process:
            for line in _lines(process):
                if found := COMPONENT.search(line):
                    component = found[1]
                    progress(component, 0)
                elif found := EPOCHS_DONE.search(line):
                    progress(component, int(found[1]))
                elif line.strip():
                    last.append(line.strip())
            status = process.wait()
        model = project / "models" / f"{MODEL}.tar.gz"
        if status or not model.is_file():
            raise RasaFailed("\n".join([*last, f"`rasa train` ended with status {status} in {project}"]))
        return model

    @contextmanager
    def serve(self, model: Path, port: int, token: str, log: Path) -> Iterator[tuple[subprocess.Popen[str], Server]]:
        """Serve a model on loopback while the context is open; it is ready to be asked when the context opens.

        Raises:
            RasaFailed: it ended, or was not ready within a quarter of an hour.
        """
        nothing = log.with_name("no-channels.yml")
        nothing.write_text("{}\n", encoding="utf-8")  # only the API is served: Rasa's own chat needs no token
        command = ["run", "--enable-api", "--interface", HOST, "--port", str(port), "--model", str(model)]
        command += ["--credentials", str(nothing), "--endpoints", str(nothing)]
        server = Server(f"http://{HOST}:{port}", token, timeout_s=30.0)
        with log.open("w", encoding="utf-8") as said, self._start(command, model.parent, token, said) as process:
            try:
                _wait_until_ready(process, server, log)
                yield process, server
            finally:
                server.close()
                _stop(process)

    @contextmanager
    def _start(
        self, command: list[str], folder: Path, token: str = "", said: TextIO | int = subprocess.PIPE
    ) -> Iterator[subprocess.Popen[str]]:
        environment = {**clean(self.environment), **QUIET, **({TOKEN: token} if token else {})}
        process = subprocess.Popen(  # noqa: S603 - our own launcher with arguments of ours
            [str(self.python), "-c", LAUNCH, *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            yield process
        finally:
            _stop(process)
            if process.stdout is not None:
                process.stdout.close()


def free_port() -> int:
    """Return a port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Yield lines as they come; progress bars end theirs with a carriage return, which counts as a line's end."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    yield from process.stdout


def _wait_until_ready(process: subprocess.Popen[str], server: Server, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_KEPT:]
            what = "did not get ready in time" if process.poll() is None else f"ended with status {process.returncode}"
            raise RasaFailed("\n".join([*lines, f"`rasa run` {what}. Is its port {server.url} taken?"]))
        time.sleep(LOOK_EVERY_S)


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

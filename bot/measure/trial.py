"""The port through which engines are measured, and the engines of this process behind it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Protocol

from bot.errors import ZhangguiError
from bot.measure.answering import Job, Scorer, scorer
from bot.measure.rows import Row

MB = 1024 * 1024
ASKED = 500
"""So many texts show what memory answering takes."""
PATIENCE_S = 1800
READ = ("*.model", "*.head.npz")
"""Files that a process reads to answer; the others only make learning quicker."""


class CannotMeasure(ZhangguiError):
    """The measurement could not be made. Look at the lines above, then try again."""

    code = "measure"


class Trained(Protocol):
    """An engine that has learnt from rows.

    Attributes:
        train_s: how long that took, as the operator waits for it.
        rss_mb: the most memory that the process that answers took; 1 MB = 1,048,576 B. None: not known.
        model_mb: what it keeps on disk.
    """

    @property
    def train_s(self) -> float: ...
    @property
    def rss_mb(self) -> float | None: ...
    @property
    def model_mb(self) -> float: ...

    def rank(self, text: str) -> Sequence[tuple[str, float]]:
        """Return labels with scores, best first; as many as the engine gives. Never raises for any text."""

    def close(self) -> None:
        """Free what it holds: processes, files."""


class Trial(Protocol):
    """An engine to be measured."""

    def train(self, rows: Sequence[Row]) -> Trained:
        """Learn from (text, label) rows of at least three labels; `oos` rows fit no label."""


@dataclass(frozen=True, slots=True)
class LocalTrial:
    """The engines of this process; `model` is the name or folder of the encoder, where one is used."""

    engine: str
    model: str = ""

    def train(self, rows: Sequence[Row]) -> LocalTrained:
        folder = tempfile.TemporaryDirectory(prefix="zhanggui-measure-", ignore_cleanup_errors=True)
        texts, labels = [text for text, _ in rows], [label for _, label in rows]
        job = Job(self.engine, self.model, folder.name, texts, labels)
        started = time.perf_counter()
        try:
            learnt = scorer(job)
        except BaseException:
            folder.cleanup()
            raise
        return LocalTrained(learnt, job, folder, time.perf_counter() - started)


@dataclass(slots=True)
class LocalTrained:
    """Answers in this process; what memory that takes is seen in another one, which does nothing else."""

    _scorer: Scorer
    _job: Job
    _folder: tempfile.TemporaryDirectory[str]
    train_s: float

    def rank(self, text: str) -> Sequence[tuple[str, float]]:
        return self._scorer(text)

    @property
    def model_mb(self) -> float:
        return sum(path.stat().st_size for pattern in READ for path in Path(self._folder.name).glob(pattern)) / MB

    @property
    def rss_mb(self) -> float | None:
        return self.alone().rss_mb

    def alone(self) -> Alone:
        """Answer in a fresh process that has only the files of the model.

        Raises:
            CannotMeasure: it did not end well.
        """
        asked = list(islice(cycle(self._job.texts), ASKED))
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "bot.measure.answering"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._job.environment(),
        ) as process:
            assert process.stdin is not None  # noqa: S101 - it is a pipe
            assert process.stdout is not None  # noqa: S101
            process.stdin.write(self._job.line(asked))
            process.stdin.flush()
            first = process.stdout.readline()
            start_s = time.perf_counter() - started
            out, err = process.communicate(timeout=PATIENCE_S)
        if not first or process.returncode:
            lines = err.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise CannotMeasure(f"the process that answers ended with status {process.returncode}: {lines[-1]}")
        return Alone(start_s, json.loads(out)["rss_mb"])

    def edited(self, rows: Sequence[Row]) -> float:
        """Learn `rows` beside what was learnt before; return how long it took, in seconds."""
        job = replace(self._job, texts=[text for text, _ in rows], labels=[label for _, label in rows])
        started = time.perf_counter()
        scorer(job)
        return time.perf_counter() - started

    def close(self) -> None:
        self._folder.cleanup()


@dataclass(frozen=True, slots=True)
class Alone:
    """What a process that only answers took: seconds from its start to the first answer, and memory at most."""

    start_s: float
    rss_mb: float | None

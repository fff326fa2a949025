"""Rasa's recommended pipeline as a trial of `nlu evaluate`: trained on the same rows, asked over HTTP as in a shop."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe

from bot.rasa.config import EPOCHS, config
from bot.rasa.environment import Say, rasa_python
from bot.rasa.examples import written
from bot.rasa.project import COMMENT, VERSION
from bot.rasa.running import Progress, Runner, free_port
from bot.rasa.scores import Nonsense, scores_of
from bot.rasa.server import Server, Unusable
from bot.rasa.yamltext import yaml_text
from bot.understanding.text import CJK, OUT_OF_SCOPE

MB = 1024 * 1024
Row = tuple[str, str]


def _silent(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class RasaTrial:
    """Trains and serves Rasa for a measurement.

    Attributes:
        epochs: of its classifier; None is what Rasa recommends, 100.
    """

    epochs: int | None = None
    say: Say = _silent
    progress: Progress = _silent

    def train(self, rows: Sequence[Row]) -> RasaTrained:
        """Learn from (text, label) rows. Rows labelled `oos` are an intent to Rasa, but never a label of ours.

        Raises:
            NoRasa: its environment cannot be made.
            RasaFailed: it did not train or serve.
        """
        runner = Runner(rasa_python(os.environ, self.say), os.environ)
        stack = ExitStack()
        try:
            # It is asked for close, so that a measurement can stop at any point.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zhanggui-rasa-")))
            names = write_rows(folder, rows, self.epochs or EPOCHS)
            started = time.perf_counter()
            model = runner.train(folder, self.progress, nlu_only=True)
            train_s = time.perf_counter() - started
            serving = runner.serve(model, free_port(), token_urlsafe(32), folder / "serve.log")
            process, server = stack.enter_context(serving)
        except BaseException:
            stack.close()
            raise
        return RasaTrained(server, process.pid, names, train_s, model.stat().st_size / MB, stack)


@dataclass(slots=True)
class RasaTrained:
    """A model that is served. `failed` counts texts that Rasa did not answer."""

    _server: Server
    _pid: int
    _names: dict[str, str]
    train_s: float
    model_mb: float
    _stack: ExitStack = field(repr=False)
    failed: int = 0

    @property
    def rss_mb(self) -> float | None:
        """The most memory that the server took, where the system tells."""
        try:
            lines = Path(f"/proc/{self._pid}/status").read_text(encoding="utf-8").splitlines()
        except OSError:
            return None
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)

    def rank(self, text: str) -> Sequence[tuple[str, float]]:
        """Return labels with confidences, best first: as many as Rasa gives, ten at most."""
        try:
            scores = scores_of(self._server.parse(text))
        except (Unusable, Nonsense):
            self.failed += 1
            return ()
        known = [(self._names[name], score) for name, score in scores if name in self._names]
        return [scored for scored in known if scored[0] != OUT_OF_SCOPE]

    def close(self) -> None:
        self._stack.close()


def write_rows(folder: Path, rows: Sequence[Row], epochs: int) -> dict[str, str]:
    """Write a project that learns the rows; return label by intent: the names are safe, as `a/b` means more to Rasa."""
    by_label: dict[str, list[str]] = {}
    for text, label in rows:
        by_label.setdefault(label, []).append(text)
    names = {f"label_{number}": label for number, label in enumerate(by_label)}
    language = "zh" if 2 * sum(CJK.search(text) is not None for text, _ in rows) > len(rows) else "en"
    items = [{"intent": name, "examples": written(by_label[label])} for name, label in names.items()]
    (folder / "data").mkdir()
    nlu, pipeline = {"version": VERSION, "nlu": items}, config(language, epochs)
    (folder / "data" / "nlu.yml").write_text(yaml_text(nlu, COMMENT), encoding="utf-8")
    (folder / "config.yml").write_text(yaml_text(pipeline, COMMENT), encoding="utf-8")
    return names

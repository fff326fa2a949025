"""Answers in a process of its own, to see what memory it takes and how soon it answers.

As a process: one line of JSON on stdin (a `Job` and texts to ask), one line on stdout after the first answer, one with
the memory after the last.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from bot.understanding.text import OUT_OF_SCOPE

if TYPE_CHECKING:
    from bot.understanding.encoder import Encoder

Scorer = Callable[[str], Sequence[tuple[str, float]]]
"""A text in, every label with its score out, best first."""
KEY = "measured"
"""Under which name the rows are learnt."""
OWN_MEMORY = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Job:
    """What to answer with: an engine, learnt from parallel `texts` and `labels`, whose files are in `folder`."""

    engine: str
    model: str
    folder: str
    texts: Sequence[str]
    labels: Sequence[str]

    def line(self, asked: Sequence[str]) -> bytes:
        """Return what a process of this module reads."""
        return json.dumps({"job": asdict(self), "asked": asked}).encode() + b"\n"

    def environment(self) -> dict[str, str]:
        """Return the environment of such a process: it finds the same modules."""
        return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def scorer(job: Job) -> Scorer:
    """Learn, or take from the folder what was learnt before."""
    if job.engine == "encoder":
        return _encoder_alone(job)
    from bot.understanding.learning import learn

    rows = {KEY: (job.texts, job.labels)}
    classifier = learn(rows, Path(job.folder))[KEY]
    if job.engine == "semantic":
        from bot.understanding.ranker import Builtin
        from bot.understanding.semantic import learn_semantic

        encoder = _encoder(job.model)
        semantic = learn_semantic(rows, Builtin({KEY: classifier}), encoder, Path(job.folder))
        return lambda text: semantic.scores(text, KEY)
    return lambda text: [scored for scored in classifier.margins(text) if scored[0] != OUT_OF_SCOPE]


def _encoder_alone(job: Job) -> Scorer:
    """Rank by the probabilities of the regression that `semantic` adds to its margins, by nothing else."""
    from bot.understanding.embeddings import encoded
    from bot.understanding.heads import fit, read_head, write_head

    encoder, folder = _encoder(job.model), Path(job.folder)
    digest = blake2b(json.dumps([job.texts, job.labels]).encode(), digest_size=8).hexdigest()
    path = folder / f"{digest}.head.npz"
    if not path.exists():
        write_head(path, fit(encoded(job.texts, encoder, folder), job.labels))
    head = read_head(path)

    def score(text: str) -> list[tuple[str, float]]:
        opinions, _ = head.figures(encoder.encode([text]))
        return sorted(zip(head.labels, opinions[0].tolist(), strict=True), key=lambda scored: -scored[1])

    return score


@cache
def _encoder(model: str) -> Encoder:
    from bot.understanding.encoder import load_encoder

    return load_encoder(model, Path())


def main() -> None:
    """Do what stdin asks."""
    asked = json.loads(sys.stdin.buffer.readline())
    score = scorer(Job(**asked["job"]))
    score(asked["asked"][0])
    print("answered", flush=True)  # noqa: T201 - this is what the other process waits for
    for text in asked["asked"]:
        score(text)
    print(json.dumps({"rss_mb": peak_rss_mb()}))  # noqa: T201


def peak_rss_mb() -> float | None:
    """Return the most memory this process has had; None where the system does not tell.

    Not `getrusage`: its figure begins with that of the process that started this one.
    """
    if not OWN_MEMORY.is_file():
        return None
    fields = dict(line.split(":", 1) for line in OWN_MEMORY.read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    main()

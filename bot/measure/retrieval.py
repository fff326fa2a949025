"""Measures how well the right entry is found for a question, and how long building and editing take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from bot.measure.evaluation import WARM_UP, Track
from bot.measure.rows import Row
from bot.measure.scores import percentile
from bot.measure.trial import LocalTrained, Trained


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was measured; shares of 1.

    Attributes:
        recall_at_1, recall_at_5: how often the right entry is the best, or among the best five.
        mrr: mean of 1 / place of the right entry.
        build_s: from the rows to answers, nothing known before.
        edit_s: the same after one phrasing changed; None where the engine cannot learn only what changed.
        start_s: from the start of a process that has the model's files to its first answer; None: not known.
        peak_rss_mb: of that process. 1 MB = 1,048,576 B.
    """

    engine: str
    entries: int
    phrasings: int
    questions: int
    recall_at_1: float
    recall_at_5: float
    mrr: float
    p50_ms: float
    p95_ms: float
    build_s: float
    edit_s: float | None
    start_s: float | None
    peak_rss_mb: float | None
    model_mb: float


def retrieve(
    engine: str, trained: Trained, entries: Sequence[Row], questions: Sequence[Row], track: Track
) -> Retrieved:
    """Ask `questions` (question, entry id) of an engine that learnt `entries` (phrasing, entry id); close it."""
    with closing(trained):
        places, took_ms = _asked(engine, trained, questions, track)
        alone = trained.alone() if isinstance(trained, LocalTrained) else None
        model_mb = trained.model_mb
        edit_s = trained.edited(changed(entries)) if isinstance(trained, LocalTrained) else None
        return Retrieved(
            engine,
            entries=len({label for _, label in entries}),
            phrasings=len(entries),
            questions=len(questions),
            recall_at_1=sum(place == 1 for place in places) / len(places),
            recall_at_5=sum(0 < place <= 5 for place in places) / len(places),
            mrr=sum(1 / place for place in places if place) / len(places),
            p50_ms=percentile(took_ms, 50),
            p95_ms=percentile(took_ms, 95),
            build_s=trained.train_s,
            edit_s=edit_s,
            start_s=alone.start_s if alone else None,
            peak_rss_mb=alone.rss_mb if alone else trained.rss_mb,
            model_mb=model_mb,
        )


def changed(rows: Sequence[Row]) -> list[Row]:
    """Return `rows` with a phrasing in the middle put into other words, as an operator might."""
    middle = len(rows) // 2
    text, label = rows[middle]
    return [*rows[:middle], (f"{text} {rows[0][0].split()[0]}", label), *rows[middle + 1 :]]


def _asked(engine: str, trained: Trained, questions: Sequence[Row], track: Track) -> tuple[list[int], list[float]]:
    """Return the place of the right entry for each question (0: not found), and how long each took, in ms."""
    for question, _ in questions[:WARM_UP]:
        trained.rank(question)
    places, took_ms = [], []
    for question, entry in track(questions, f"{engine}: asking"):
        started = time.perf_counter()
        ranked = trained.rank(question)
        took_ms.append(1000 * (time.perf_counter() - started))
        places.append(next((place for place, (label, _) in enumerate(ranked, 1) if label == entry), 0))
    return places, took_ms

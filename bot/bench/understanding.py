"""How learning and answering grow with the number of entries: made-up entries, the real processes.

Run it as `python -m bot.bench.understanding 100 1000`; one line of JSON for each size.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.understanding.learning import Rows, learn

LANGUAGE = "en"
QUESTIONS = 200
SYLLABLES = [a + b for a in "bcdfghklmnprstvw" for b in "aeiou"]
ANSWERING = """
import json, sys, time
from pathlib import Path
from bot.understanding.learning import learn
rows, questions, folder = json.load(open(sys.argv[1]))
classifier = learn({"en": rows}, Path(folder))["en"]
del rows
took, busy = [], []
for question in questions:
    started = time.perf_counter(), time.process_time()
    classifier.best(question, 5)
    took.append((time.perf_counter() - started[0]) * 1000)
    busy.append((time.process_time() - started[1]) * 1000)
    first = len(took) == 1 and time.time()
    began = first or began
resident = next(line for line in open("/proc/self/status") if line.startswith("VmRSS"))
print(json.dumps([began, sorted(took), sorted(busy), int(resident.split()[1]) / 1024]))
"""


@dataclass(frozen=True, slots=True)
class Growth:
    """What was measured at one size; memory in units of 1,048,576 B.

    Attributes:
        build_s: from nothing to a mapped classifier.
        edit_s: from one phrasing added to an entry to the same.
        start_s: from the start of a process to its first answer.
        build_cpu_s, edit_cpu_s, cpu_p50_ms, cpu_p95_ms: processor time, which a busy machine disturbs less.
    """

    entries: int
    phrasings: int
    build_s: float
    build_cpu_s: float
    edit_s: float
    edit_cpu_s: float
    start_s: float
    p50_ms: float
    p95_ms: float
    cpu_p50_ms: float
    cpu_p95_ms: float
    rss_mb: float
    model_mb: float


def made_up(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Return phrasings and entry ids: 5 to 10 an entry, of words of its own among words that all use."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(8000)]
    common = [1 / (place + 5) for place in range(len(words))]
    texts, labels = [], []
    for entry in range(count):
        topic = draw.sample(words[50:], 4)
        for _ in range(draw.randint(5, 10)):
            own = draw.sample(topic, draw.randint(2, 3))
            texts.append(" ".join([*own, *draw.choices(words, common, k=draw.randint(3, 8))]))
            labels.append(f"entry-{entry}")
    return texts, labels


def measure(count: int, folder: Path) -> Growth:
    """Measure a set of `count` entries; `folder` takes the files."""
    texts, labels = made_up(count)
    build_s, build_cpu_s = _learning((texts, labels), folder)
    edited, edited_labels = [*texts, f"{texts[0]} added"], [*labels, labels[0]]
    edit_s, edit_cpu_s = _learning((edited, edited_labels), folder)
    draw = random.Random(1)
    questions = [" ".join(["well", *text.split()[1:]]) for text in draw.choices(texts, k=QUESTIONS)]
    given = folder / "given.json"
    given.write_text(json.dumps([[edited, edited_labels], questions, str(folder)]))
    begun = time.time()
    asking = [sys.executable, "-c", ANSWERING, str(given)]
    done = subprocess.run(asking, capture_output=True, check=True)  # noqa: S603 - our own code
    first, took_ms, busy_ms, rss_mb = json.loads(done.stdout)
    return Growth(
        entries=count,
        phrasings=len(texts),
        build_s=round(build_s, 2),
        build_cpu_s=round(build_cpu_s, 2),
        edit_s=round(edit_s, 2),
        edit_cpu_s=round(edit_cpu_s, 2),
        start_s=round(first - begun, 2),
        p50_ms=round(took_ms[len(took_ms) // 2], 2),
        p95_ms=round(took_ms[len(took_ms) * 95 // 100], 2),
        cpu_p50_ms=round(busy_ms[len(busy_ms) // 2], 2),
        cpu_p95_ms=round(busy_ms[len(busy_ms) * 95 // 100], 2),
        rss_mb=round(rss_mb, 1),
        model_mb=round(max(path.stat().st_size for path in folder.glob("*.model")) / 2**20, 1),
    )


def _learning(rows: Rows, folder: Path) -> tuple[float, float]:
    """Learn `rows`; return the seconds it took, and those of processors, of this process and its children."""
    started, busy = time.perf_counter(), _busy_s()
    learn({LANGUAGE: rows}, folder)
    return time.perf_counter() - started, _busy_s() - busy


def _busy_s() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def main() -> None:
    """Measure each size that the command line names."""
    for count in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(json.dumps(asdict(measure(count, Path(folder)))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

"""How soon an edit of a large shop is live: each stage alone, the whole command, and what a chat notices."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from bot.ask import ask
from bot.bench.bigshop import made_up_questions, make_big_shop
from bot.bench.served import BenchFailed
from bot.brain import Brain, mind_of, read_shop
from bot.clock import SystemClock
from bot.commands.people import in_database
from bot.delivery.asked import last_questions
from bot.publishing.lint import lint
from bot.publishing.publisher import Publisher, history_of, open_brain
from bot.publishing.replay import replay
from bot.settings import Settings, load_settings
from bot.skills.turn import State
from bot.store.tables import conversations, inbox

EDITED = "knowledge/en/things-00/made-0000.md"
ASKED = "how do i clean a wool jumper"
EDITS = {"answer": ("Please clean", "{word}: Please clean"), "phrasing": ("ask:\n", "ask:\n  - {word} a wool jumper\n")}
"""Kind of edit → what is replaced in `EDITED`, and by what."""
TARGETS = {"total_s": 10.0, "chat_longest_s": 1.0}
PATIENCE_S = 1800.0
SETTLING_S = 0.2
"""So long the chat goes on after the swap."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One kind of edit; seconds of a clock on the wall, lint also of a processor.

    Attributes:
        read_s: what was saved is read and the set checked.
        learn_s: what changed is learnt; about nothing for an answer.
        keep_s: the set is kept in the history.
        replay_s: the questions are asked of both sets, and the answers compared.
        changed: questions that are answered differently.
        total_s: all of these.
        command_s: another such edit, by `zhanggui knowledge publish` from start to end.
        live_s: another one in a running shop: from the save until the set is swapped and kept.
        chat_longest_s: the longest answer of a chat that went on meanwhile; chat_failed: its answers that did not come.
    """

    edit: str
    read_s: float
    lint_s: float
    lint_cpu_s: float
    learn_s: float
    keep_s: float
    questions_s: float
    replay_s: float
    changed: int
    total_s: float
    command_s: float
    live_s: float
    chat_answers: int
    chat_longest_s: float
    chat_failed: int


@dataclass(slots=True)
class Chat:
    """Someone who asks the same thing again and again while the shop is edited."""

    brain: Brain
    took_s: list[float] = field(default_factory=list)
    failed: int = 0

    @contextmanager
    def going_on(self) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._talk, args=(over,))
        thread.start()
        try:
            yield
            time.sleep(SETTLING_S)
        finally:
            over.set()
            thread.join()

    def _talk(self, over: threading.Event) -> None:
        while not over.wait(0.01):
            started = time.perf_counter()
            try:
                ask(self.brain, self.brain.settings, ASKED, None, State(), SystemClock().now())
            except Exception:  # noqa: BLE001 - whatever it is, a customer would have had no answer
                self.failed += 1
            self.took_s.append(time.perf_counter() - started)


def measure(folder: Path, entries: int, questions: int) -> tuple[float, list[Edit]]:
    """Return how long a new shop with so many more answers takes to learn for the first time, and each kind of edit.

    Raises:
        BenchFailed: the command did not end well.
    """
    started = time.perf_counter()
    brain = opened(folder, entries, questions)
    return round(time.perf_counter() - started, 2), [measured(kind, brain) for kind in EDITS]


def opened(folder: Path, entries: int, questions: int) -> Brain:
    """Make a shop in the new `folder`, store `questions`, and publish it for the first time."""
    make_big_shop(folder, entries)
    _store(folder, [*made_up_questions(questions - 1, entries), ASKED])
    brain = open_brain(folder, load_settings(folder, {}))
    Publisher(brain, SystemClock()).keep("the shop started")
    return brain


def measured(kind: str, brain: Brain) -> Edit:
    """Return how long an edit of a kind in `EDITS` takes, done three times.

    Raises:
        BenchFailed: the command did not end well.
    """
    chat = Chat(brain)
    _edit(brain.folder, kind, "live")
    with chat.going_on():
        live_s = _timed(lambda: Publisher(brain, SystemClock()).publish("files saved"))
    _edit(brain.folder, kind, "told")
    command_s = _timed(lambda: _command(brain.folder))
    brain.reload()
    _edit(brain.folder, kind, "stage")
    stages, changed = _stages(brain)
    return Edit(
        edit=kind,
        **{name: round(took, 2) for name, took in stages.items()},
        changed=changed,
        total_s=round(sum(took for name, took in stages.items() if name != "lint_cpu_s"), 2),
        command_s=round(command_s, 2),
        live_s=round(live_s, 2),
        chat_answers=len(chat.took_s),
        chat_longest_s=round(max(chat.took_s), 3),
        chat_failed=chat.failed,
    )


def _stages(brain: Brain) -> tuple[Mapping[str, float], int]:
    """Do what `knowledge publish` does; return the seconds of each step, and how many answers changed."""
    folder, settings, now = brain.folder, brain.settings, SystemClock().now()
    before = brain.files.parts if brain.files else {}
    times = [time.perf_counter()]
    files = read_shop(folder, settings, before)
    times.append(time.perf_counter())
    cpu = time.process_time()
    lint(folder, files, settings, now)
    lint_cpu_s = time.process_time() - cpu
    times.append(time.perf_counter())
    mind = mind_of(files, folder, settings)
    times.append(time.perf_counter())
    history_of(folder).keep(folder, files.parts, "bench", now)
    times.append(time.perf_counter())
    questions = in_database(folder, lambda connection, _: last_questions(connection))
    times.append(time.perf_counter())
    found = replay(brain.mind, mind, questions, settings, now)
    times.append(time.perf_counter())
    names = ("read_s", "lint_s", "learn_s", "keep_s", "questions_s", "replay_s")
    stages = {name: end - begin for name, begin, end in zip(names, times, times[1:], strict=False)}
    return {**stages, "lint_cpu_s": lint_cpu_s}, len(found)


def _edit(folder: Path, kind: str, word: str) -> None:
    path, (old, new) = folder / EDITED, EDITS[kind]
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(old, new.format(word=word), 1), encoding="utf-8")


def _timed(job: Callable[[], object]) -> float:
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def _command(folder: Path) -> None:
    command = [sys.executable, "-m", "bot", "knowledge", "publish", "--dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise BenchFailed(f"`knowledge publish` ended with status {done.returncode}: {done.stderr.strip()}")


def _store(folder: Path, questions: Sequence[str]) -> None:
    """Store `questions` as what customers typed, in the shop's database."""
    now = SystemClock().now()

    def job(connection: Connection, _: Settings) -> None:
        talk = {"id": "bench", "channel": "web:shop", "chat": "bench", "created_at": now, "updated_at": now}
        connection.execute(conversations.insert().values(**talk))
        row = {"conversation_id": "bench", "sent_at": now, "received_at": now}
        rows = [{**row, "key": f"bench-{seq}", "seq": seq, "text": text} for seq, text in enumerate(questions, 1)]
        connection.execute(inbox.insert(), rows)

    in_database(folder, job)

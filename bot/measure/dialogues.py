"""Asks a shop every message of a set, with whichever engine the settings name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.ask import Answer, ask
from bot.brain import Brain, read_mind
from bot.measure.evaluation import Track
from bot.measure.messages import Verdict, judge_all, labels_of, read_expected
from bot.measure.trial import CannotMeasure
from bot.settings import Settings
from bot.skills.turn import State

RASA_TIMEOUT_MS = 30_000
"""What Rasa says is measured here, not whether it is in time."""
STOOD_IN = "engine builtin, as "
"""So begins why the builtin engine answered in Rasa's place."""


def with_engine(settings: Settings, engine: str) -> Settings:
    """Return `settings` with this engine."""
    chosen = {"engine": engine, "rasa_timeout_ms": RASA_TIMEOUT_MS}
    return settings.model_copy(update={"understanding": settings.understanding.model_copy(update=chosen)})


def judged(file: Path, language: str, folder: Path, settings: Settings, track: Track) -> tuple[Verdict, ...]:
    """Ask the messages of `file` as first messages and judge what comes of them.

    Args:
        language: of the conversations, empty: told from each message.

    Raises:
        BadRows: the file does not pass.
        CannotMeasure: the engine is Rasa, and it did not answer every message.
    """
    brain = Brain(folder, settings, read_mind(folder, settings))
    knowledge, now = brain.mind.knowledge, datetime.now(UTC)
    rows = read_expected(file, labels_of(knowledge))

    def asks(text: str) -> tuple[Answer, State]:
        return ask(brain, settings, text, None, State(language=language), now)

    verdicts = judge_all(rows, asks, knowledge, track)
    _check_engine(verdicts)
    return verdicts


def _check_engine(verdicts: Sequence[Verdict]) -> None:
    """Refuse figures of another engine than the one that is to be measured.

    Raises:
        CannotMeasure: it is so.
    """
    without = [v for v in verdicts if any(line.startswith(STOOD_IN) for line in v.answer.why)]
    if without:
        why = next(line for line in without[0].answer.why if line.startswith(STOOD_IN)).removeprefix(STOOD_IN)
        fix = "Train it (`zhanggui rasa train`) and serve it (`zhanggui rasa serve`)"
        raise CannotMeasure(f"Rasa did not answer {len(without)} of {len(verdicts)} messages: {why}. {fix}")

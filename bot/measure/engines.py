"""The engines that can be measured, by the name people give on the command line."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from bot.measure.evaluation import FOLDS, Plan
from bot.measure.trial import LocalTrial, Trial


class EngineName(StrEnum):
    """An engine; `encoder` is none of a shop: logistic regression on the vectors of `semantic` alone, to compare."""

    BUILTIN = "builtin"
    SEMANTIC = "semantic"
    ENCODER = "encoder"
    RASA = "rasa"


RUNS = {EngineName.RASA: 1, EngineName.SEMANTIC: 2, EngineName.ENCODER: 2}
"""Of the five folds the threshold is chosen on, so many are done: these engines train for long."""


def trial_of(
    engine: EngineName,
    model: str,
    epochs: int | None,
    say: Callable[[str], None],
    progress: Callable[[str, int], None],
) -> Trial:
    """Return the engine, not trained yet.

    Args:
        model: the encoder of `semantic` and `encoder`.
        epochs: of `rasa`; None: its own.
        say, progress: told what takes long while `rasa` is installed and trained.
    """
    if engine is EngineName.RASA:
        from bot.rasa.trial import RasaTrial  # only whoever has Rasa's environment

        rasa: Trial = RasaTrial(epochs, say, progress)
        return rasa
    return LocalTrial(engine.value, model)


def plan_of(engine: EngineName) -> Plan:
    """Return how it is measured."""
    return Plan(threshold_runs=RUNS.get(engine, FOLDS))

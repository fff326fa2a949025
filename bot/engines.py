"""Chooses the engine that `[understanding] engine` names, and puts it together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.settings import Settings
from bot.understanding.learning import Rows, learn
from bot.understanding.ranker import Builtin, Ranker


def ranker_for(
    settings: Settings, rows: Mapping[str, Rows], place: Path, folder: Path, shared: Path | None = None
) -> Ranker:
    """Return the engine, trained on `rows` (by language) as far as this process trains it. May take seconds.

    Args:
        place: where models are kept.
        shared: see `learn`.
        folder: the shop's, which paths in the settings are relative to.

    Raises:
        CannotLearn: nothing can be learnt from the rows.
        CannotLoadModel: the encoder of the semantic engine cannot be loaded.
        SettingsError: a setting of the engine is missing or wrong.
    """
    builtin = Builtin(learn(rows, place, shared))
    if settings.understanding.engine == "builtin":
        return builtin
    if settings.understanding.engine == "rasa":
        from bot.rasa.connect import connected

        return connected(builtin, settings.understanding, rows, folder)
    from bot.understanding.encoder import load_encoder
    from bot.understanding.semantic import learn_semantic

    return learn_semantic(rows, builtin, load_encoder(settings.understanding.model, folder), place)

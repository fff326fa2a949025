"""Which files of a shop's folder are read as its knowledge."""

from __future__ import annotations

import os
from pathlib import Path

from bot.knowledge.entries import LANGUAGES

YAML = (".yml", ".yaml")


def entry_files(folder: Path, language: str) -> list[Path]:
    return _files(folder / "knowledge" / language, (".md",))


def phrase_file(folder: Path, language: str) -> Path:
    return folder / "knowledge" / language / "phrases.yml"


def intent_files(folder: Path, language: str) -> list[Path]:
    return _files(folder / "intents" / language, YAML)


def chart_files(folder: Path) -> list[Path]:
    return _files(folder / "knowledge" / "size-charts", YAML)


def all_files(folder: Path) -> list[Path]:
    """Return every file that is read, there or not."""
    found = chart_files(folder)
    for language in LANGUAGES:
        found += [*entry_files(folder, language), phrase_file(folder, language), *intent_files(folder, language)]
    return found


def _files(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    """Return the files below `folder` by name; hidden ones, backups and locks of editors are left out."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(place, name)
            for name in names
            if name.lower().endswith(endings) and not name.startswith((".", "~", "#"))
        ]
    return sorted(found)

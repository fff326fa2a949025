"""Keeps what was read: a good set is parsed once and taken from one file ever after, until a source changes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.knowledge.entries import Entry, Knowledge, Phrase, SizeChart
from bot.knowledge.files import all_files

NAME = "knowledge.json"


@dataclass(frozen=True, slots=True)
class _Kept:
    """A set in the form of its file, with the digest of what it was read from."""

    digest: str
    entries: Sequence[Entry]
    phrases: Sequence[Phrase]
    charts: Sequence[SizeChart]
    intents: Mapping[str, Mapping[str, tuple[str, ...]]]


def digest_of(folder: Path, rules: Any) -> str:
    """Return a name for what comes of the files below `folder` under `rules` (JSON) and the code as it is now.

    Raises:
        OSError: a file is missing or cannot be read.
    """
    digest = blake2b(json.dumps(rules, sort_keys=True).encode(), digest_size=16)
    code = sorted(Path(__file__).parent.glob("*.py"))
    for path in [*code, *all_files(folder)]:
        content = path.read_bytes()
        name = path.relative_to(folder) if path.is_relative_to(folder) else path.name
        digest.update(f"{name} {len(content)} ".encode(errors="surrogateescape"))
        digest.update(content)
    return digest.hexdigest()


def kept(place: Path, digest: str) -> Knowledge | None:
    """Return the set that `keep` wrote for `digest` into the folder `place`, None if there is none or a broken one."""
    try:
        found = TypeAdapter(_Kept).validate_json((place / NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    if found.digest != digest:
        return None
    return Knowledge(
        {(entry.id, entry.language): entry for entry in found.entries},
        {(phrase.id, phrase.language): phrase for phrase in found.phrases},
        {chart.category: chart for chart in found.charts},
        found.intents,
    )


def keep(place: Path, digest: str, knowledge: Knowledge) -> None:
    """Write a good set; where nothing can be written, files are parsed each time."""
    form = _Kept(
        digest,
        tuple(knowledge.entries.values()),
        tuple(knowledge.phrases.values()),
        tuple(knowledge.charts.values()),
        knowledge.intents,
    )
    new = place / f"{NAME}.{os.getpid()}.new"
    with suppress(OSError, ValueError):  # e.g. half a character, which no JSON holds
        place.mkdir(parents=True, exist_ok=True)
        try:
            new.write_bytes(TypeAdapter(_Kept).dump_json(form))
            new.replace(place / NAME)
        finally:
            new.unlink(missing_ok=True)

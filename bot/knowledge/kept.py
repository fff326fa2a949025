"""Keeps what was read: each file is parsed once and taken from one file ever after, until its content changes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bot.knowledge.parts import Part, Parts, digest_of

NAME = "knowledge.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was read the last time.

    Attributes:
        code: digest of the code that read it; other code may make something else of it.
        passed: digest of the set and the rules under which it passed.
    """

    code: str
    passed: str
    parts: Sequence[Part] = field(default=())

    def by_file(self) -> Parts:
        return {part.file: part for part in self.parts}


@cache
def code_digest() -> str:
    """Return a name for the code of this room as it is now."""
    return digest_of(b"\0".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))


def kept(place: Path) -> Kept:
    """Return what `keep` wrote into the folder `place`; nothing if it is missing, broken or of other code."""
    try:
        found = TypeAdapter(Kept).validate_json((place / NAME).read_bytes())
    except (OSError, ValidationError):
        found = Kept("", "")
    return found if found.code == code_digest() else Kept(code_digest(), "")


def keep(place: Path, passed: str, parts: Parts) -> None:
    """Write what passed; where nothing can be written, files are parsed each time."""
    new = place / f"{NAME}.{os.getpid()}.new"
    with suppress(OSError, ValueError):  # e.g. half a character, which no JSON holds
        place.mkdir(parents=True, exist_ok=True)
        try:
            new.write_bytes(TypeAdapter(Kept).dump_json(Kept(code_digest(), passed, tuple(parts.values()))))
            new.replace(place / NAME)
        finally:
            new.unlink(missing_ok=True)

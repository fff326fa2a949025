"""Draws winners so that anybody can do it again: by a seed whose hash was told before the first vote. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

ALGORITHM = 'order the entries by sha256("{seed}:{entry}") as lower-case hexadecimal text; the first win'


def commitment(seed: str) -> str:
    """Return what is told of a seed while it is secret: the SHA-256 of its text, in hexadecimal."""
    return hashlib.sha256(seed.encode()).hexdigest()


def drawn(seed: str, entries: Iterable[int], winners: int) -> list[int]:
    """Return the entries that win, the first in front."""
    return sorted(entries, key=lambda entry: commitment(f"{seed}:{entry}"))[:winners]


def ranges(entries: Iterable[int]) -> str:
    """Return numbers in order in few words, e.g. `1–3, 5`."""
    found: list[list[int]] = []
    for entry in sorted(entries):
        if found and entry == found[-1][1] + 1:
            found[-1][1] = entry
        else:
            found.append([entry, entry])
    return ", ".join(f"{first}–{last}" if first != last else f"{first}" for first, last in found)

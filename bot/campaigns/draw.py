"""Draws winners so that anybody can do it again: by a seed whose hash was told before the first vote. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ALGORITHM = (
    'order the entries but for those passed over by sha256("{seed}:{entry}") as lower-case hexadecimal text; '
    "the first win"
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of a draw, the first in front; `passed_over` stand before the last winner and win nothing."""

    winners: tuple[int, ...]
    passed_over: tuple[int, ...]


def commitment(seed: str) -> str:
    """Return what is told of a seed while it is secret: the SHA-256 of its text, in hexadecimal."""
    return hashlib.sha256(seed.encode()).hexdigest()


def drawn(seed: str, owners: Mapping[int, str], winners: int) -> Drawn:
    """Draw so many winners.

    Args:
        owners: whose each entry is. Nobody wins twice; empty for an entry that is nobody's any more.
    """
    won: dict[str, int] = {}
    passed: list[int] = []
    for entry in sorted(owners, key=lambda entry: commitment(f"{seed}:{entry}")):
        if len(won) == winners:
            break
        if not owners[entry] or owners[entry] in won:
            passed.append(entry)
        else:
            won[owners[entry]] = entry
    return Drawn(tuple(won.values()), tuple(passed))


def ranges(entries: Iterable[int]) -> str:
    """Return numbers in order in few words, e.g. `1–3, 5`."""
    found: list[list[int]] = []
    for entry in sorted(entries):
        if found and entry == found[-1][1] + 1:
            found[-1][1] = entry
        else:
            found.append([entry, entry])
    return ", ".join(f"{first}–{last}" if first != last else f"{first}" for first, last in found)

"""What the bot understood in a message and decided, as agents read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the bot understood and decided. `confidence` is its score, higher is surer, None if it did not measure."""

    intent: str
    confidence: float | None
    entry: str
    skill: str
    decision: str
    why: tuple[str, ...]


def meaning_of(stored: Any) -> Meaning | None:
    """Return what a stored `inbox.meaning` says, None if the bot understood nothing."""
    if not isinstance(stored, dict) or not (stored.get("intent") or stored.get("entry") or stored.get("skill")):
        return None
    score = stored.get("confidence")
    why = stored.get("why") or ()
    return Meaning(
        intent=str(stored.get("intent") or ""),
        confidence=float(score) if isinstance(score, int | float) else None,
        entry=str(stored.get("entry") or ""),
        skill=str(stored.get("skill") or ""),
        decision=str(stored.get("decision") or ""),
        why=tuple(str(w) for w in why) if isinstance(why, list | tuple) else (str(why),),
    )

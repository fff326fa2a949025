"""What Rasa's `/model/parse` says, on our scale: intents and entries in one list, with confidences of 0 to 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.rasa.project import FAQ

NO_LABELS = frozenset({FAQ, "nlu_fallback"})


class Nonsense(ValueError):
    """It is not the form that Rasa 3 answers in."""


def scores_of(parsed: Any, retrieval_intent: str = FAQ) -> list[tuple[str, float]]:
    """Return labels with confidences, best first.

    An entry's is that of the retrieval intent times that of its response below it, so that intents and entries share
    one whole.

    Raises:
        Nonsense: something is missing or no confidence.
    """
    intents = dict(_ranking(parsed, ("intent_ranking",), "name"))
    whole = intents.get(retrieval_intent, 0.0)
    found = [(name, score) for name, score in intents.items() if name not in NO_LABELS]
    if retrieval_intent in intents:
        path = ("response_selector", retrieval_intent, "ranking")
        for key, share in _ranking(parsed, path, "intent_response_key"):
            found.append((key.removeprefix(f"{retrieval_intent}/"), whole * share))
    if not found:
        raise Nonsense("it names no intent")
    return sorted(found, key=lambda scored: -scored[1])


def _ranking(parsed: Any, path: tuple[str, ...], key: str) -> Iterator[tuple[str, float]]:
    for name in path:
        parsed = parsed.get(name) if isinstance(parsed, dict) else None
    if not isinstance(parsed, list):
        raise Nonsense(f"it has no list `{'.'.join(path)}`")
    for item in parsed:
        label, score = (item.get(key), item.get("confidence")) if isinstance(item, dict) else (None, None)
        if not isinstance(label, str) or isinstance(score, bool) or not isinstance(score, (int, float)):
            raise Nonsense(f"an item of `{'.'.join(path)}` has no `{key}` or `confidence`")
        if not 0 <= score <= 1.0001:  # NaN fails too; sums of rounded shares may be a trace above 1
            raise Nonsense(f"{score} is no confidence")
        yield label, float(score)

"""What stands among the phrasings word for word is what its writer meant by it, whatever else it resembles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.understanding.ranker import Ranking
from bot.understanding.text import OUT_OF_SCOPE, letters

Verbatim = Mapping[tuple[str, str], str]
"""(language, letters of a phrasing) → its label."""


def verbatim(rows: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> Verbatim:
    """Return the label of every phrasing of `rows` (texts and labels by language) that stands under one label only."""
    found: dict[tuple[str, str], set[str]] = {}
    for language, (texts, labels) in rows.items():
        for text, label in zip(texts, labels, strict=True):
            found.setdefault((language, letters(text)), set()).add(label)
    return {key: label for key, (label, *others) in found.items() if key[1] and not others and label != OUT_OF_SCOPE}


def in_front(ranking: Ranking, label: str) -> Ranking:
    """Return `ranking` with `label` in front, and acted on; but no surer than it was, or than that needs."""
    if ranking.labels and ranking.labels[0][0] == label and ranking.labels[0][1] >= ranking.bounds.enough:
        return ranking
    scores = dict(ranking.labels)
    highest = max(scores.values(), default=ranking.bounds.enough)
    score = max(scores.pop(label, ranking.bounds.enough), highest, ranking.bounds.enough)
    return replace(
        ranking, labels=((label, score), *scores.items()), why=(*ranking.why, f"word for word a phrasing of {label}")
    )

"""The semantic engine: an encoder's opinion is added to the builtin margins, never put in their place."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from bot.understanding.embeddings import encoded
from bot.understanding.encoder import Encoder
from bot.understanding.heads import Head, fit, read_head, write_head
from bot.understanding.learning import Rows, keep_last_used
from bot.understanding.mixing import chosen
from bot.understanding.ranker import ENOUGH, Builtin, Ranking

KEPT = 12
"""Heads that stay in a folder, the last used ones."""


@dataclass(frozen=True, slots=True)
class Semantic:
    """Ranks with encoder and builtin together; in a language in which the encoder is no use, `builtin` alone."""

    builtin: Builtin
    encoder: Encoder
    heads: Mapping[str, Head]

    @property
    def languages(self) -> Collection[str]:
        return self.builtin.languages

    def rank(self, text: str, language: str) -> Ranking:
        head = self.heads[language]
        if not head.mix.is_useful or head.bounds is None:
            return self.builtin.rank(text, language)
        why = f"builtin + {head.mix.opinion:g} × encoder + {head.mix.nearest:g} × likeness to the nearest phrasing"
        return Ranking(tuple(self.scores(text, language)[:ENOUGH]), head.bounds, (why,))

    def scores(self, text: str, language: str) -> list[tuple[str, float]]:
        """Return every label with its score, best first."""
        head, margins = self.heads[language], self.builtin.classifiers[language].margins(text)
        if not head.mix.is_useful:
            return margins
        added = dict(zip(head.labels, head.added(self.encoder.encode([text])[0]).tolist(), strict=True))
        mix = head.mix
        mixed = [
            (label, mix.slope * (margin + added[label]) + mix.shift) for label, margin in margins if label in added
        ]
        return sorted(mixed, key=lambda scored: -scored[1])


def learn_semantic(rows: Mapping[str, Rows], builtin: Builtin, encoder: Encoder, folder: Path) -> Semantic:
    """Return the engine for `rows` by language, from files in `folder` as far as they are there. May take minutes.

    Args:
        builtin: trained on the same rows.
        folder: made if it is missing. Where nothing can be written, learning is repeated each time.

    Raises:
        CannotLearn: the process that trains the builtin part of the folds did not end well.
    """
    return Semantic(builtin, encoder, {language: _head(own, encoder, folder) for language, own in rows.items()})


def _head(rows: Rows, encoder: Encoder, folder: Path) -> Head:
    path = folder / f"{_digest(rows, encoder)}.head.npz"
    with suppress(OSError, ValueError):
        head = read_head(path)
        path.touch()
        return head
    texts, labels = rows
    vectors = encoded(texts, encoder, folder)
    mix, bounds = chosen(rows, vectors)
    head = fit(vectors, labels, mix, bounds)
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        write_head(path, head)
        keep_last_used(folder, "*.head.npz", KEPT)
    return head


def _digest(rows: Rows, encoder: Encoder) -> str:
    """Return a name for what comes of `rows` with this encoder under the same code."""
    digest = blake2b(digest_size=16)
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    digest.update(json.dumps([encoder.key, *rows]).encode())
    return digest.hexdigest()

"""Rasa as the engine: asked over HTTP, and done without while it is slow, gone or talks nonsense."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import structlog

from bot.rasa.scores import Nonsense, scores_of
from bot.rasa.server import Server, Unusable
from bot.understanding.ranker import ENOUGH, MARGINS, Bounds, Ranker, Ranking

KNOTS = ((0.0, -1.0), (0.15, MARGINS.ask), (0.85, MARGINS.act), (0.95, MARGINS.sure), (1.0, 1.0))
"""Confidences, and the margins that mean the same: with them every rule that was made for the builtin engine's margins
fits Rasa too. 0.15 and 0.85 were chosen on a fifth of the English starter phrasings and a tenth of their labels, held
out as unknown: 0.4 and 0.7 would act on twice as much that is right, and on five times as much that is wrong."""
BOUNDS = Bounds(act=MARGINS.act, ask=MARGINS.ask, lead=0.8, sure=MARGINS.sure)
"""A best label that is not acted on by itself is as good as never so far ahead that it is acted on for that."""
REST_S = 5.0
"""After a failure Rasa is left alone for so long: a dead server costs its timeout once in this time, not every time."""
log = structlog.get_logger()


@dataclass(slots=True)
class RasaRanker:
    """Ranks by Rasa, by `builtin` where Rasa cannot be used; `why` says which it was.

    Attributes:
        servers: by language; a language without one is always ranked by `builtin`.
        labels: by language, those that mean something here: Rasa may have been trained on other knowledge.
        monotonic: a clock in seconds.
    """

    builtin: Ranker
    servers: Mapping[str, Server]
    labels: Mapping[str, Collection[str]]
    monotonic: Callable[[], float] = time.monotonic
    _rests_until: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def languages(self) -> Collection[str]:
        return self.builtin.languages

    def rank(self, text: str, language: str) -> Ranking:
        server = self.servers.get(language)
        if server is None:
            return self._without(text, language, "rasa has no server for this language")
        if not self._may_ask(language):
            return self._without(text, language, "rasa failed a moment ago")
        try:
            known = self.labels.get(language, ())
            scored = [one for one in scores_of(server.parse(text)) if one[0] in known]
            if not scored:
                raise Nonsense("no label of its is known here: train it anew (`zhanggui rasa train`)")
        except (Unusable, Nonsense) as error:
            self._went(language, str(error))
            return self._without(text, language, f"rasa: {error}")
        self._came_back(language)
        why = f"engine rasa, {scored[0][0]} with a confidence of {scored[0][1]:.2f}"
        return Ranking(tuple((label, margin_of(score)) for label, score in scored[:ENOUGH]), BOUNDS, (why,))

    def _without(self, text: str, language: str, why: str) -> Ranking:
        ranking = self.builtin.rank(text, language)
        return Ranking(ranking.labels, ranking.bounds, (f"engine builtin, as {why}", *ranking.why))

    def _may_ask(self, language: str) -> bool:
        """Whether to ask now; while Rasa is gone, one caller in `REST_S` tries."""
        with self._lock:
            until = self._rests_until.get(language)
            now = self.monotonic()
            if until is None:
                return True
            if now < until:
                return False
            self._rests_until[language] = now + REST_S
            return True

    def _went(self, language: str, why: str) -> None:
        with self._lock:
            is_new = language not in self._rests_until
            self._rests_until[language] = self.monotonic() + REST_S
        if is_new:
            log.warning("rasa_gone", language=language, why=why, instead="builtin")

    def _came_back(self, language: str) -> None:
        with self._lock:
            was_gone = self._rests_until.pop(language, None) is not None
        if was_gone:
            log.info("rasa_back", language=language)


def margin_of(confidence: float) -> float:
    """Return the margin that means what `confidence` means; the order of labels stays."""
    for (low, from_margin), (high, to_margin) in pairwise(KNOTS):
        if confidence <= high:
            return from_margin + (to_margin - from_margin) * (confidence - low) / (high - low)
    return KNOTS[-1][1]

"""Asks the same questions of two minds: which answers would be others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from bot.ask import Answer, ask, what_was_decided
from bot.brain import Brain, Mind
from bot.settings import Settings
from bot.skills.turn import State
from bot.understanding.engine import training_rows
from bot.understanding.ranker import Ranker, Ranking


@dataclass(frozen=True, slots=True)
class Once:
    """Ranks each text once and remembers it: half the work where two minds are asked the same."""

    ranker: Ranker
    known: dict[tuple[str, str], Ranking] = field(default_factory=dict)

    @property
    def languages(self) -> Collection[str]:
        return self.ranker.languages

    def rank(self, text: str, language: str) -> Ranking:
        found = self.known.get((text, language))
        if found is None:
            found = self.known[text, language] = self.ranker.rank(text, language)
        return found


@dataclass(frozen=True, slots=True)
class Reply:
    """What a question comes to: `answer shipping-fee`, `skill returns`, `clarify`, and the words."""

    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A question that is answered differently."""

    question: str
    before: Reply
    after: Reply


def replay(before: Mind, after: Mind, questions: Iterable[str], settings: Settings, now: datetime) -> list[Change]:
    """Return the questions whose reply differs, asked as the first message of a conversation."""
    old, new = (Brain(Path(), settings, mind) for mind in _as_one(before, after))
    found: list[Change] = []
    for question in dict.fromkeys(questions):
        was, then = (reply_of(ask(brain, settings, question, None, State(), now)[0]) for brain in (old, new))
        if was != then:
            found.append(Change(question, was, then))
    return found


def _as_one(before: Mind, after: Mind) -> tuple[Mind, Mind]:
    """Return both minds, with one engine that ranks each text once where they learnt from the same phrasings."""
    if training_rows(before.knowledge) != training_rows(after.knowledge):
        return before, after
    engine = replace(after.engine, ranker=Once(after.engine.ranker))
    return replace(before, engine=engine), replace(after, engine=engine)


def reply_of(answer: Answer) -> Reply:
    """Return what was decided, in a line, and what is said."""
    return Reply(what_was_decided(answer), "\n".join([answer.answer, *answer.choices]))

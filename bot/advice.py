"""What the bot can tell an agent: answers that may fit a customer's message, and the shop's canned replies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bot.brain import Brain, Mind
from bot.clock import Clock
from bot.knowledge.entries import CannedReply, Entry
from bot.knowledge.fields import FIELD
from bot.settings import Settings
from bot.skills.turn import Say
from bot.understanding.engine import Catalogue, Meaning
from bot.voice import NOBODY

MOST = 3
MOST_KEPT = 500
"""Messages whose meaning is kept: an open page is redrawn many times with the same one."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An answer of the knowledge that may fit.

    Attributes:
        id, version: of the entry it comes from.
        question: the first phrasing of that entry.
        score: the engine's margin, higher is surer.
    """

    id: str
    version: str
    question: str
    text: str
    score: float


class _Kept:
    """What the mind in use understood of the newest messages, by text and language. Several threads may ask."""

    def __init__(self) -> None:
        self._now: tuple[Mind | None, dict[tuple[str, str], Meaning]] = None, {}

    def of(self, mind: Mind) -> dict[tuple[str, str], Meaning]:
        """Return what this very mind understood."""
        now = self._now
        if now[0] is not mind:
            now = self._now = mind, {}
        return now[1]


@dataclass(frozen=True, slots=True)
class Advice:
    """Asks the mind in use; every call sees one good set."""

    brain: Brain
    settings: Settings
    clock: Clock
    _kept: _Kept = field(default_factory=_Kept, repr=False, compare=False)

    def suggest(self, text: str, language: str) -> tuple[Suggestion, ...]:
        """Return the answers that may fit a message, best first, at most three; none that the bot would not ask about.

        Takes milliseconds of processor time, for a message that was asked about a moment ago much less.

        Args:
            language: of the conversation, where the text does not tell.
        """
        mind = self.brain.mind
        meaning = self._understood(mind, text, language or self.settings.shop.language)
        now_local = self.clock.now().astimezone(self.settings.shop.zone)
        found: dict[str, Suggestion] = {}
        for label, margin in meaning.ranked:
            entry = mind.knowledge.entry(label, meaning.language)
            if entry is None or margin < meaning.bounds.ask or not entry.is_valid_at(now_local):
                continue
            said = mind.voice.speak((Say(entry.id),), meaning.language, replace(NOBODY, now_local=now_local)).text
            found.setdefault(entry.id, Suggestion(entry.id, entry.version, _question(entry), said, round(margin, 2)))
        return tuple(found.values())[:MOST]

    def replies(self) -> tuple[CannedReply, ...]:
        """Return the canned replies of all languages, with the shop's own fields filled in."""
        mind = self.brain.mind
        fields = mind.voice.fields
        return tuple(
            replace(reply, text=FIELD.sub(lambda m, f=fields[reply.language]: f.get(m[1], m[0]), reply.text))  # type: ignore[misc]
            for reply in mind.knowledge.replies
        )

    def _understood(self, mind: Mind, text: str, language: str) -> Meaning:
        known = self._kept.of(mind)
        if (meaning := known.get((text, language))) is None:
            catalogue = Catalogue(order_number=self.settings.shop.order_number)
            meaning = mind.engine.understand(text, language, catalogue)
            if len(known) >= MOST_KEPT:
                known.clear()
            known[text, language] = meaning
        return meaning


def _question(entry: Entry) -> str:
    return entry.ask[0] if entry.ask else entry.id

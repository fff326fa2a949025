"""The port behind which engines stand: a text in, every label with a score out, and the bounds those scores have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from bot.understanding.classifier import Classifier

ENOUGH = 5
"""So many labels are worth keeping of a ranking."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where an engine's scores mean what.

    Attributes:
        act: from here up the best label is acted on.
        ask: from here up to `act` the customer is asked which of the best labels was meant; below, nothing fits.
        lead: a best label between the two that is so far ahead of the next is acted on all the same.
        sure: above it a label is beyond doubt: it may end what was being done.
        later: how much later than usual this message is acted on, for how odd it sounds; less than 0 is sooner.
    """

    act: float
    ask: float
    lead: float
    sure: float = 0.0
    later: float = 0.0

    def moved(self, by: float) -> Bounds:
        """Return bounds that act so much later, and ask as soon as before.

        Being far ahead says little of an odd message: what is none of the shop's business is like no two labels.
        """
        lead = self.lead + max(by, 2 * by)
        return replace(self, act=self.act + by, lead=lead, sure=self.sure + by, later=self.later + by)

    @property
    def usual(self) -> Bounds:
        """The bounds before they were moved."""
        lead = self.lead - max(self.later, 2 * self.later)
        return replace(self, act=self.act - self.later, lead=lead, sure=self.sure - self.later, later=0.0)

    @property
    def enough(self) -> float:
        """From here up the best label is acted on, moved or not."""
        return max(self.act, self.act - self.later)


MARGINS = Bounds(act=0.0, ask=-0.8, lead=0.7, sure=0.1)
"""Of the builtin engine's margins, for every shop: a text gets the same decision in preview and live, and an edit
changes no bounds but by what it makes sound odd (`Bounds.moved`). Chosen on the odd lines of the two oldest sets
as those that do most right with about one wrong act in a hundred messages; the even lines, of which only totals were
seen, say whether that holds."""


PER_ODDS, USUAL_ODDS = 0.06, -2.5
"""How much later a message is acted on for each point of log odds, above the usual, that it is not for the shop.

Chosen on the two older message sets and the odd lines of the third, so that no fewer messages are right at once."""
SOONEST, LATEST = -0.2, 0.4


def later_by(odds: float) -> float:
    """Return how much later to act on a message with these log odds; less than 0 is sooner."""
    return max(SOONEST, min(LATEST, PER_ODDS * (odds - USUAL_ODDS)))


@dataclass(frozen=True, slots=True)
class Ranking:
    """The labels (intents and entry ids on one scale) with scores, best first; and lines for people who wonder."""

    labels: tuple[tuple[str, float], ...]
    bounds: Bounds
    why: tuple[str, ...] = ()


class Ranker(Protocol):
    """An engine: builtin, semantic or rasa. The same data give the same ranking, in preview and live."""

    @property
    def languages(self) -> Collection[str]:
        """Languages it was trained in."""

    def rank(self, text: str, language: str) -> Ranking:
        """Return the best labels for `text`; `language` is one of `languages`. Never raises for any text."""


@dataclass(frozen=True, slots=True)
class Builtin:
    """The builtin engine: one linear classifier a language."""

    classifiers: Mapping[str, Classifier]

    @property
    def languages(self) -> Collection[str]:
        return self.classifiers.keys()

    def rank(self, text: str, language: str) -> Ranking:
        best, odds = self.classifiers[language].best_and_oddness(text, ENOUGH)
        if odds is None:
            return Ranking(tuple(best), MARGINS)
        later = later_by(odds)
        why = f"acts {abs(later):.2f} {'later' if later > 0 else 'sooner'}, by how odd it sounds ({odds:+.1f})"
        return Ranking(tuple(best), MARGINS.moved(later), (why,))

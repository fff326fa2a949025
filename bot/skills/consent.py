"""A customer's yes or no to being written to: to marketing, or to news of parcels. Works in every state of the
dialogue.
"""

from __future__ import annotations

from bot.skills.turn import PARCELS, Say, SetConsent, Skill, Step, Turn, phrases
from bot.understanding.notices import parcel_news
from bot.understanding.text import normal

PHRASES = phrases(consent="on; off; parcels_on; parcels_off")
YES, NO = "subscribe", "unsubscribe"


def heard(turn: Turn) -> str:
    """Return the intent of a message that speaks of news of parcels, which sounds like other wishes; else empty."""
    wanted = None if turn.choice else parcel_news(normal(turn.text))
    return "" if wanted is None else YES if wanted else NO


def run(turn: Turn) -> Step | None:
    """Store the answer with the customer's own words as proof."""
    of_parcels = heard(turn)
    granted = (of_parcels or turn.meaning.best) == YES
    if of_parcels:
        said = Say("consent.parcels_on" if granted else "consent.parcels_off")
        return Step((said,), turn.state, (SetConsent(granted, turn.text[:200], PARCELS),))
    said = Say("consent.on" if granted else "consent.off")
    version = turn.knowledge.phrases[said.id, turn.language].version
    return Step((said,), turn.state, (SetConsent(granted, turn.text[:200] or turn.choice, version=version),))


SKILL = Skill("consent", frozenset({YES, NO}), run, PHRASES)

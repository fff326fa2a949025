"""A customer's yes or no to being written to. Works in every state of the dialogue."""

from __future__ import annotations

from bot.skills.turn import Say, SetConsent, Skill, Step, Turn, phrases

PHRASES = phrases(consent="on; off")


def run(turn: Turn) -> Step | None:
    """Store the answer with the customer's own words as proof."""
    granted = turn.meaning.best == "subscribe"
    said = Say("consent.on" if granted else "consent.off")
    return Step((said,), turn.state, (SetConsent(granted, turn.text[:200]),))


SKILL = Skill("consent", frozenset({"subscribe", "unsubscribe"}), run, PHRASES)

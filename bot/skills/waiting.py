"""What the bot still does while the conversation is a human's: it keeps out of the talk, but leaves nobody stuck."""

from __future__ import annotations

from bot.skills import consent
from bot.skills.dialogue import wants_human
from bot.skills.turn import Say, Step, Turn


def while_agent_talks(turn: Turn) -> Step | None:
    """A yes or no to marketing counts, and is confirmed, at every moment; else the bot is silent."""
    if turn.meaning.best not in consent.SKILL.intents or turn.meaning.margin <= 0:
        return None
    return consent.SKILL.run(turn)


def while_queued(turn: Turn) -> Step | None:
    """Someone who asks again hears that the call stands; someone who no longer wants a human gets the bot back."""
    if wants_human(turn):
        return Step((Say("handoff.queued" if turn.people_answer else "handoff.closed_hours"),), turn.state)
    if turn.meaning.best == "cancel_dialogue" and turn.meaning.margin > 0:
        return Step((Say("dialogue.cancelled"),), turn.state.idle(), decision="smalltalk", leaves_queue=True)
    return while_agent_talks(turn)

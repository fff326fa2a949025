"""What the bot still does while the conversation is a human's: it keeps out of the talk, but leaves nobody stuck."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.messages import Choice
from bot.skills import complaints, consent
from bot.skills.dialogue import BY_INTENT, asked_again, take_turn, wants_human, wants_no_human
from bot.skills.turn import GAVE_UP, Complain, Say, Step, Turn
from bot.understanding import reasons
from bot.understanding.text import normal

LEAVE = "queue:leave"
"""Token of the choice to wait for a human no longer."""
LEAVES = re.compile(
    r"取消(?:吧|了|掉|人工|转接|排队|等待)*|算了.{0,4}|不(?:等|用等|用)了.{0,6}|.{0,6}(?:不想?等了|不用等|我?自己来|自己看).{0,4}"
    r"|(?:ok |please |just )?cancel(?: (?:it|that|the (?:call|queue|request|handoff)))?|never ?mind.{0,12}|forget it"
    r"|.{0,24}\b(?:(?:don't|do not|no longer) (?:want|need) to wait|stop waiting|no need to wait)\b.{0,24}"
)
"""Said alone, by someone who waits, it is about the waiting."""


def while_agent_talks(turn: Turn) -> Step | None:
    """A yes or no to being written to counts, and is confirmed, at every moment; else the bot is silent."""
    sure = turn.meaning.best in consent.SKILL.intents and turn.meaning.is_sure
    if not (sure or consent.heard(turn)):
        return None
    return consent.SKILL.run(turn)


def while_queued(turn: Turn) -> Step | None:
    """Someone who asks again hears that the call stands; someone who no longer wants a human gets the bot back.

    A complaint is kept as one. A question that the bot could answer is met, once, with the choice to have the bot back;
    it is answered where nobody asked for a human, but the bot had not understood what was said before.
    """
    if _leaves(turn):
        return _left(turn)
    if wants_human(turn):
        return _still_waiting(turn, "handoff.queued" if turn.people_answer else "handoff.closed_hours")
    if complaint := _complaint(turn):
        return Step((Say("desk.complaint"), Say("desk.clocks")), turn.state, (complaint,), decision="handoff")
    if reasons.has_no_photo(normal(turn.text)):
        return Step((Say("handoff.no_photo"),), turn.state, decision="handoff")
    if answered := _after_all(turn):
        return answered
    told = while_agent_talks(turn)
    if told is not None or any(choice.token == LEAVE for choice in turn.state.offered) or not _could_help(turn):
        return told
    return _still_waiting(turn, "handoff.still_waiting")


def _after_all(turn: Turn) -> Step | None:
    """Serve a clear request of someone whom the bot passed on because it did not understand them."""
    if not turn.state.parked.get(GAVE_UP) or not _could_help(turn):
        return None
    step = take_turn(replace(turn, state=turn.state.taken_up()))
    if step.handoff is not None or step.decision not in ("answer", "skill"):
        return None
    return replace(step, says=(Say("handoff.after_all"), *step.says), leaves_queue=True)


def _left(turn: Turn) -> Step:
    """Take the customer out of the queue, and go on where they were when they called for a human."""
    again = asked_again(replace(turn, state=turn.state.taken_up()))
    if again is None or again.effects or again.handoff:
        return Step((Say("handoff.left"),), turn.state.idle(), decision="smalltalk", leaves_queue=True)
    offered = tuple(choice for say in again.says for choice in say.choices)
    state = replace(again.state, offered=offered)
    return Step((Say("handoff.left_going_on"), *again.says), state, decision="smalltalk", leaves_queue=True)


def _leaves(turn: Turn) -> bool:
    said = normal(turn.text)
    if turn.choice:
        return turn.choice == LEAVE
    if said == normal(turn.phrase("handoff.leave")) or wants_no_human(said) or LEAVES.fullmatch(said):
        return True
    return turn.meaning.best == "cancel_dialogue" and turn.meaning.is_sure


def _still_waiting(turn: Turn, phrase: str) -> Step:
    choices = (Choice(LEAVE, turn.phrase("handoff.leave")),)
    return Step((Say(phrase, choices=choices),), replace(turn.state, offered=choices))


def _complaint(turn: Turn) -> Complain | None:
    """Return the case of someone who complains, or is angry, while they wait."""
    best = turn.meaning.best
    if best in (*complaints.RULES, complaints.ANGER):
        return complaints.case_of(turn, best)
    return complaints.case_of(turn, complaints.COMPLAINT) if complaints.sounds(turn) else None


def _could_help(turn: Turn) -> bool:
    """Return whether the bot would act on this, were it asked."""
    best = turn.meaning.best
    entry = turn.knowledge.entry(best, turn.language) if best else None
    return best in BY_INTENT or (entry is not None and not entry.intents)

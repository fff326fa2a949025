"""A person's own measures from one conversation to the next: only with their yes, and gone when they say so."""

from __future__ import annotations

from dataclasses import replace

from bot.messages import Choice
from bot.skills.bodies import Body
from bot.skills.turn import KeepMeasures, PersonView, Say, State, Step, Turn, phrases

FORGET, REMEMBER = "size_forget", "size_keep"
"""Intents."""
YES, NO = "measures:yes", "measures:no"
"""Choices of the question whether measures are to be remembered."""
ASKED_KEEP = "asked_keep"
"""The slot that says that this question was the last."""
ASKED_ONCE = "asked_once"
"""The slot that says that it was put in this talk: a preview stores nothing of a person."""
OTHER_CM, OTHER_KG = 3.0, 12.0
"""Who is so much taller or heavier than last time is somebody else."""
PHRASES = phrases(
    sizing="ask_keep; keep_yes; keep_no; kept measures; kept_new; not_kept; forgotten; nothing_kept; from_last_time"
)


def remembered(person: PersonView, said: Body) -> Body:
    """Return the measures of last time, unless what is said now is plainly of another body."""
    for measure, most in (("height", OTHER_CM), ("weight", OTHER_KG)):
        if (
            measure in said.measures
            and abs(person.measures.get(measure, said.measures[measure]) - said.measures[measure]) > most
        ):
            return Body()
    return Body(dict(person.measures)) if person.keeps_measures else Body()


def may_ask(turn: Turn) -> bool:
    """Return whether the question may be put: once in a person's life, and not before others."""
    asked = turn.state.slots.get(ASKED_ONCE) or turn.person.keeps_measures is not None
    return not asked and not turn.is_group


def question(turn: Turn) -> Say:
    """Return the question; put it together with `KeepMeasures(False)`, so that it is not put again."""
    choices = (Choice(YES, turn.phrase("sizing.keep_yes")), Choice(NO, turn.phrase("sizing.keep_no")))
    return Say("sizing.ask_keep", choices=choices)


def answered(turn: Turn, own: Body, shown: str) -> Step | None:
    """Return what an answer to the question comes to, None if the message is none.

    Args:
        own: the person's own measures, as said in this conversation.
        shown: the same in words.
    """
    if not turn.state.slots.get(ASKED_KEEP):
        return None
    state = replace(asked_no_more(turn.state), unclear=0)
    if turn.choice == YES or (not turn.choice and turn.meaning.best == "affirm"):
        return Step((Say("sizing.kept", {"measures": shown}),), state, (KeepMeasures(True, own.measures),))
    if turn.choice == NO or (not turn.choice and turn.meaning.best == "deny"):
        return Step((Say("sizing.not_kept"),), state)
    return None


def asked_no_more(state: State) -> State:
    """Return the state after the question: whatever is said now, a later yes is to something else."""
    return replace(state, slots={slot: value for slot, value in state.slots.items() if slot != ASKED_KEEP})


def forget(turn: Turn) -> Step:
    """Return the step that forgets the measures, those of this conversation too."""
    said = Say("sizing.forgotten" if turn.person.measures else "sizing.nothing_kept")
    return Step((said,), turn.state.idle(), (KeepMeasures(wanted=False),))


def keep_now(turn: Turn, own: Body, shown: str) -> Step | None:
    """Return the step that remembers what was said, None if nothing was."""
    if not own.measures:
        return None
    return Step((Say("sizing.kept", {"measures": shown}),), turn.state, (KeepMeasures(True, own.measures),))

"""Decides what a turn does: the wish for a human first, then the skill that waits, then the best label, then asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.messages import Choice
from bot.skills import consent, desk, orders, products, proof, returns, sales, sizing
from bot.skills.choices import chosen
from bot.skills.turn import Handoff, Say, Skill, State, Step, Turn, phrases
from bot.understanding.text import normal

SKILLS: Mapping[str, Skill] = {
    skill.name: skill
    for skill in (orders.SKILL, returns.SKILL, sizing.SKILL, products.SKILL, sales.SKILL, consent.SKILL, *desk.SKILLS)
}
OWN_INTENTS = frozenset({"human", "affirm", "deny", "cancel_dialogue", "language_switch"})
BY_INTENT: Mapping[str, Skill] = {intent: skill for skill in SKILLS.values() for intent in skill.intents}
PHRASES = phrases(
    dialogue="which_one; not_understood; unclear_handoff; cancelled; nothing_to_confirm; language; "
    "human_choice",
    handoff="queued; closed_hours; dead_letter",
) | {k: v for skill in SKILLS.values() for k, v in skill.phrases.items()} | proof.PHRASES | phrases(
    cart="followup cart.goods cart.total customer.name; human_button",
    flash="announce sale.product sale.price sale.total sale.ends; claim_button",
    intent="; ".join(intent for skill in SKILLS.values() for intent in sorted(skill.intents)),
)
INTENTS_OF: Mapping[str, frozenset[str]] = {
    **{name: skill.intents for name, skill in SKILLS.items()},
    "dialogue": OWN_INTENTS,
}
HUMAN = Choice("human", "")
UNCLEAR_BEFORE_HANDOFF = 2


def take_turn(turn: Turn) -> Step:
    """Return what this turn comes to. Pure: reads through the ports in `turn`, changes nothing."""
    picked = chosen(turn.text, turn.choice, turn.state.offered)
    turn = replace(turn, choice=picked.token if picked else turn.choice)
    step = _decide(turn)
    offered = tuple(choice for say in step.says for choice in say.choices)
    state = replace(step.state, offered=offered or (turn.state.offered if step.state.skill else ()), language=turn.language)
    return replace(step, state=state)


def _decide(turn: Turn) -> Step:
    if wants_human(turn):
        return to_human(turn, "asked")
    if turn.meaning.best in consent.SKILL.intents and turn.meaning.margin > 0:
        return _run(turn, consent.SKILL) or _unclear(turn)
    if turn.choice.startswith("label:"):
        return _act_on(turn, turn.choice.removeprefix("label:")) or _unclear(turn)
    if turn.choice.startswith("claim:"):
        return _run(turn, sales.SKILL) or _unclear(turn)
    if turn.state.skill and (step := _go_on(turn)) is not None:
        return step
    return _act_on(turn, turn.meaning.best) or _clarify(turn) or _unclear(turn)


def wants_human(turn: Turn) -> bool:
    """Return whether a person is asked for: by button, by the operators' words, or by meaning."""
    by_language = turn.knowledge.intents.get("human", {})
    said = _bare(turn.text)
    return (
        turn.choice == HUMAN.token
        or any(said == _bare(phrasing) for phrasings in by_language.values() for phrasing in phrasings)
        or turn.meaning.best == "human"
    )


def _bare(text: str) -> str:
    return re.sub(r"[^\w]", "", normal(text))


def to_human(turn: Turn, reason: str, *says: Say, priority: int = 0) -> Step:
    """Return the step that puts the conversation into the queue and says when someone answers."""
    said = Say("handoff.queued" if turn.people_answer else "handoff.closed_hours")
    return Step((*says, said), turn.state.idle(), handoff=Handoff(reason, priority), decision="handoff")


def _run(turn: Turn, skill: Skill) -> Step | None:
    step = skill.run(turn)
    if step is None:
        return None
    if step.handoff is not None:
        said = Say("handoff.queued" if turn.people_answer else "handoff.closed_hours")
        step = replace(step, says=(*step.says, said), decision="handoff")
    return replace(step, skill=skill.name)


def _go_on(turn: Turn) -> Step | None:
    """Let the waiting skill have the message; a clear other wish or question is served instead."""
    if turn.meaning.best == "cancel_dialogue":
        return Step((Say("dialogue.cancelled"),), turn.state.idle(), decision="smalltalk")
    skill = SKILLS.get(turn.state.skill)
    other = BY_INTENT.get(turn.meaning.best)
    if skill is None or (other is not None and other is not skill and turn.meaning.margin > 0 and not turn.choice):
        return None
    step = _run(turn, skill)
    if step is None and turn.meaning.best and (turn.meaning.best in turn.knowledge.intents or other is skill):
        return None
    if step is None and turn.meaning.best:  # a question in between: answered, and the skill goes on waiting
        return _answer(turn, turn.meaning.best, turn.state)
    return step


def _act_on(turn: Turn, label: str) -> Step | None:
    fresh = replace(turn, state=turn.state.idle(), meaning=replace(turn.meaning, ranked=((label, 1.0),)) if label else turn.meaning)
    if label in BY_INTENT:
        return _run(fresh, BY_INTENT[label])
    if label == "human":
        return to_human(turn, "asked")
    if label in ("affirm", "deny"):
        return Step((Say("dialogue.nothing_to_confirm"),), turn.state.idle(), decision="smalltalk")
    if label == "cancel_dialogue":
        return Step((Say("dialogue.cancelled"),), turn.state.idle(), decision="smalltalk")
    if label == "language_switch":
        return Step((Say("dialogue.language"),), turn.state.idle(), decision="smalltalk")
    return _answer(turn, label, turn.state.idle()) if label else None


def _answer(turn: Turn, label: str, state: State) -> Step | None:
    entry = turn.knowledge.entry(label, turn.language) or turn.knowledge.entry_for_intent(label, turn.language)
    if entry is None or not entry.is_valid_on(turn.now.astimezone(turn.zone).date()):
        return None
    decision = "smalltalk" if entry.intents else "answer"
    return Step((Say(entry.id),), replace(state, unclear=0), decision=decision, entry=entry.id)


def _clarify(turn: Turn) -> Step | None:
    possible = [label for label in turn.meaning.possible if label_text(turn, label)]
    if not possible or turn.state.unclear + 1 >= UNCLEAR_BEFORE_HANDOFF:
        return None
    human = Choice(HUMAN.token, turn.phrase("dialogue.human_choice"))
    choices = (*(Choice(f"label:{label}", label_text(turn, label)) for label in possible), human)
    state = replace(turn.state, unclear=turn.state.unclear + 1)
    return Step((Say("dialogue.which_one", choices=choices),), state, decision="clarify")


def label_text(turn: Turn, label: str) -> str:
    """Return how a label is offered to a customer: the entry's first phrasing, or the intent's name as a phrase."""
    entry = turn.knowledge.entries.get((label, turn.language))
    if entry is not None and entry.ask:
        return entry.ask[0]
    phrase = turn.knowledge.phrases.get((f"intent.{label}", turn.language))
    return phrase.text if phrase else ""


def _unclear(turn: Turn) -> Step:
    if turn.state.unclear + 1 >= UNCLEAR_BEFORE_HANDOFF:
        return to_human(turn, "unclear", Say("dialogue.unclear_handoff"))
    human = Choice(HUMAN.token, turn.phrase("dialogue.human_choice"))
    state = replace(turn.state, unclear=turn.state.unclear + 1)
    return Step((Say("dialogue.not_understood", choices=(human,)),), state, decision="clarify")

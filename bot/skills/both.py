"""Two requests in one message: what is said to both, in the order that keeps the dialogue clear."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.skills import will
from bot.skills.hearing import ALONE, bare_forms
from bot.skills.offers import labelled
from bot.skills.turn import OPTIONAL, Say, Skill, Step, Turn
from bot.understanding.lexicon import garment_spans
from bot.understanding.text import letters, normal

CANCEL, RETURN = "order_cancel", "return_request"
CANCELLING = (CANCEL, "return_cancel")
"""What a message sounds like that cancels an order and says something of other goods."""


def wishes(turn: Turn, by_intent: Mapping[str, Skill]) -> tuple[str, str] | None:
    """Return the two labels that were asked for in one message, an entry before a skill; None unless there are two.

    What stands among the phrasings word for word is one request, whatever its clauses look like.
    """
    known = {*by_intent, *(label for label, language in turn.knowledge.entries if language == turn.language)} - ALONE
    labels = [label for label, _ in turn.meaning.parts if label in known]
    if len(labels) < 2 or not turn.meaning.ranked or _is_phrasing(turn):  # no ranking: it was heard as something else
        return None
    first, second = labels[:2]
    return (second, first) if first in by_intent and second not in by_intent else (first, second)


def without(turn: Turn, label: str) -> Turn:
    """Return the turn without the clause that wants `label`, where that one and the rest name pieces of their own.

    `swap the chinos and cancel the hoodie` cancels no chinos. A piece that only one of them names is meant by both.
    """
    theirs = [text for one, text in turn.meaning.clauses if one == label]
    rest = [text for one, text in turn.meaning.clauses if one != label]
    if not any(_names_goods(turn, text) for text in theirs) or not any(_names_goods(turn, text) for text in rest):
        return turn
    said = normal(turn.text)
    if len(turn.text) != len(said):  # nobody knows then which signs of the text the clause is
        return turn
    text, entities = turn.text, turn.meaning.entities
    for start, end in (_span(said, one) for one in theirs):
        text = text[:start] + " " * (end - start) + text[end:]
        entities = tuple(one for one in entities if not (start <= one.start < one.end <= end))
    return replace(turn, text=text, meaning=replace(turn.meaning, entities=entities))


def cancels_apart(turn: Turn, label: str) -> tuple[Turn, str, str]:
    """Return the turn cut to the clause that cancels goods of its own, its label, and what is wanted of other goods.

    `cancel the sweater, the dress was fine` cancels no dress. One request stays as it is.
    """
    meaning, said = turn.meaning, normal(turn.text)
    cancelling = [text for one, text in meaning.clauses if one == CANCEL and _names_goods(turn, text)]
    others = [text for one, text in meaning.clauses if one != CANCEL]
    heard_whole = meaning.best or label not in CANCELLING or meaning.value("order") or len(turn.text) != len(said)
    if heard_whole or len(cancelling) != 1 or not any(_names_goods(turn, text) for text in others):
        return turn, label, ""
    start, end = _span(said, cancelling[0])
    text = " " * start + turn.text[start:end] + " " * (len(said) - end)
    entities = tuple(one for one in meaning.entities if start <= one.start < one.end <= end)
    rest = replace(meaning, text=text, ranked=((CANCEL, 1.0),), entities=entities, parts=(), clauses=())
    returned = any(re.search("|".join(will.VERBS[RETURN]), normal(one)) for one in others)
    return replace(turn, text=text, meaning=rest), CANCEL, RETURN if returned else ""


def _span(said: str, clause: str) -> tuple[int, int]:
    start = said.find(normal(clause))
    return (start, start + len(normal(clause))) if start >= 0 else (0, 0)


def _names_goods(turn: Turn, clause: str) -> bool:
    start, end = _span(normal(turn.text), clause)
    named = any(one.kind == "product" and start <= one.start < one.end <= end for one in turn.meaning.entities)
    return named or bool(garment_spans(normal(clause)))


def together(first: Step, second: Step) -> Step:
    """Return two answers as one: choices and state are those of the second, which may be a skill's."""
    said = {say.id for say in second.says}
    says = (*(replace(say, choices=()) for say in first.says if say.id not in said or say.fields), *second.says)
    why = (f"two requests: {first.label} and {second.label}",)
    effects = (*first.effects, *second.effects)
    return replace(second, says=says, entry=first.entry or second.entry, why=why, effects=effects, also=first.label)


def of_two_skills(turn: Turn, first: Step, second: Step) -> Step:
    """Return what two skills come to: together if one of them is done at once, else one after the other.

    What asks something back, or goes to a person, is said last. A person who is needed anyway gets both.
    """
    if _is_done(first):
        return together(first, second)
    if _is_done(second):
        return together(second, first)
    if first.handoff is None:
        return _one_after_the_other(turn, first, second.label)
    handoff = replace(first.handoff, reason=f"{first.handoff.reason} + {second.label}")
    if second.handoff is None:
        return replace(first, handoff=handoff, also=second.label, why=(_in_turn(first, second.label),))
    priority = max(first.handoff.priority, second.handoff.priority)
    return replace(together(first, second), handoff=replace(handoff, priority=priority))


def _is_done(step: Step) -> bool:
    """Return whether nothing is left to ask or to pass on."""
    return step.handoff is None and (not step.state.skill or step.state.step == OPTIONAL)


def _in_turn(first: Step, later: str) -> str:
    return f"two requests: {first.label} first, then {later}"


def _one_after_the_other(turn: Turn, first: Step, later: str) -> Step:
    """Return the step of the first of two skills; the second is offered now and again when the first is done."""
    return replace(offering(turn, first, later), why=(_in_turn(first, later),))


def offering(turn: Turn, step: Step, later: str) -> Step:
    """Return `step` with the other wish offered below; it stays open as long as a skill waits."""
    said = Say("dialogue.and_then", choices=labelled(turn, (later,)))
    return replace(step, says=(*step.says, said), state=replace(step.state, later=later if step.state.skill else ""))


def _is_phrasing(turn: Turn) -> bool:
    label, said = turn.meaning.ranked[0][0], letters(turn.text)
    entry = turn.knowledge.entries.get((label, turn.language))
    phrasings = (*turn.knowledge.intents.get(label, {}).get(turn.language, ()), *(entry.ask if entry else ()))
    return said in bare_forms(phrasings)

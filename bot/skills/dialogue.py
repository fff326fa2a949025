"""Decides what a turn does: the wish for a human first, then the skill that waits, then the best label, then asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.knowledge.entries import Entry
from bot.messages import Choice
from bot.skills import consent, desk, orders, products, proof, returns, sales, sizing
from bot.skills.hearing import bare, hear, wish
from bot.skills.turn import HUMAN, OPTIONAL, Handoff, Say, Skill, State, Step, Turn, phrases

SKILLS: Mapping[str, Skill] = {
    skill.name: skill
    for skill in (orders.SKILL, returns.SKILL, sizing.SKILL, products.SKILL, sales.SKILL, consent.SKILL, *desk.SKILLS)
}
AT_ONCE = (consent.SKILL, sales.SKILL)
"""Skills of one turn: what else was being talked about stays as it was."""
OWN_INTENTS = frozenset({"human", "affirm", "deny", "cancel_dialogue", "language_switch"})
BY_INTENT: Mapping[str, Skill] = {intent: skill for skill in SKILLS.values() for intent in skill.intents}
PHRASES = (
    phrases(
        dialogue="which_one; not_understood; no_words; unclear_handoff; cancelled; nothing_to_confirm; go_on; "
        "language; human_choice",
        handoff="queued; closed_hours; dead_letter",
    )
    | {k: v for skill in SKILLS.values() for k, v in skill.phrases.items()}
    | proof.PHRASES
    | phrases(
        cart="followup cart.goods cart.total customer.name; human_button",
        flash="announce sale.product sale.price sale.total sale.ends; claim_button",
        intent="; ".join(intent for skill in SKILLS.values() for intent in sorted(skill.intents)),
    )
)
ENTRIES = frozenset().union(*(skill.entries for skill in SKILLS.values()))
CHARTS = frozenset().union(*(skill.charts for skill in SKILLS.values()))
INTENTS_OF: Mapping[str, frozenset[str]] = {
    **{name: skill.intents for name, skill in SKILLS.items()},
    "dialogue": OWN_INTENTS,
}
SMALL_TALK = {
    "affirm": "dialogue.nothing_to_confirm",
    "deny": "dialogue.nothing_to_confirm",
    "cancel_dialogue": "dialogue.cancelled",
    "language_switch": "dialogue.language",
}
UNCLEAR_BEFORE_HANDOFF = 2
MOST_OFFERED = 3
LEADS_TO = {f"skill:{skill.name}": min(skill.intents) for skill in SKILLS.values()} | {
    "skill:orders": "order_status",
    "skill:returns": "return_request",
    "skill:products": "product_search",
}


def take_turn(turn: Turn) -> Step:
    """Return what this turn comes to. Pure: reads through the ports in `turn`, changes nothing."""
    step = _decide(hear(turn))
    offered = tuple(choice for say in step.says for choice in say.choices)
    asks_the_same = step.state.skill and (step.state.skill, step.state.step) == (turn.state.skill, turn.state.step)
    kept = tuple(c for c in turn.state.offered if not c.token.startswith(sales.CLAIM)) if asks_the_same else ()
    if all(choice.token.startswith(sales.CLAIM) for choice in offered):  # a sale in between: the question stays open
        offered = (*offered, *kept)
    return replace(step, state=replace(step.state, offered=offered, language=turn.language))


def _decide(turn: Turn) -> Step:
    if wants_human(turn):
        return to_human(turn, "asked")
    if not turn.text.strip() and not turn.choice:
        return _unclear(turn, "dialogue.no_words")
    if turn.choice.startswith("label:"):
        return _act_on(turn, turn.choice.removeprefix("label:")) or _unclear(turn)
    if turn.choice.startswith(sales.CLAIM):
        return _run(turn, sales.SKILL) or _unclear(turn)
    for skill in AT_ONCE:
        if turn.meaning.best in skill.intents and turn.meaning.margin > 0:
            return _run(turn, skill) or _unclear(turn)
    return _go_on(turn) or _act_on(turn, wish(turn, BY_INTENT)) or _clarify(turn) or _unclear(turn)


def wants_human(turn: Turn) -> bool:
    """Return whether a person is asked for: by button, by the operators' words, or by meaning."""
    by_language = turn.knowledge.intents.get("human", {})
    said = bare(turn.text)
    return (
        turn.choice == HUMAN
        or any(said == bare(phrasing) for phrasings in by_language.values() for phrasing in phrasings)
        or turn.meaning.best == "human"
    )


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
    """Let the waiting skill have the message; a clear other wish, or a question in between, is served instead."""
    skill = SKILLS.get(turn.state.skill)
    best = turn.meaning.best
    if skill is None or best == "cancel_dialogue":
        return None
    other = BY_INTENT.get(best, skill)
    if other is not skill and turn.meaning.margin > 0 and best not in skill.hears:
        return None
    return _run(turn, skill) or (_meanwhile(turn, best) if best and best not in BY_INTENT else None)


def _meanwhile(turn: Turn, label: str) -> Step | None:
    """Answer a question or small talk in between; the skill goes on waiting, and says so."""
    if turn.state.step == OPTIONAL:
        return None
    said = _small_talk(label, turn.state) or _answer(turn, label, turn.state)
    says = () if said is None or label in ("affirm", "deny") else tuple(replace(say, choices=()) for say in said.says)
    return said and replace(said, says=(*says, Say("dialogue.go_on", choices=turn.state.offered)))


def _act_on(turn: Turn, label: str) -> Step | None:
    if not label:
        return None
    state = turn.state.idle()
    if label in BY_INTENT:
        fresh = replace(turn, state=state, meaning=replace(turn.meaning, ranked=((label, 1.0),)))
        return _run(fresh, BY_INTENT[label])
    if label == "human":
        return to_human(turn, "asked")
    return _small_talk(label, state) or _answer(turn, label, state)


def _small_talk(label: str, state: State) -> Step | None:
    phrase = SMALL_TALK.get(label)
    return Step((Say(phrase),), replace(state, unclear=0), decision="smalltalk") if phrase else None


def _answer(turn: Turn, label: str, state: State) -> Step | None:
    entry = turn.knowledge.entry(label, turn.language) or turn.knowledge.entry_for_intent(label, turn.language)
    if entry is None or not entry.is_valid_on(turn.now.astimezone(turn.zone).date()):
        return None
    decision = "smalltalk" if entry.intents else "answer"
    said = Say(entry.id, choices=_offers(turn, entry))
    return Step((said,), replace(state, unclear=0), decision=decision, entry=entry.id)


def _offers(turn: Turn, entry: Entry) -> tuple[Choice, ...]:
    """Return what the operator offers after an entry: other entries, and skills by the intent that leads to them."""
    labels = [LEADS_TO.get(target, target) for target in entry.next[:MOST_OFFERED]]
    return tuple(Choice(f"label:{label}", text) for label in labels if (text := label_text(turn, label)))


def _clarify(turn: Turn) -> Step | None:
    possible = [label for label in turn.meaning.possible if label_text(turn, label)]
    unclear = turn.state.unclear + _counts(turn)
    if not possible or unclear >= UNCLEAR_BEFORE_HANDOFF:
        return None
    choices = (*(Choice(f"label:{label}", label_text(turn, label)) for label in possible), *_ways_on(turn))
    state = turn.state.asking_about(turn.text, turn.meaning.entities)
    said = Say("dialogue.which_one", choices=choices)
    return Step((said,), replace(state, unclear=unclear), decision="clarify")


def _ways_on(turn: Turn) -> tuple[Choice, ...]:
    """Return what is offered beside the labels: the answers a skill waits for, and a human."""
    waited_for = turn.state.offered if turn.state.skill else ()
    kept = tuple(c for c in waited_for if c.token != HUMAN and not c.token.startswith("label:"))
    return (*kept, Choice(HUMAN, turn.phrase("dialogue.human_choice")))


def label_text(turn: Turn, label: str) -> str:
    """Return how a label is offered to a customer: the entry's first phrasing, or the intent's name as a phrase."""
    entry = turn.knowledge.entries.get((label, turn.language))
    if entry is not None and entry.ask:
        return entry.ask[0]
    phrase = turn.knowledge.phrases.get((f"intent.{label}", turn.language))
    return phrase.text if phrase else ""


def _unclear(turn: Turn, phrase: str = "dialogue.not_understood") -> Step:
    unclear = turn.state.unclear + _counts(turn)
    if unclear >= UNCLEAR_BEFORE_HANDOFF:
        return to_human(turn, "unclear", Say("dialogue.unclear_handoff"))
    said = Say(phrase if _counts(turn) else "dialogue.no_words", choices=_ways_on(turn))
    return Step((said,), replace(turn.state, unclear=unclear), decision="clarify")


def _counts(turn: Turn) -> bool:
    """Return whether a message that was not understood counts: a thumb or a smile asks for nothing."""
    return not turn.text.strip() or any(character.isalnum() for character in turn.text)

"""Decides what a turn does: the wish for a human first, then the skill that waits, then the best label, then asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import astuple, replace

from bot.skills import (
    age,
    ballot,
    both,
    cases,
    complaints,
    consent,
    coupons,
    csat,
    desk,
    hearing,
    invoices,
    offers,
    orders,
    payments,
    photos,
    price_drop,
    price_protection,
    products,
    proof,
    restock,
    return_wishes,
    returns,
    sales,
    sizing,
    unasked,
    will,
)
from bot.skills.age import with_age
from bot.skills.agreeing import says_yes
from bot.skills.choices import is_question
from bot.skills.hearing import bare_forms, hear, wants_else, wish
from bot.skills.turn import ASKED, HUMAN, OPTIONAL, Handoff, Note, Prove, Say, Skill, State, Step, Turn, phrases
from bot.understanding.engine import Meaning
from bot.understanding.entities import Entity
from bot.understanding.text import OUT_OF_SCOPE, letters, normal

SKILLS: Mapping[str, Skill] = {
    skill.name: skill
    for skill in (
        orders.SKILL,
        returns.SKILL,
        sizing.SKILL,
        products.SKILL,
        sales.SKILL,
        consent.SKILL,
        invoices.SKILL,
        coupons.SKILL,
        payments.SKILL,
        price_protection.SKILL,
        restock.SKILL,
        price_drop.SKILL,
        complaints.SKILL,
        csat.SKILL,
        ballot.SKILL,
        *desk.SKILLS,
    )
}
AT_ONCE = (consent.SKILL, sales.SKILL)
"""Skills of one turn: what else was being talked about stays as it was."""
OWN_INTENTS = frozenset(
    {
        "human",
        "anger",
        "affirm",
        "deny",
        "cancel_dialogue",
        "language_switch",
        "something_else",
        "confused",
        OUT_OF_SCOPE,
    }
)
BY_INTENT: Mapping[str, Skill] = {intent: skill for skill in SKILLS.values() for intent in skill.intents}
ADDED_BY: Mapping[str, Skill] = {entry: skill for skill in SKILLS.values() for entry in skill.adds_to}
PHRASES = (
    phrases(
        dialogue="which_one; not_understood; no_words; unclear_handoff; cancelled; left_alone; take_your_time; "
        "no_photo; nothing_to_confirm; go_on; "
        "language; human_choice; anger; something_else; confused; and_then",
        handoff="queued; closed_hours; dead_letter; still_waiting; leave; left; left_going_on; after_all; no_photo; "
        "nobody_came; place queue.place; "
        "place_and_wait queue.place queue.from_min queue.to_min",
    )
    | {k: v for skill in SKILLS.values() for k, v in skill.phrases.items()}
    | proof.PHRASES
    | age.PHRASES
    | unasked.PHRASES
    | phrases(
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
    "something_else": "dialogue.something_else",
    "confused": "dialogue.confused",
}
NO_OTHER_WISH = frozenset({*products.SKILL.intents, *SMALL_TALK})
"""After an answer these say nothing against the skill that would hear more: they name goods, or nothing."""
NO_HUMAN = re.compile(
    r"(?<![要能可])(?:(?:不(?:用|要|需要|必|想)|别)(?:再)?(?:找|转|叫|等|麻烦|接)?了?|不[找等]了?|取消转?)(?:人工|真人|客服)(?!智能|.{0,2}吗)"
    r"|\b(?:don't|do not|no longer|needn't) (?:need|want) (?:to (?:talk|speak|wait) (?:to|with|for) )?"
    r"(?:an? |the |any |your )?(?:human|person|agent|operator|representative|colleague)\b"
    r"|\bno (?:human|person|agent) (?:is )?(?:needed|necessary|required)\b"
)
"""Words of someone who needs no human (any more)."""
A_HUMAN = re.compile(r"人工|真人|\b(?:human|person|agent)\b")
NEVER_AGAINST_WILL = ("order_cancel", "address_change", "return_cancel")
"""What a message may ask not to do; a return that is not wanted is called off by its own skill."""
RETURN = "return_request"
NO_REFUND = ("", "deny", RETURN, "refund_status")
"""What a message looks like that says that no money back is wanted."""
REFUSED = ("crisis", "must_not_answer")
UNCLEAR_BEFORE_HANDOFF = 2
BESIDE = 0.3
"""So much less likely than the best label an entry may be that is about what is being talked over."""
GREETING = "greeting"
LEADS_TO: dict[str, str] = {f"skill:{skill.name}": min(skill.intents) for skill in SKILLS.values() if skill.intents} | {
    "skill:orders": "order_status",
    "skill:returns": "return_request",
    "skill:products": "product_search",
    "skill:payments": "payment_trouble",
}


def take_turn(turn: Turn) -> Step:
    """Return what this turn comes to. Pure: reads through the ports in `turn`, changes nothing."""
    heard = _of_parcel_news(turn) or hear(_without_human(turn), tuple(SKILLS.values()))
    step = with_age(heard, _with_later(heard, _decide(heard)))
    offered = tuple(choice for say in step.says for choice in say.choices)
    asks_the_same = step.state.skill and (step.state.skill, step.state.step) == (turn.state.skill, turn.state.step)
    kept = tuple(c for c in turn.state.offered if not c.token.startswith(sales.CLAIM)) if asks_the_same else ()
    if all(choice.token.startswith(sales.CLAIM) for choice in offered):  # a sale in between: the question stays open
        offered = (*offered, *kept)
    state = step.state.older()
    if not any(choice.token.startswith("label:") for choice in offered):
        state = _unasked(state)
    state = state if step.handoff else replace(state, parked={})
    picked = heard.choice.startswith("label:")
    if step.label and step.decision in ("answer", "skill"):
        text = offers.label_text(heard, step.label) if picked else heard.meaning.text
        meaning = _with_cited(replace(heard.meaning, text=text), step)
        state = _still_of_order(heard, step, state.about(step.label, meaning, turn.now, _cited(step, "product")))
    elif step.skill == orders.NAME and not step.state.skill and (meaning := _with_cited(heard.meaning, step)):
        text = state.last.get("text") or turn.text
        state = state.about(hearing.STATUS, replace(meaning, text=text), turn.now) if meaning.value("order") else state
    why = (f"picked {heard.choice}", *step.why) if heard.choice else step.why
    return replace(step, state=replace(state, offered=offered, language=turn.language), why=why)


def _with_cited(meaning: Meaning, step: Step) -> Meaning:
    """Return the meaning with the one product and order that the answer tells of, unless the message told one."""
    for kind in ("product", "order"):
        cited, said = set(_cited(step, kind)), meaning.values(kind)
        if len(cited) == 1 and (not said or (len(said) > 1 and cited < set(said))):  # of several that a word may name
            others = tuple(one for one in meaning.entities if one.kind != kind)
            meaning = replace(meaning, entities=(*others, Entity(kind, cited.pop(), 0, 0)))
    return meaning


def _cited(step: Step, kind: str) -> tuple[str, ...]:
    """Return the ids of the products, or orders, that an answer tells of."""
    sources = (one.id.partition(":") for say in step.says for one in say.sources)
    return tuple(dict.fromkeys(name for what, _, name in sources if what == kind))


def _still_of_order(turn: Turn, step: Step, state: State) -> State:
    """Keep in mind the order that was spoken of while an answer in between is about no order; it grows older."""
    number = proof.spoken_of(turn)
    if step.decision != "answer" or not number or turn.meaning.value("order"):
        return state
    entities = [*state.last["entities"], list(astuple(Entity("order", number, 0, 0)))]
    return replace(state, last={**state.last, "entities": entities, "turns": turn.state.last["turns"] + 1})


def _of_parcel_news(turn: Turn) -> Turn | None:
    """Return the turn as a yes or no to news of parcels, None if it is none."""
    label = consent.heard(turn)
    return replace(turn, meaning=replace(turn.meaning, ranked=((label, 1.0),), parts=())) if label else None


def _decide(turn: Turn) -> Step:
    if wants_human(turn):
        return to_human(turn, "asked")
    if _wants(turn, "anger"):
        step = to_human(turn, "anger", Say("dialogue.anger"), priority=complaints.ANGER_FIRST)
        return replace(step, effects=(complaints.case_of(turn, "anger"),))
    refused = next((label for label in REFUSED if _wants(turn, label)), "")
    if refused and turn.meaning.parts:  # whatever else was asked for in the same breath
        return _act_on(turn, refused) or _unclear(turn)
    if not turn.text.strip() and not turn.choice:
        return (_go_on(turn) if turn.pictures else None) or _unclear(turn, "dialogue.no_words")
    if turn.choice.startswith("label:"):
        return _act_on(turn, turn.choice.removeprefix("label:")) or _unclear(turn)
    if turn.choice.startswith(sales.CLAIM):
        return _run(turn, sales.SKILL) or _unclear(turn)
    if turn.choice.startswith(csat.TOKEN):
        return _run(turn, csat.SKILL) or _unclear(turn)
    if ballot.is_meant(turn):
        return _run(turn, ballot.SKILL) or _unclear(turn)
    if left := _left_alone(turn):
        return left
    alone = turn.state.skill or both.wishes(turn, BY_INTENT) is None
    for skill in AT_ONCE:
        if alone and turn.meaning.best in skill.intents and turn.meaning.is_sure:
            return _run(turn, skill) or _unclear(turn)
    return (
        _again(turn)
        or _go_on(turn)
        or _both(turn)
        or _act_on_wish(turn)
        or photos.without(turn)
        or _clarify(turn)
        or _unclear(turn)
    )


def _left_alone(turn: Turn) -> Step | None:
    """Leave as it is what a message says is not to be done; the skill that has just asked about it hears its no."""
    state, said = turn.state, normal(turn.text)
    likely = (turn.meaning.best or wish(turn, BY_INTENT),)
    denied = (one for one in (likely if likely[0] else turn.meaning.possible) if one in NEVER_AGAINST_WILL)
    label = "" if turn.choice else next((one for one in denied if will.denies(said, one)), "")
    if not turn.choice and not state.skill and likely[0] in NO_REFUND and return_wishes.is_unwanted(said):
        label = RETURN
    if not label:
        return None
    own = [one for one in NEVER_AGAINST_WILL if BY_INTENT[one].name == state.skill and will.denies(said, one)]
    if own and (state.step == cases.ASKED or (state.skill == orders.NAME and state.step not in ("order", "phone"))):
        no = replace(turn, meaning=replace(turn.meaning, ranked=(("deny", 1.0),), parts=()))
        return _run(no, SKILLS[state.skill])
    if turn.meaning.parts:
        return None
    open_still = state.skill and state.skill != BY_INTENT[label].name and state.step != OPTIONAL
    more = (Say("dialogue.go_on", choices=state.offered),) if open_still else ()
    kept = replace(state, unclear=0) if open_still else state.idle()
    return Step((Say("dialogue.left_alone"), *more), kept, decision="smalltalk")


def wants_human(turn: Turn) -> bool:
    """Return whether a person is asked for: by button, by the operators' words, or by meaning."""
    by_language = turn.knowledge.intents.get("human", {})
    said = letters(turn.text)
    if turn.choice != HUMAN and wants_no_human(normal(turn.text)):
        return False
    return (
        turn.choice == HUMAN
        or any(said in bare_forms(tuple(phrasings)) for phrasings in by_language.values())
        or (_wants(turn, "human") and not csat.is_about_people(turn))
    )


def wants_no_human(said: str) -> bool:
    """Return whether a message (normal form) says that nobody is needed: `不用人工了`, not `no bot, a human`."""
    return NO_HUMAN.search(said) is not None and A_HUMAN.search(NO_HUMAN.sub(" ", said)) is None


def _without_human(turn: Turn) -> Turn:
    """Leave out the wish for a human where it is denied."""
    if not wants_no_human(normal(turn.text)):
        return turn
    meaning = turn.meaning
    ranked = tuple(one for one in meaning.ranked if one[0] != "human")
    parts = tuple(one for one in meaning.parts if one[0] != "human")
    return replace(turn, meaning=replace(meaning, ranked=ranked, parts=parts if len(parts) > 1 else ()))


def _wants(turn: Turn, label: str) -> bool:
    """Return whether a message means this, or one of its clauses does."""
    return label in (turn.meaning.best, *(part for part, _ in turn.meaning.parts))


def to_human(turn: Turn, reason: str, *says: Say, priority: int = 0) -> Step:
    """Return the step that puts the conversation into the queue and says when someone answers."""
    said = Say("handoff.queued" if turn.people_answer else "handoff.closed_hours")
    aside = reason in ("asked", "unclear")
    kept = turn.state.put_aside(gave_up=reason == "unclear") if aside else turn.state.idle()
    return Step((*says, said), kept, handoff=Handoff(reason, priority), decision="handoff")


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
    if skill is None or (best == "cancel_dialogue" and best not in skill.hears):
        return None
    other = BY_INTENT.get(best, skill)
    explicit = turn.meaning.is_sure or (turn.meaning.value("order") is not None and best != "order_status")
    if other is not skill and explicit and best not in skill.hears:
        return _beside(turn, best)
    if turn.state.step == OPTIONAL and not skill.weighs and wants_else(turn, skill, BY_INTENT, NO_OTHER_WISH):
        return None
    step = _run(turn, skill)
    if step is None and not turn.meaning.is_sure and (likely := _likeliest_beside(turn, skill)):
        return _meanwhile(turn, likely)
    if step is None and not best:
        return None
    if step is not None or best == "cancel_dialogue":
        return step
    return _meanwhile(turn, best) if other is skill else _beside(turn, best)


def _likeliest_beside(turn: Turn, skill: Skill) -> str:
    """Return what a question that may mean several things means while this skill waits; empty if that is unknown."""
    if turn.choice or not is_question(turn.text) or turn.meaning.is_wary:
        return ""
    meaning, beside = turn.meaning, skill.beside(turn)
    if not meaning.ranked or not beside:
        return ""
    least = max(meaning.margin - BESIDE, meaning.bounds.ask - BESIDE)
    return next((label for label, margin in meaning.ranked if margin >= least and label in beside), "")


def _again(turn: Turn) -> Step | None:
    """Show the question that waits once more where a bare yes follows a list of wishes: it agrees to none of them."""
    skill, asked = SKILLS.get(turn.state.skill), any(c.token.startswith("label:") for c in turn.state.offered)
    if skill is None or turn.choice or not asked or turn.state.step == OPTIONAL or not says_yes(turn, ""):
        return None
    return asked_again(turn)


def asked_again(turn: Turn) -> Step | None:
    """Ask once more what the skill waits for; None where none waits."""
    skill, state = SKILLS.get(turn.state.skill), _unasked(turn.state)
    if skill is None:
        return None
    if skill.repeats:
        nothing = replace(turn.meaning, text="", ranked=(), entities=(), parts=(), heard=())
        return _run(replace(turn, text="", choice="", meaning=nothing, state=replace(state, step="again")), skill)
    return Step((_still_open(turn),), state, decision="smalltalk")


def _unasked(state: State) -> State:
    """Return the state without the message that led to a list of choices."""
    return replace(state, slots={name: value for name, value in state.slots.items() if name != ASKED})


def _beside(turn: Turn, label: str) -> Step | None:
    """Do what another skill does at once, and leave open what was asked; None for what takes more than one turn."""
    step = _act_on(turn, label)
    lasts = (
        step is None or step.state.skill or step.handoff or any(not isinstance(e, Prove | Note) for e in step.effects)
    )
    if step is None or lasts or turn.state.step == OPTIONAL:
        return None
    says = tuple(replace(say, choices=()) for say in step.says)
    return replace(step, says=(*says, _still_open(turn)), state=replace(turn.state, unclear=0))


def _meanwhile(turn: Turn, label: str) -> Step | None:
    """Answer a question or small talk in between; the skill goes on waiting, and says so."""
    if turn.state.step == OPTIONAL:
        return None
    said = _small_talk(turn, label, turn.state) or _answer_and_more(turn, label, turn.state)
    says = () if said is None or label in ("affirm", "deny") else tuple(replace(say, choices=()) for say in said.says)
    return said and replace(said, says=(*says, _still_open(turn)), state=replace(turn.state, unclear=0))


def _still_open(turn: Turn) -> Say:
    """Return the reminder of what was asked, with its own choices: guesses at an earlier message are none of them."""
    choices = tuple(choice for choice in turn.state.offered if not choice.token.startswith("label:"))
    return Say("dialogue.go_on", choices=choices)


def _both(turn: Turn) -> Step | None:
    """Serve two requests of one message: answers first, then what a skill asks back."""
    wanted = both.wishes(turn, BY_INTENT)
    if wanted is None:
        return None
    steps = [_act_on(both.without(turn, wanted[1 - place]), label) for place, label in enumerate(wanted)]
    if steps[0] is None or steps[1] is None:
        return None
    if wanted[0] in BY_INTENT:
        return both.of_two_skills(turn, steps[0], steps[1])
    return both.together(steps[0], steps[1])


def _with_later(turn: Turn, step: Step) -> Step:
    """Offer the second wish of an earlier message once nothing else is open."""
    later, handed_over = turn.state.later, step.handoff is not None
    if not later or turn.choice == f"label:{later}" or handed_over or step.label == "cancel_dialogue":
        return replace(step, state=replace(step.state, later="")) if later else step
    return step if step.state.skill or step.decision == "clarify" else both.offering(turn, step, later)


def _act_on_wish(turn: Turn) -> Step | None:
    cut, label, later = both.cancels_apart(turn, wish(turn, BY_INTENT))
    step = _act_on(cut, label)
    return both.offering(turn, step, later) if step and later else step


def _act_on(turn: Turn, label: str) -> Step | None:
    if not label:
        return None
    state = turn.state.idle()
    if label in BY_INTENT:
        asked = {name: value for name, value in turn.state.slots.items() if name == ASKED}
        fresh = replace(turn, state=replace(state, slots=asked))  # what was asked about before may be what is meant now
        fresh = replace(fresh, meaning=replace(turn.meaning, ranked=((label, 1.0),)))
        step = _run(fresh, BY_INTENT[label])
        return step and replace(step, label=label)
    if label == "human":
        return to_human(turn, "asked")
    return _small_talk(turn, label, state) or _answer_and_more(turn, label, state)


def _answer_and_more(turn: Turn, label: str, state: State) -> Step | None:
    """Answer with an entry; a skill adds what it can say of the things named without having to ask."""
    step, skill = _answer(turn, label, state), ADDED_BY.get(label)
    if step is None or skill is None:
        return step
    more = skill.run(replace(turn, state=state, meaning=replace(turn.meaning, ranked=((label, 1.0),))))
    if more is None or more.state.step != OPTIONAL:
        return step
    return replace(
        step,
        says=(*(replace(say, choices=()) for say in step.says), *more.says),
        state=more.state,
        effects=more.effects,
    )


def _small_talk(turn: Turn, label: str, state: State) -> Step | None:
    phrase = SMALL_TALK.get(label)
    if phrase is None:
        return None
    choices = offers.popular(turn) if label in ("something_else", "confused") else ()
    choices += (offers.human(turn),) if label == "confused" else ()
    said = Say(phrase, choices=choices)
    return Step((said,), replace(state, unclear=0), decision="smalltalk", label=label)


def _answer(turn: Turn, label: str, state: State) -> Step | None:
    entry = turn.knowledge.entry(label, turn.language) or turn.knowledge.entry_for_intent(label, turn.language)
    if entry is None or not entry.is_valid_at(turn.now.astimezone(turn.zone)):
        return None
    decision = "smalltalk" if entry.intents else "answer"
    choices = offers.popular(turn) if GREETING in entry.intents else offers.after(turn, entry, LEADS_TO)
    said = Say(entry.id, choices=choices)
    return Step((said,), replace(state, unclear=0), decision=decision, entry=entry.id, label=label)


def greet(turn: Turn) -> Step:
    """Return the first words to someone who opened the chat."""
    step = _answer(turn, GREETING, State(language=turn.state.language)) or Step((), turn.state, decision="smalltalk")
    offered = tuple(choice for say in step.says for choice in say.choices)
    return replace(step, state=State(language=turn.state.language, offered=offered))


def _clarify(turn: Turn) -> Step | None:
    possible = offers.labelled(turn, turn.meaning.possible)
    unclear = turn.state.unclear + _counts(turn)
    if not possible or unclear >= UNCLEAR_BEFORE_HANDOFF:
        return None
    state = turn.state.asking_about(turn.text, turn.meaning.entities)
    said = Say("dialogue.which_one", choices=(*possible, *offers.ways_on(turn)))
    return Step((said,), replace(state, unclear=unclear), decision="clarify")


def _unclear(turn: Turn, phrase: str = "dialogue.not_understood") -> Step:
    unclear = turn.state.unclear + _counts(turn)
    if unclear >= UNCLEAR_BEFORE_HANDOFF:
        return to_human(turn, "unclear", Say("dialogue.unclear_handoff"))
    said = Say(phrase if _counts(turn) else "dialogue.no_words", choices=offers.ways_on(turn))
    return Step((said,), replace(turn.state, unclear=unclear), decision="clarify")


def _counts(turn: Turn) -> bool:
    """Return whether a message that was not understood counts: a thumb or a smile asks for nothing."""
    return not turn.text.strip() or any(character.isalnum() for character in turn.text)

"""Sizing: hears measures, usual sizes and wishes in any order, for whoever they are, and advises from the chart."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.knowledge.entries import SizeChart
from bot.skills import looks, offers, remembering, sized, stocked
from bot.skills.bodies import Body
from bot.skills.choices import is_question
from bot.skills.fitting import LOW, Advice, advise
from bot.skills.sizetalk import ABOUT_CHILDREN, CHARTS, NAME, SLOTS_VERSION, Talk, asks_size, talk_of
from bot.skills.stocked import own_names
from bot.skills.turn import OPTIONAL, KeepMeasures, Say, Skill, Step, Turn, phrases
from bot.skills.votes import BODY
from bot.understanding.entities import COUNTED, MEASURES
from bot.understanding.fit import ME
from bot.understanding.text import normal

SIZE_ADVICE = "size_advice"
ABOUT_SIZES = ("sizing-shoes-convert", ABOUT_CHILDREN)
"""Entries that say how sizes are read."""
LIKE_MEASURES = frozenset({"size", "size_label", "length", *MEASURES})
"""What a number may be that was meant as a measure."""
NUMBERS = re.compile(r"\d+(?:[.,]\d+)?")
OTHER_UNIT = re.compile(
    rf"\d ?(?!kg|m\b|cm|mm|met|st\b|ft)(?:{COUNTED}|[岁元块欧镑]|years?|euros?|dollars?|pounds?)(?![a-z])"
)
MOST_WORDS = 3
PHRASES = (
    phrases(
        sizing="ask_measures chart.measures; more chart.measures; ask_sex; ask_system said; twice one other; "
        "unread said; odd one other; odd_usual one; odd_age one"
    )
    | sized.PHRASES
    | stocked.PHRASES
    | remembering.PHRASES
)


def run(turn: Turn) -> Step | None:
    """Recommend a size; ask for what is missing; remember and forget measures."""
    best = turn.meaning.best
    if best == remembering.FORGET:
        return remembering.forget(turn)
    waits = turn.state.skill == NAME
    if waits and turn.state.slots.get("version") != SLOTS_VERSION:
        turn = replace(turn, state=turn.state.idle())
    talk = talk_of(turn)
    own = talk.people.get(ME, Body())
    answer = remembering.answered(turn, own, sized.all_measures(turn, own)) if not talk.news else None
    if answer is not None:
        return answer
    turn = replace(turn, state=remembering.asked_no_more(turn.state))
    if waits and not talk.news and best not in SKILL.intents and not _tries(turn):
        return None
    if best == remembering.REMEMBER:
        return _remember(turn, talk)
    return _doubt(turn, talk) or _advise(turn, talk)


def _tries(turn: Turn) -> bool:
    """Return whether a message that says nothing new is still meant as an answer: numbers that make no measure.

    A question is none, nor a number that counts something else, nor one among more words than measures need.
    """
    asked = turn.state.step == "measures" and not (turn.meaning.best and turn.meaning.is_sure)
    said = normal(turn.text)
    if not asked or is_question(said) or any(one.kind not in LIKE_MEASURES for one in turn.meaning.entities):
        return False
    bare = NUMBERS.sub(" ", said)
    words = len(re.findall(r"[a-z']+", bare)) + len(re.findall(r"[\u3400-\u9fff]", bare)) // 2
    return bare != said and OTHER_UNIT.search(said) is None and words <= MOST_WORDS


def _doubt(turn: Turn, talk: Talk) -> Step | None:
    """Ask back where one message says a measure in two ways, or a number that nobody has."""
    heard = talk.heard
    if heard.twice:
        one, other = (f"{value:g}" for value in heard.twice[:2])
        return _ask(turn, talk, Say("sizing.twice", {"one": one, "other": other}))
    if heard.unread and not (turn.meaning.best and turn.meaning.best not in SKILL.intents):
        return _ask(turn, talk, Say("sizing.unread", {"said": heard.unread}))
    return None


def _ask(turn: Turn, talk: Talk, *doubts: Say) -> Step:
    names = sized.shown_measures(turn, talk.chart, talk.chart.measures)
    asked = Say("sizing.ask_measures", {"chart.measures": names})
    return Step((*doubts, asked), turn.state.waiting(NAME, "measures", **talk.slots()))


def _advise(turn: Turn, talk: Talk) -> Step:
    if talk.product and talk.product.size_chart not in turn.knowledge.charts:
        talk = replace(talk, people={**talk.people, talk.whose: replace(talk.said, wishes=())})  # socks are socks
    last_time = remembering.remembered(turn.person, talk.said) if talk.whose == ME else Body()
    body = last_time.and_then(talk.said)
    reports = turn.shop.fit_reports(talk.product.id) if talk.product else None
    made = tuple(own_names(talk.chart, talk.product))
    advice = advise(talk.chart, body, turn.knowledge.charts, made, reports)
    if advice is None:
        american = any(system == "us" for system, _ in body.labels) and "foot" in talk.chart.measures
        if american and not body.sex:
            return Step((Say("sizing.ask_sex"),), turn.state.waiting(NAME, "measures", **talk.slots()))
        unknown = next((value for system, value in body.labels if not system and value.replace(".", "").isdigit()), "")
        if unknown:
            asked = Say("sizing.ask_system", {"said": unknown})
            return Step((asked,), turn.state.waiting(NAME, "measures", **talk.slots()))
        return _ask(turn, talk)
    if advice.odd:
        return _at_odds(turn, talk, advice)
    says = sized.says(turn, talk.chart, talk.product, body, advice, reports)
    if any(measure in talk.chart.measures for measure in last_time.measures.keys() - talk.said.measures.keys()):
        says = (Say("sizing.from_last_time"), *says)
    missing = _missing(talk.chart, advice)
    if missing:
        says = (*says, Say("sizing.more", {"chart.measures": sized.shown_measures(turn, talk.chart, missing)}))
    return _and_remember(turn, talk, body, Step(says, turn.state.waiting(NAME, OPTIONAL, **talk.slots())))


def _missing(chart: SizeChart, advice: Advice) -> tuple[str, ...]:
    """Return what would make a guess from one measure an advice."""
    if len(advice.used) != 1 or advice.used[0] not in BODY or advice.sure != LOW:
        return ()
    return tuple(measure for measure in BODY if measure in chart.measures and measure not in advice.used)


def _at_odds(turn: Turn, talk: Talk, advice: Advice) -> Step:
    """Say what cannot be true together, and wait for what is right, or a human."""
    one, other = advice.odd
    names = talk.chart.names
    fields = {"one": names[one][turn.language]}
    phrase = f"odd_{other}"
    if other in names:
        phrase, fields = "odd", {**fields, "other": names[other][turn.language]}
    said = Say(f"sizing.{phrase}", fields, (offers.human(turn),))
    return Step((said,), turn.state.waiting(NAME, "measures", **talk.slots()))


def _and_remember(turn: Turn, talk: Talk, body: Body, step: Step) -> Step:
    """Keep what is new of a person who wants that; ask one who was never asked, unless something else is offered."""
    own = dict(body.measures)
    if talk.whose != ME or not talk.said.measures:
        return step
    other_body = turn.person.measures and not remembering.remembered(turn.person, talk.said)
    if turn.person.keeps_measures and not other_body and own != dict(turn.person.measures):
        return replace(step, says=(*step.says, Say("sizing.kept_new")), effects=(KeepMeasures(True, own),))
    if remembering.may_ask(turn) and not any(say.choices for say in step.says):
        state = step.state.keeping(**{remembering.ASKED_KEEP: True, remembering.ASKED_ONCE: True})
        return replace(
            step,
            says=(*step.says, remembering.question(turn)),
            state=state,
            effects=(KeepMeasures(wanted=False),),
        )
    return step


def _remember(turn: Turn, talk: Talk) -> Step:
    own = talk.people.get(ME, Body())
    advice = advise(talk.chart, own, turn.knowledge.charts, tuple(own_names(talk.chart, talk.product)), None)
    if advice is not None and advice.odd:  # what cannot be true is not kept
        return _at_odds(turn, talk, advice)
    kept = remembering.keep_now(turn, own, sized.all_measures(turn, own))
    if kept is None:
        return _ask(turn, talk)
    return replace(kept, state=turn.state.waiting(NAME, OPTIONAL, **talk.slots()))


def _settles(turn: Turn) -> str:
    """Return the wish of someone who asks for a size and says of whom; the rules for it are no answer then."""
    if turn.choice or turn.state.skill not in ("", NAME) or turn.meaning.best not in ("", *ABOUT_SIZES):
        return ""
    if any(part not in (SIZE_ADVICE, *ABOUT_SIZES) for part, _ in turn.meaning.parts):  # something else is wanted, too
        return ""
    return SIZE_ADVICE if asks_size(turn) and not looks.asks_of_picture(turn) else ""


SKILL = Skill(
    NAME,
    frozenset({SIZE_ADVICE, remembering.FORGET, remembering.REMEMBER}),
    run,
    PHRASES,
    charts=CHARTS,
    about=frozenset({"measure", "product"}),
    adds_to=frozenset(ABOUT_SIZES),
    settles=_settles,
)

"""How was it? A score from 1 to 5 after an agent has closed the conversation, then words of one's own."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.knowledge.entries import Knowledge
from bot.messages import Choice
from bot.skills.choices import is_question
from bot.skills.turn import OPTIONAL, Rate, Say, Skill, State, Step, Turn, phrases
from bot.understanding.text import normal

NAME, TOKEN = "csat", "csat:"
LOW = 2
"""Up to this score people look into it."""
MOST_NOTED = 500
SCORE = re.compile(r"([1-5])(?: ?(?:分|星|颗星|points?|stars?|/ ?5))?[.。!！]?")
WITH_WORDS = re.compile(
    r"(?:我?(?:打|给)你?们?)?([1-5]) ?(?:分|星|颗星|points?|stars?|/ ?5|out of 5)\W*(.*)"
    r"|([1-5])(?:[\s,，.。:：、!！-]+)(?!\d|(?:days?|hours?|minutes?|weeks?|times|pieces|pairs|items)\b|[天个件条双次周月点号])(.+)"
)
"""A score, and what is said beside it: `4 还不错 但是太慢`."""
PHRASES = phrases(csat="ask; score_1; score_2; score_3; score_4; score_5; thanks; sorry; noted")


def asking(knowledge: Knowledge, language: str, epoch: int) -> tuple[Say, State]:
    """Return what asks for a score, and the state in which a digit is the answer.

    Args:
        epoch: of the conversation as it was closed; each close is rated once.
    """
    labels = {score: knowledge.phrases[f"csat.score_{score}", language].text for score in range(1, 6)}
    choices = tuple(Choice(f"{TOKEN}{epoch}:{score}", label) for score, label in labels.items())
    state = State(language=language, offered=choices).waiting(NAME, OPTIONAL, epoch=epoch)
    return Say("csat.ask", choices=choices), state


def is_about_people(turn: Turn) -> bool:
    """Return whether words after a score only sound like a call for a person: "the colleague was great"."""
    has_scored = turn.state.skill == NAME and "score" in turn.state.slots
    return has_scored and turn.meaning.margin < turn.meaning.bounds.act


def run(turn: Turn) -> Step | None:
    """Take the score, then what is said beside it; a question or another wish is none of both."""
    if turn.choice.startswith(TOKEN):
        epoch, _, score = turn.choice.removeprefix(TOKEN).partition(":")
        return _scored(turn, int(epoch), int(score)) if epoch.isdigit() and score in "12345" else None
    slots = turn.state.slots
    if turn.state.skill != NAME or turn.choice:
        return None
    if "score" not in slots:
        if digit := SCORE.fullmatch(normal(turn.text)):
            return _scored(turn, int(slots["epoch"]), int(digit[1]))
        return None if is_question(turn.text) else _scored_with_words(turn, int(slots["epoch"]))
    wish = turn.meaning.best and not is_about_people(turn)
    if wish or is_question(turn.text) or not turn.text.strip():
        return None
    return _commented(turn, int(slots["epoch"]), int(slots["score"]))


def _scored(turn: Turn, epoch: int, score: int) -> Step:
    effects = (Rate(epoch, score, low=score <= LOW),)
    said = Say("csat.sorry" if score <= LOW else "csat.thanks")
    waiting = turn.state.waiting(NAME, OPTIONAL, epoch=epoch, score=score)
    return Step((said,), waiting, effects)


def _scored_with_words(turn: Turn, epoch: int) -> Step | None:
    """Take a score with the words beside it, as if they had come one after the other."""
    told = WITH_WORDS.fullmatch(normal(turn.text))
    if told is None:
        return None
    score = int(told[1] or told[3])
    first, then = _scored(turn, epoch, score), _commented(turn, epoch, score)
    return replace(then, says=first.says, effects=(*first.effects, *then.effects))


def _commented(turn: Turn, epoch: int, score: int) -> Step:
    comment = turn.text[:MOST_NOTED]
    return Step((Say("csat.noted"),), turn.state.idle(), (Rate(epoch, score, comment, low=score <= LOW),))


SKILL = Skill(NAME, frozenset(), run, PHRASES, weighs=True)
